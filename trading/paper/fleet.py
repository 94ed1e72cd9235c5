"""The bots of a paper run, and how one of them is run from its start to its end."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from decimal import Decimal

from trading.bars import Bar, exact
from trading.paper.bot import Bot, BotConfig
from trading.paper.clock import Clock, stamped_records
from trading.paper.exchange import BINANCE, COINBASE
from trading.paper.faults import FaultPlan
from trading.paper.live import LiveFeed
from trading.paper.replay import BAR_S, Market, MarketError, Replay, aligned, load_bars
from trading.regime import RegimeRules
from trading.risk import RiskLimits, TrailingStop
from trading.signals.params import Params
from trading.strategies import Grid, MeanReversion, MomentumEntry

__all__ = ["FLEET", "SYMBOLS", "bundled", "first_bar", "placed", "run_bot", "warm_up"]

LAST_BARS = 596
"""So many bars before the end of the bundled ones a run begins (2018-04-05 14:04 UTC): prices rise for a
quarter of an hour, then fall."""
LEAST_HISTORY = 60
"""Bars before the first, for indicators to begin with."""
LIVE_DELAY_S = 8.0
"""How long after a minute its candle is looked for: exchanges take some seconds, a request another."""
SYMBOLS = ("BTC/USD", "ETH/USD", "LTC/USD")
"""What the bundled candles are of."""

BASKET = Params(
    fast=6,
    slow=24,
    rsi=14,
    momentum=6,
    volatility=12,
    entry=2.0,
    exit=0.0,
    min_confidence=0.70,
    max_volatility=1.9,
    max_correlation=0.85,
    correlation_window=48,
    correlation_least=24,
    halted_bars=3,
    closed_regimes=("bear", "volatile"),
    max_weight=0.30,
    max_total=0.80,
    periods_per_year=105_120,
    market=RegimeRules(
        trend=48,
        momentum=12,
        volatility=12,
        band=0.004,
        volatile_from=1.75,
        calm_below=1.70,
        confirm=2,
        periods_per_year=105_120,
    ),
)
"""Five-minute sessions: a day has 288, a year 105,120."""

FLEET: Mapping[str, BotConfig] = {
    config.bot_id: config
    for config in (
        BotConfig(
            bot_id="grid-1",
            strategy_name="grid",
            symbols=("BTC/USD",),
            venue=BINANCE,
            strategy=lambda: Grid(0.0015, least=0.3),
            cash=Decimal(20_000),
            unit=Decimal("0.5"),
            held=Decimal("1.5"),
            stop=TrailingStop(Decimal("0.03"), Decimal("0.02")),
            sells_units=True,
            phase=0.1,
        ),
        BotConfig(
            bot_id="momo-2",
            strategy_name="momentum",
            symbols=("ETH/USD",),
            venue=BINANCE,
            strategy=MomentumEntry,
            cash=Decimal(30_000),
            unit=Decimal(20),
            held=Decimal(60),
            stop=TrailingStop(Decimal("0.008"), Decimal("0.001")),
            phase=0.7,
        ),
        BotConfig(
            bot_id="meanrev-3",
            strategy_name="mean_reversion",
            symbols=("LTC/USD",),
            venue=BINANCE,
            strategy=MeanReversion,
            cash=Decimal(25_000),
            unit=Decimal(60),
            phase=1.3,
        ),
        BotConfig(
            bot_id="news-4",
            strategy_name="news_llm",
            symbols=("BTC/USD",),
            venue=COINBASE,
            cash=Decimal(15_000),
            unit=Decimal("0.5"),
            reads_news=True,
            phase=1.9,
        ),
        BotConfig(
            bot_id="maps-5",
            strategy_name="maps",
            symbols=SYMBOLS,
            venue=COINBASE,
            params=BASKET,
            cash=Decimal(40_000),
            risk=RiskLimits(
                stop_loss=None, take_profit=0.02, max_weight=0.30, max_positions=2, target_volatility=1.0
            ),
            history=720,
            phase=2.5,
        ),
    )
}
"""Every bot by its id."""


def first_bar(count: int, duration_s: float, *, usual: int) -> int:
    """Return the index of the bar at which a run begins.

    Args:
        count: Bars there are.
        duration_s: How long the run lasts.
        usual: Where it begins when that leaves enough bars; a longer run begins earlier.

    Raises:
        MarketError: If the bars do not last so long.
    """
    most = count - LEAST_HISTORY - 1
    if duration_s > most * BAR_S:
        raise MarketError(
            f"--duration {duration_s / 60:.0f}m is longer than the candles: use 1s to {max(most, 0)}m."
        )
    return max(LEAST_HISTORY, min(usual, count - 1 - math.ceil(duration_s / BAR_S)))


def warm_up(count: int) -> int:
    """Return how many of so many bars of your own a run leaves to the indicators before it begins."""
    return max(LEAST_HISTORY, min(max(config.history for config in FLEET.values()), count // 3))


def bundled(config: BotConfig, duration_s: float) -> tuple[dict[str, list[Bar]], int]:
    """Return the bundled bars of a bot's symbols, and the index at which its run begins."""
    series = aligned({symbol: load_bars(symbol) for symbol in config.symbols})
    count = len(series[config.symbols[0]])
    return series, first_bar(count, duration_s, usual=count - LAST_BARS)


