"""What of a record is worth showing: its lines as quotes, the point in them, what its attributes say beside.

All of it is foreign text, redacted and bounded; how it is escaped for a page is decided in `obs.quoting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from obs.events import Event, Severity
from obs.trails import short_id

__all__ = [
    "Exhibit",
    "Order",
    "Quote",
    "Verdict",
    "evidence_id",
    "order_of",
    "quote_of",
    "quotes_of",
    "spoken",
]

MAX_QUOTE = 2_000
MAX_ATTRIBUTES = 10
MAX_ATTRIBUTES_TEXT = 400

Order = tuple[int, str, int, str]
"""(time, source letter, line, uid): a total order of events, the same however they are split."""


class Quote(msgspec.Struct, frozen=True, gc=False):
    """One line of foreign text worth showing, and which part of it matters."""

    id: str
    time: int
    severity: str
    source: str
    text: str
    focus: tuple[int, int] = (0, 0)
    """Half-open range of characters in `text` that prove the point; (0, 0): the whole line."""


class Exhibit(msgspec.Struct, frozen=True):
    """One occurrence of an issue: its place in the total order, and the lines that show it."""

    order: Order
    quotes: tuple[Quote, ...]
    values: Mapping[str, str] = {}
    severity: int = 0
    traceback: tuple[str, ...] = ()
    """Its traceback, folded."""

    @property
    def rank(self) -> tuple[int, Order]:
        """The gravest first, then the earliest."""
        return (-self.severity, self.order)


class Verdict(Protocol):
    """What a rule says of an event; `obs.rules.Match` is one."""

    @property
    def offset(self) -> int: ...
    @property
    def line(self) -> str: ...
    @property
    def span(self) -> tuple[int, int]: ...
    @property
    def values(self) -> Mapping[str, str]: ...
    @property
    def context(self) -> Sequence[tuple[int, str]]:
        """Further lines that show the place, as (offset, text)."""


def evidence_id(event: Event, offset: int = 0) -> str:
    """Return the id under which a line of the event can be looked up again."""
    if event.origin is not None and event.origin.source:
        return f"{event.origin.source}:{event.origin.line + offset}"
    digest = short_id(event.uid)
    return f"{digest}.{offset}" if offset else digest


def order_of(event: Event) -> Order:
    """Return the place of an event among all events."""
    origin = event.origin
    return (event.time, origin.source if origin else "", origin.line if origin else 0, event.uid)


def quotes_of(event: Event, service: str, verdict: Verdict) -> tuple[Quote, ...]:
    """Return the lines that show what a rule found: the record's first, the one found, those of the place."""
    # A crash has no message: its first line is that of the traceback.
    head = next(event.lines())[1]
    if verdict.offset:
        quotes = [
            quote_of(event, service, 0, head),
            quote_of(event, service, verdict.offset, verdict.line, verdict.span),
        ]
    else:
        quotes = [quote_of(event, service, 0, *_with_attributes(event, head, verdict))]
    seen = {0, verdict.offset}
    quotes += [quote_of(event, service, at, text) for at, text in verdict.context if at not in seen]
    return tuple(quotes)


def _with_attributes(event: Event, head: str, verdict: Verdict) -> tuple[str, tuple[int, int]]:
    """The record's first line with what its attributes say beside it, and where the point stands in that."""
    said = f"{head} {_attributes(event)}".rstrip()
    if verdict.line == head or not verdict.line:
        return said, verdict.span
    at = said.find(verdict.line)
    if at < 0:
        return verdict.line, verdict.span
    start, end = verdict.span if verdict.span != (0, 0) else (0, len(verdict.line))
    return said, (at + start, at + end)


def _attributes(event: Event) -> str:
    """What a structured record carries beside its message, as logfmt; nothing that only says who spoke."""
    if event.event_name or not event.attributes:
        return ""
    said = [
        f"{key}={value}".replace("\n", " ")
        for key, value in event.attributes.items()
        if key not in _SPEAKER and "." not in key and isinstance(value, (str, int, float)) and value != ""
    ]
    return " ".join(said[:MAX_ATTRIBUTES])[:MAX_ATTRIBUTES_TEXT]


def quote_of(event: Event, service: str, offset: int, text: str, focus: tuple[int, int] = (0, 0)) -> Quote:
    """Return one line of an event as a quote.

    Args:
        event: The redacted event.
        service: The bot.
        offset: Which line of the record, counted from its first.
        text: The line.
        focus: Half-open range of characters that prove the point.
    """
    text, focus = _window(text, focus)
    source = event.logger if not service or service == event.logger else f"{service} {event.logger}".strip()
    return Quote(
        id=evidence_id(event, offset),
        time=0 if offset else event.time,
        severity="" if offset else (event.severity_text or _word(event.severity)),
        source="" if offset else (f"{source} {event.event_name}".strip() if event.event_name else source),
        text=text,
        focus=focus,
    )


TOLD = (
    "close", "signal.action", "signal.confidence", "filter", "decision.score", "order.id", "order.side",
    "order.quantity", "order.price", "order.stop_price", "fill.quantity", "fill.price", "position.quantity",
    "pnl.unrealized", "pnl.net", "currency", "reason", "error.type", "exchange.id",
    "http.response.status_code", "candle.age_s", "bot.state", "gen_ai.agent.name", "llm.cost",
    "llm.cost_currency", "channel", "process.exit_code", "process.signal",
    "faulthandler.stacktrace", "process.memory.usage", "system.memory.limit", "system.filesystem.free",
    "clock.offset_ms", "ratelimit.used", "ratelimit.limit",
)  # fmt: skip
"""Attributes shown beside an event's text, in this order, as far as it has them."""


_SPEAKER = frozenset((
    "pid", "hostname", "host", "v", "caller", "filename", "pathname", "lineno", "line", "func", "funcName",
    "func_name", "function", "module", "file", "thread", "threadName", "thread_name", "process",
    "processName", "logger", "component", "app", "service", "env", "version", "fingerprint", "msecs",
    "relativeCreated", "taskName", "stack_info", "args",
))  # fmt: skip
"""Attributes that say where a record came from, which its line shows already."""


def spoken(event: Event) -> str:
    """The text of an event that speaks in attributes: its body or name, and what they say, as logfmt."""
    if event.attributes.get("bot.program"):
        return event.body  # a line of another program already says it all
    attributes = event.attributes
    said = [f"{key}={value}" for key in TOLD if (value := attributes.get(key)) not in (None, "")]
    if (symbol := attributes.get("symbol")) and str(symbol) not in event.body:
        said.insert(0, f"symbol={symbol}")
    return " ".join([event.body or event.event_name, *said])


def _word(severity: Severity) -> str:
    return "" if severity is Severity.UNSPECIFIED else severity.name


def _window(text: str, focus: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    """Cut a giant line to `MAX_QUOTE` characters around its focus."""
    if len(text) <= MAX_QUOTE:
        return text, focus
    start = max(0, min(focus[0] - MAX_QUOTE // 4, len(text) - MAX_QUOTE))
    cut = text[start : start + MAX_QUOTE]
    return cut, (max(0, focus[0] - start), min(MAX_QUOTE, max(0, focus[1] - start)))
