"""The words this core logs under: event names, their severities and their attributes.

A copy of the vocabulary in `docs/events.md`, kept equal by a test. Nothing here knows who listens:
records go to the standard `logging` module, the event's name and attributes ride in `extra`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from trading import __version__

__all__ = ["COMMON", "EVENTS", "TRACE", "BotLog", "Value", "Word", "log_event", "open_to_listeners"]

Value = str | int | float | bool | Decimal | None

TRACE = 5
"""Level of the records nobody reads one by one (each bar, each funding rate)."""

_DEBUG, _INFO, _WARN, _ERROR, _FATAL = (
    logging.DEBUG,
    logging.INFO,
    logging.WARNING,
    logging.ERROR,
    logging.CRITICAL,
)


class Word(NamedTuple):
    """What an event may carry."""

    levels: tuple[int, ...]
    """The usual level first; further ones for the cases that `docs/events.md` names."""
    attributes: frozenset[str]


COMMON = frozenset(
    {
        "bot.id",
        "strategy.name",
        "run.mode",
        "service.version",
        "cause.id",
        "account.id",
        "log.record.uid",
    }
)
"""Attributes any event may carry; the first four stand on every record of a bot."""

_ORDER = (
    "order.id order.exchange_id symbol exchange.id order.side order.type order.quantity order.price "
    "order.reference_price currency decision.id latency_ms position.id order.reduce_only order.stop_price "
    "order.confirmed checked.time order.remaining"
)
_POSITION = (
    "position.id symbol position.side position.quantity position.average_price price entry.time "
    "pnl.unrealized pnl.realized currency reconciliation"
)
_REBALANCE = (
    "rebalance.id risk_level sharpe.before sharpe.after sharpe.gain_ratio assets turnover.ratio "
    "weights reason"
)
_BACKTEST = (
    "backtest.id strategy.id symbols period.start period.end total_return sharpe max_drawdown trades "
    "fee.ratio data.hash duration_ms trigger error.type currency"
)
_ANOMALY = "anomaly.id anomaly.kind anomaly.severity value threshold window_s sample.count symbol action"
_BREAKER = "loss.ratio threshold equity.day_start equity bots.stopped bots.kept until currency"
_LLM = (
    "gen_ai.operation.name gen_ai.provider.name gen_ai.request.model gen_ai.response.model "
    "gen_ai.response.id gen_ai.response.finish_reasons gen_ai.usage.input_tokens "
    "gen_ai.usage.output_tokens gen_ai.usage.cache_read.input_tokens "
    "gen_ai.usage.cache_creation.input_tokens gen_ai.usage.reasoning.output_tokens gen_ai.agent.name "
    "gen_ai.conversation.id gen_ai.request.max_tokens error.type duration_ms llm.cost llm.cost_currency "
    "llm.price_version llm.prompt_hash decision.id"
)


def _word(attributes: str, *levels: int) -> Word:
    return Word(levels or (_INFO,), frozenset(attributes.split()))


EVENTS: Mapping[str, Word] = {
    "bot.started": _word("bot.state reason config.hash"),
    "bot.stopped": _word("bot.state reason config.hash"),
    "bot.state_changed": _word("bot.state bot.state.previous reason actor", _INFO, _WARN),
    "heartbeat": _word(
        "bot.state loop.duration_ms tick.age_s candle.age_s orders.open positions.open market.open "
        "queue.dropped seq process.memory.usage system.memory.limit clock.offset_ms",
        _DEBUG,
    ),
    "api.requested": _word(
        "exchange.id http.route http.response.status_code error.type duration_ms retry.count "
        "ratelimit.used ratelimit.limit",
        _DEBUG,
        _WARN,
    ),
    "data.collected": _word(
        "data.source symbol interval data.rows data.gaps data.start data.end cache.hit duration_ms",
        _INFO,
        _ERROR,
    ),
    "data.checked": _word(
        "symbol interval data.source data.fault data.start data.end sample.count value action",
        _WARN,
        _INFO,
        _ERROR,
    ),
    "market.bar": _word("symbol interval open high low close volume bar.time", TRACE),
    "market.funding": _word("symbol funding.rate funding.interval_h", TRACE),
    "market.book": _word("symbol bid_share levels spread.ratio mid", TRACE),
    "market.mark": _word("symbol price price.time currency", TRACE),
    "regime.changed": _word("symbol regime regime.previous trend momentum volatility"),
    "signal.generated": _word(
        "signal.id agent.name symbol signal.action signal.confidence signal.weight signal.score "
        "indicator.rsi indicator.ma_ratio indicator.momentum bar.time reason"
    ),
    "signal.filtered": _word("signal.id symbol filter value threshold"),
    "decision.made": _word(
        "decision.id symbol position.target decision.score decision.threshold signal.ids decision.override"
    ),
    "order.submitted": _word(_ORDER),
    "order.accepted": _word(_ORDER),
    "order.denied": _word(f"{_ORDER} reason value threshold", _WARN),
    "order.rejected": _word(f"{_ORDER} reason error.type exchange.code", _ERROR),
    "order.filled": _word(
        f"{_ORDER} fill.id fill.quantity fill.price fill.fee fill.fee_currency fill.liquidity "
        "slippage.ratio reconciliation"
    ),
    "order.canceled": _word(f"{_ORDER} reason"),
    "order.expired": _word(f"{_ORDER} reason"),
    "position.opened": _word(_POSITION),
    "position.changed": _word(_POSITION),
    "position.closed": _word(_POSITION),
    "trade.closed": _word(
        "trade.id position.id symbol entry.price exit.price entry.time exit.time quantity pnl.net pnl.ratio "
        "fees mae.ratio mfe.ratio duration_s exit.reason regime decision.id currency"
    ),
    "balance.updated": _word("asset balance.total balance.free reported"),
    "equity.measured": _word(
        "equity equity.day_start equity.peak pnl.day drawdown.ratio exposure.ratio currency"
    ),
    "rebalance.due": _word(_REBALANCE),
    "rebalance.proposed": _word(_REBALANCE),
    "rebalance.applied": _word(_REBALANCE),
    "rebalance.skipped": _word(_REBALANCE),
    "backtest.queued": _word(_BACKTEST),
    "backtest.started": _word(_BACKTEST),
    "backtest.finished": _word(_BACKTEST),
    "backtest.failed": _word(_BACKTEST, _ERROR),
    "gen_ai.client.inference.operation.details": _word(_LLM),
    "llm.called": _word(_LLM),
    "attribution.computed": _word(
        "trade.id agent.name contribution contribution.method llm.cost fx.rate currency"
    ),
    "fx.measured": _word("fx.pair fx.rate"),
    "anomaly.detected": _word(_ANOMALY, _WARN, _ERROR),
    "anomaly.cleared": _word(_ANOMALY, _WARN, _ERROR),
    "circuit_breaker.tripped": _word(_BREAKER, _FATAL),
    "circuit_breaker.reset": _word(_BREAKER),
    "notification.sent": _word("channel duration_ms error.type"),
    "notification.failed": _word("channel duration_ms error.type", _ERROR),
}
"""Every event of the vocabulary; `docs/events.md` says what each attribute means."""


def log_event(
    logger: logging.Logger,
    name: str,
    attributes: Mapping[str, Value],
    body: str,
    *args: object,
    level: int | None = None,
    error: BaseException | None = None,
    stacklevel: int = 1,
) -> None:
    """Log one event of the vocabulary.

    Args:
        logger: Who speaks.
        name: The event's name; a key of `EVENTS`.
        attributes: Flat attributes; `None` is left out, `Decimal` is written as its digits.
        body: The words for people, a `%` template.
        args: What goes into the template.
        level: When it is not the event's usual level.
        error: The exception that led here; its traceback goes with the record.
        stacklevel: As in `logging`: 1 names the caller as the place of the record.
    """
    level = EVENTS[name].levels[0] if level is None else level
    if logger.isEnabledFor(level):
        extra = {"event_name": name, **_plain(attributes)}
        logger.log(level, body, *map(_word_of, args), extra=extra, exc_info=error, stacklevel=stacklevel + 1)


class BotLog:
    """How one bot speaks: every record carries whose it is."""

    def __init__(
        self, bot_id: str, strategy: str, *, mode: str = "paper", version: str = __version__
    ) -> None:
        self._common: dict[str, Value] = {
            "bot.id": bot_id,
            "strategy.name": strategy,
            "run.mode": mode,
            "service.version": version,
        }

    @property
    def bot_id(self) -> str:
        """Who speaks."""
        return str(self._common["bot.id"])

    def event(
        self,
        name: str,
        attributes: Mapping[str, Value],
        body: str,
        *args: object,
        level: int | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Log one event of the vocabulary; its logger is the name's first word."""
        logger = logging.getLogger(f"trading.{name.partition('.')[0]}")
        attributes = {**self._common, **attributes}
        log_event(logger, name, attributes, body, *args, level=level, error=error, stacklevel=2)

    def line(
        self, part: str, level: int, text: str, *args: object, error: BaseException | None = None
    ) -> None:
        """Log plain words, for what the vocabulary has no event for.

        Args:
            part: Which part of the bot speaks; the logger is `trading.<part>`.
            level: A level of `logging`.
            text: A `%` template.
            args: What goes into it.
            error: The exception that led here, if any.
        """
        logger = logging.getLogger(f"trading.{part}")
        if logger.isEnabledFor(level):
            values = map(_word_of, args)
            logger.log(level, text, *values, extra=_plain(self._common), exc_info=error, stacklevel=2)


def open_to_listeners() -> None:
    """Let everything the core says reach whoever listens to `logging`; where nobody does, nothing is printed.

    A command calls it that has no logging settings of its own.
    """
    logger = logging.getLogger("trading")
    logger.setLevel(TRACE)
    logger.addHandler(logging.NullHandler())


def _word_of(argument: object) -> object:
    # A listener that must not wait cannot ask a foreign object for its text; numbers and strings it may read.
    return argument if isinstance(argument, str | int | float) else str(argument)


def _plain(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {
        key: f"{value:f}" if isinstance(value, Decimal) else value
        for key, value in attributes.items()
        if value is not None
    }
