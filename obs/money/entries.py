"""What one event says of money: a trade that began or ended, a call of a language model, a credit.

The same meaning for the book in memory and for the rows in the store. Of `run.mode=backtest` and of what a
bot found again when it started (`reconciliation`) nothing is said: neither is a trade of the day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from obs.books import facts
from obs.events import MAX_TIMESTAMP_NS, Event

if TYPE_CHECKING:
    from obs.money.pricing import Prices

__all__ = [
    "LLM_CALLS",
    "SIMULATED",
    "Credit",
    "LlmCall",
    "TradeEntry",
    "credit_of",
    "llm_call_of",
    "mode_of",
    "trade_of",
]

LLM_CALLS = ("gen_ai.client.inference.operation.details", "llm.called")
"""Event names of one call of a language model."""
SIMULATED = ("paper", "dry_run", "dry-run", "sandbox", "simulation")
"""Values of `run.mode` in which no real money moves."""
MAX_NAME = 120
"""Characters of a name from outside that are kept."""
MAX_DIGITS = 40
"""An amount of more digits before or after the point is none: it would be written out in full."""
_CUT = {"length", "max_tokens", "max_output_tokens", "model_length", "token_limit"}
"""Finish reasons of OpenAI, Anthropic, Google, Mistral and Cohere for an answer that was cut off."""
_TRADES = {"position.opened": "opened", "position.closed": "ended", "trade.closed": "closed"}


class TradeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one event says of one trade."""

    service: str
    kind: str
    """`opened`: it began; `closed`: it has its result; `ended`: nothing is held, the result may yet come."""
    position: str
    """Id of the position, else of the trade: several trades in a row may share a position's id."""
    trade: str = ""
    """Id of the trade as the bot names it; empty when it does not."""
    uid: str
    """Id of the event: the same id counts once."""
    time: int
    """Unix ns of the event."""
    entered: int = 0
    """Unix ns at which it was entered, where the event tells; else 0."""
    left: int = 0
    """Unix ns at which it was closed, where the event tells; else 0."""
    symbol: str = ""
    side: str = ""
    """`long`, `short` or empty."""
    quantity: Decimal | None = None
    entry_price: Decimal | None = None
    exit_price: Decimal | None = None
    pnl: Decimal | None = None
    """Result net of fees; None when the event does not tell."""
    fees: Decimal | None = None
    ratio: Decimal | None = None
    """Result as a fraction of what was put in."""
    currency: str = "?"
    """Of every amount; `?` when the bot does not say."""
    mode: str = ""
    """`live`, `paper`, or empty when the event does not say."""
    strategy: str = ""
    decision: str = ""
    """Id of the decision that led to it."""
    reason: str = ""
    """Why it was closed."""
    regime: str = ""


class LlmCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a language model and what it cost."""

    service: str
    uid: str
    time: int
    agent: str
    provider: str = ""
    model: str = ""
    """The model that answered, else the one that was asked for."""
    operation: str = ""
    input_tokens: int | None = None
    """All of them, cached ones included; None when the event does not tell."""
    cached_tokens: int = 0
    written_tokens: int = 0
    """Written to the provider's cache, part of `input_tokens`."""
    output_tokens: int | None = None
    """All of them, thinking included."""
    reasoning_tokens: int = 0
    duration_ms: float | None = None
    error: str = ""
    """Why it failed; empty when it did not."""
    is_cut: bool = False
    """Whether the answer ended because no more tokens were allowed."""
    decision: str = ""
    conversation: str = ""
    cost: Decimal | None = None
    """None when it is not known: unpriced, which is not 0."""
    currency: str = "USD"
    basis: str = "unpriced"
    """How the cost is known: `table`, `override`, `local` (declared to cost nothing), `reported`,
    `none` (a failed call without tokens) or `unpriced`."""
    price: str = ""
    """Which price was used, e.g. `genai-prices 0.2.3, openai/gpt-5`."""
    reported: Decimal | None = None
    """What the bot said it cost."""
    reported_currency: str = ""
    mode: str = ""


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """What a bot credits one agent with for one trade."""

    service: str
    uid: str
    time: int
    trade: str
    agent: str
    amount: Decimal
    currency: str = "?"
    method: str = ""
    """`shapley` or `confidence`, as the bot says."""
    llm_cost: Decimal | None = None
    llm_currency: str = "USD"
    fx_rate: Decimal | None = None
    """One unit of `llm_currency` in units of `currency`."""
    mode: str = ""


def trade_of(event: Event, service: str) -> TradeEntry | None:
    """Return what the event says of a trade, or None.

    Args:
        event: The translated, redacted event.
        service: The bot, when the event does not say.
    """
    kind = _TRADES.get(event.event_name)
    if kind is None or not _counts(event):
        return None
    values = event.attributes
    position = name(values, "position.id") or name(values, "trade.id")
    if not position and kind != "closed":
        position = name(values, "symbol")
    quantity = decimal(values.get("quantity", values.get("position.quantity")))
    entry, leave = decimal(values.get("entry.price")), decimal(values.get("exit.price"))
    return TradeEntry(
        service=event.service or service,
        kind=kind,
        position=position or uid_of(event),
        trade=name(values, "trade.id"),
        uid=uid_of(event),
        time=event.time,
        entered=moment(values.get("entry.time")),
        left=moment(values.get("exit.time")),
        symbol=name(values, "symbol"),
        side=_side(values, quantity),
        quantity=abs(quantity) if quantity is not None else None,
        entry_price=entry if entry is not None else _price(values) if kind == "opened" else None,
        exit_price=leave,
        pnl=decimal(values.get("pnl.net" if kind == "closed" else "pnl.realized"))
        if kind != "opened"
        else None,
        fees=decimal(values.get("fees")),
        ratio=decimal(values.get("pnl.ratio")),
        currency=name(values, "currency") or "?",
        mode=mode_of(values),
        strategy=name(values, "strategy.name"),
        decision=name(values, "decision.id"),
        reason=name(values, "exit.reason") or name(values, "reason"),
        regime=name(values, "regime"),
    )