def placed(config: BotConfig, bars: Mapping[str, Sequence[Bar]], first: int) -> BotConfig:
    """Return the bot on symbols of your own: the same units, and money that pays for as many of them.

    Args:
        config: A bot of the fleet.
        bars: Your bars by symbol. A bot for one symbol takes the first that no bot before it took, in the
            order of the fleet; a basket takes all.
        first: Index of the bar at which the run begins.
    """
    own = list(bars)
    symbols = tuple(own) if len(config.symbols) > 1 else (own[SYMBOLS.index(config.symbols[0]) % len(own)],)
    was, price = load_bars(config.symbols[0])[-LAST_BARS - 1].close, bars[symbols[0]][first - 1].close
    dearer = exact(price) / exact(was)
    limits = replace(config.limits, max_order_notional=config.limits.max_order_notional * dearer)
    cash = (config.cash * dearer).quantize(Decimal("0.01"))
    return replace(config, symbols=symbols, cash=cash, limits=limits)


def run_bot(
    config: BotConfig,
    *,
    start_ns: int,
    duration_s: float,
    faults: FaultPlan,
    seed: int = 0,
    speed: float = 0.0,
    bars: Mapping[str, Sequence[Bar]] | None = None,
    quote: str = "USD",
    feed: LiveFeed | None = None,
) -> Bot:
    """Run one bot from its start to its end, and return it with its books.

    Args:
        config: Which bot.
        start_ns: When the run begins on its own clock; Unix ns. Log records carry that clock's time.
        duration_s: How long it lasts on that clock.
        faults: What goes wrong.
        seed: What the run's chances are drawn from; same seed, same run.
        speed: Seconds of the run for each second of the wall clock; 0: as fast as possible.
        bars: One-minute bars of your own by symbol, at the same minutes; `None`: the bundled ones.
        quote: Currency of symbols of your own whose name tells none.
        feed: A live market, instead of bars; the run then begins at a whole minute of the wall clock.

    Raises:
        MarketError: If there are no candles for the bot's symbols, or too few.
    """
    clock = Clock(start_ns, speed=speed)
    if feed is not None:
        bars, first = feed.history, len(next(iter(feed.history.values())))
        config = replace(
            placed(config, bars, first), quote=quote, candle_delay_s=LIVE_DELAY_S, data_source="ccxt"
        )
    elif bars is None:
        bars, first = bundled(config, duration_s)
    else:
        count = len(next(iter(bars.values())))
        first = first_bar(count, duration_s, usual=warm_up(count))
        config = replace(placed(config, bars, first), quote=quote, data_source="files")
    markets: dict[str, Market] = {
        symbol: feed.markets[symbol] if feed else Replay(bars[symbol], clock, first=first)
        for symbol in config.symbols
    }
    # A generator of its own for each bot: what one bot does must not change another's chances.
    bot = Bot(config, clock, markets, faults, random.Random(f"{seed}/{config.bot_id}"), feed)
    # A live run's clock is the wall's, and the feed's thread speaks between two steps of it.
    with nullcontext() if feed else stamped_records(clock):
        bot.start()
        # Whoever interrupts a bot wants it to end in order: its books are worth as much as after a whole run.
        with suppress(KeyboardInterrupt):
            clock.run_until(duration_s)
        bot.stop()
    return bot
