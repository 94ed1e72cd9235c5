"""The bots of a paper run, and how one of them is run from its start to its end."""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal

from trading.paper.bot import Bot, BotConfig
from trading.paper.clock import Clock, stamped_records
from trading.paper.exchange import BINANCE, COINBASE
from trading.paper.faults import FaultPlan
from trading.paper.replay import Replay, load_bars
from trading.risk import TrailingStop
from trading.strategies import Grid, MeanReversion, MomentumEntry, Quiet

__all__ = ["FIRST_BAR", "FLEET", "run_bot"]

FIRST_BAR = 844
"""Where in the bundled day a run begins (14:04 UTC): prices rise for a quarter of an hour, then fall."""

FLEET: Mapping[str, BotConfig] = {
    config.bot_id: config
    for config in (
        BotConfig(
            bot_id="grid-1",
            strategy_name="grid",
            symbol="BTC/USD",
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
            symbol="ETH/USD",
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
            symbol="LTC/USD",
            venue=BINANCE,
            strategy=MeanReversion,
            cash=Decimal(25_000),
            unit=Decimal(60),
            phase=1.3,
        ),
        BotConfig(
            bot_id="news-4",
            strategy_name="news_llm",
            symbol="BTC/USD",
            venue=COINBASE,
            strategy=Quiet,
            cash=Decimal(15_000),
            unit=Decimal("0.5"),
            reads_news=True,
            phase=1.9,
        ),
    )
}
"""Every bot by its id."""


def run_bot(
    config: BotConfig,
    *,
    start_ns: int,
    duration_s: float,
    faults: FaultPlan,
    seed: int = 0,
    speed: float = 0.0,
    first_bar: int = FIRST_BAR,
) -> Bot:
    """Run one bot from its start to its end, and return it with its books.

    Args:
        config: Which bot.
        start_ns: When the run begins on its own clock; Unix ns. Log records carry that clock's time.
        duration_s: How long it lasts on that clock.
        faults: What goes wrong.
        seed: What the run's chances are drawn from; same seed, same run.
        speed: Seconds of the run for each second of the wall clock; 0: as fast as possible.
        first_bar: Index of the first candle to play.

    Raises:
        MarketError: If there are no candles for the bot's symbol.
    """
    clock = Clock(start_ns, speed=speed)
    market = Replay(load_bars(config.symbol), clock, first=first_bar)
    # A generator of its own for each bot: what one bot does must not change another's chances.
    bot = Bot(config, clock, market, faults, random.Random(f"{seed}/{config.bot_id}"))
    with stamped_records(clock):
        bot.start()
        clock.run_until(duration_s)
        bot.stop()
    return bot