def llm_call_of(event: Event, service: str, prices: Prices | None = None) -> LlmCall | None:
    """Return what the event says of a call of a language model, or None.

    Args:
        event: The translated, redacted event.
        service: The bot, when the event does not say.
        prices: Price tables; None: those that ship with the product.
    """
    if event.event_name not in LLM_CALLS or not _counts(event):
        return None
    from obs.money.pricing import STANDARD

    values = event.attributes
    input_tokens, output_tokens = _tokens(values, "input_tokens"), _tokens(values, "output_tokens")
    finish = str(values.get("gen_ai.response.finish_reasons") or "").lower()
    reported = decimal(values.get("llm.cost"))
    call = LlmCall(
        service=event.service or service,
        uid=uid_of(event),
        time=event.time,
        agent=name(values, "gen_ai.agent.name")
        or name(values, "agent.name")
        or name(values, "server.address")
        or "agent",
        provider=name(values, "gen_ai.provider.name") or name(values, "gen_ai.system"),
        model=name(values, "gen_ai.response.model") or name(values, "gen_ai.request.model"),
        operation=name(values, "gen_ai.operation.name"),
        input_tokens=input_tokens,
        cached_tokens=_tokens(values, "cache_read.input_tokens") or 0,
        written_tokens=_tokens(values, "cache_creation.input_tokens") or 0,
        output_tokens=output_tokens,
        reasoning_tokens=_tokens(values, "reasoning.output_tokens") or 0,
        duration_ms=_duration(values),
        error=name(values, "error.type"),
        is_cut=bool(_CUT & set(re.split(r"[^a-z_]+", finish))),
        decision=name(values, "decision.id"),
        conversation=name(values, "gen_ai.conversation.id"),
        reported=reported,
        reported_currency=(name(values, "llm.cost_currency") or "USD") if reported is not None else "",
        mode=mode_of(values),
    )
    return (prices if prices is not None else STANDARD).priced(call)


def credit_of(event: Event, service: str) -> Credit | None:
    """Return what the event credits an agent with, or None.

    Args:
        event: The translated, redacted event.
        service: The bot, when the event does not say.
    """
    if event.event_name != "attribution.computed" or not _counts(event):
        return None
    values = event.attributes
    amount, agent = decimal(values.get("contribution")), name(values, "agent.name")
    if amount is None or not agent:
        return None
    rate = decimal(values.get("fx.rate"))
    return Credit(
        service=event.service or service,
        uid=uid_of(event),
        time=event.time,
        trade=name(values, "trade.id"),
        agent=agent,
        amount=amount,
        currency=name(values, "currency") or "?",
        method=name(values, "contribution.method"),
        llm_cost=decimal(values.get("llm.cost")),
        llm_currency=name(values, "llm.cost_currency") or "USD",
        fx_rate=rate if rate is not None and rate > 0 else None,
        mode=mode_of(values),
    )


def mode_of(values: Mapping[str, Any]) -> str:
    """Return `live`, `paper`, `backtest`, or empty when the attributes do not tell."""
    mode = str(values.get("run.mode") or "").lower()
    return "paper" if mode in SIMULATED else mode if mode in ("live", "backtest") else ""


def uid_of(event: Event) -> str:
    """Return the id of the event; where it stands, for one of a recorded file."""
    if event.uid:
        return event.uid
    return f"{event.origin.source}:{event.origin.line}" if event.origin is not None else ""


def name(values: Mapping[str, Any], key: str) -> str:
    """Return a name or id as text, cut when it is longer than any name."""
    value = values.get(key)
    return str(value)[:MAX_NAME] if value or value == 0 else ""


def decimal(value: object) -> Decimal | None:
    """Return an amount as it was meant, or None when it is none or of no size that money has."""
    amount = facts.decimal(value)
    return amount if amount is not None and (not amount or abs(amount.adjusted()) <= MAX_DIGITS) else None


def moment(value: object) -> int:
    """Return a time as Unix ns, from ns, µs, ms or s since 1970 or from RFC 3339; 0 when it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return 0
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return _written(value) if isinstance(value, str) else 0
    if not number.is_finite():
        return 0
    for scale in (1, 1_000, 1_000_000, 1_000_000_000):
        # Each scale of today's date has its own number of digits: 1973 to 2262, whichever it is.
        if Decimal(10) ** 17 <= number * scale <= MAX_TIMESTAMP_NS:
            return int(number * scale)
    return 0


def _written(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return int(at.timestamp() * 1_000_000) * 1_000


def _counts(event: Event) -> bool:
    values = event.attributes
    return values.get("run.mode") != "backtest" and values.get("reconciliation") is not True


def _side(values: Mapping[str, Any], quantity: Decimal | None) -> str:
    side = str(values.get("position.side") or values.get("side") or "").lower()
    if side in ("long", "short"):
        return side
    return "short" if quantity is not None and quantity < 0 else ""


def _price(values: Mapping[str, Any]) -> Decimal | None:
    return decimal(values.get("position.average_price"))


def _tokens(values: Mapping[str, Any], key: str) -> int | None:
    count = decimal(values.get(f"gen_ai.usage.{key}"))
    return int(count) if count is not None and 0 <= count < 10**12 else None


def _duration(values: Mapping[str, Any]) -> float | None:
    duration = decimal(values.get("duration_ms"))
    return float(duration) if duration is not None and 0 <= duration < 10**12 else None
