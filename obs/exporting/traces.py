"""From signals, decisions, orders and fills to spans: one decision is one trace.

A fold without a clock: what is open (signals not yet decided on, orders not yet done) is remembered within
bounds and stored with State. Ids are made from the bot and the ids that its events carry, so that every
sidecar, also after a restart, names the same trace alike.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from obs.events import Event, Severity

__all__ = ["FAMILIES", "Place", "SpanRow", "Tracer", "place_of"]

FAMILIES = ("signal.", "decision.", "order.")
MOST_SIGNALS = 300
MOST_ORDERS = 300
MOST_IDS = 64
"""Signals of one decision that are looked at."""
MOST_NAME = 200
MOST_SAID = 64
"""Attributes of one event, and about of one order."""
_ENDS = frozenset(("order.rejected", "order.denied", "order.canceled", "order.expired"))
_FAILED = frozenset(("order.rejected", "order.denied", "order.expired"))


class SpanRow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One span as it waits to be sent."""

    trace: str
    span: str
    parent: str = ""
    name: str
    start: int
    end: int
    service: str = ""
    failed: str = ""
    """Why, in a word of the bot."""
    attributes: dict[str, Any] = {}
    links: list[tuple[str, str]] = []
    """Traces and spans of the bot's own."""


class _Signal(msgspec.Struct, array_like=True):
    service: str
    id: str
    time: int
    attributes: dict[str, Any]
    links: list[tuple[str, str]]


class _Order(msgspec.Struct, array_like=True):
    service: str
    id: str
    decision: str
    start: int
    last: int
    attributes: dict[str, Any]
    links: list[tuple[str, str]]


class Place(msgspec.Struct, frozen=True):
    """Where a record belongs."""

    trace: str
    span: str


class Tracer(msgspec.Struct):
    """What is open; `add` gives the spans that an event completes."""

    signals: dict[str, _Signal] = {}
    orders: dict[str, _Order] = {}
    ended: dict[str, str] = {}
    """Orders that are told already, with their decision: what comes late belongs to them."""

    def add(self, event: Event, service: str) -> list[SpanRow]:
        """Take an event of one of `FAMILIES`; return the spans that are complete now."""
        name, values = event.event_name, event.attributes
        if values.get("run.mode") == "backtest" or not event.time:
            return []
        if name == "signal.generated":
            return self._signal(event, service)
        if name == "signal.filtered":
            return self._filtered(event, service)
        if name == "decision.made":
            return self._decision(event, service)
        if name.startswith("order."):
            return self._order(event, service)
        return []

    def encode(self) -> str:
        """Return it as JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Tracer:
        """Return what `encode` gave.

        Raises:
            msgspec.DecodeError: If the text is of another version.
        """
        return msgspec.json.decode(text, type=cls)

    def _signal(self, event: Event, service: str) -> list[SpanRow]:
        told = _id(event, "signal.id")
        if not told:
            return []
        self.signals[f"{service}\0{told}"] = _Signal(service, told, event.time, _said(event), _links(event))
        if len(self.signals) <= MOST_SIGNALS:
            return []
        # The oldest led nowhere: a trace of its own.
        return [_alone(self.signals.pop(next(iter(self.signals))))]

    def _filtered(self, event: Event, service: str) -> list[SpanRow]:
        told = _id(event, "signal.id")
        if not told:
            return []
        known = self.signals.pop(f"{service}\0{told}", None)
        start = known.time if known is not None else event.time
        said = {**(known.attributes if known is not None else {}), **_said(event)}
        span = _alone(_Signal(service, told, start, said, _links(event)))
        span.end = max(span.start, event.time)
        return [span]

    def _decision(self, event: Event, service: str) -> list[SpanRow]:
        told = _id(event, "decision.id")
        if not told:
            return []
        root = place_of(service, "decision", told)
        rows: list[SpanRow] = []
        for one in _ids(event):
            known = self.signals.pop(f"{service}\0{one}", None)
            if known is not None:
                row = _alone(known)
                row.trace, row.parent, row.end = root.trace, root.span, max(row.start, event.time)
                row.span = place_of(service, "signal", one, trace=root.trace).span
                rows.append(row)
        start = min((row.start for row in rows), default=event.time)
        rows.append(
            SpanRow(
                trace=root.trace,
                span=root.span,
                name=_named("decision", event.attributes),
                start=min(start, event.time),
                end=event.time,
                service=service,
                attributes=_said(event),
                links=_links(event),
            )
        )
        return rows

    def _order(self, event: Event, service: str) -> list[SpanRow]:
        told = _id(event, "order.id")
        if not told:
            return []
        key = f"{service}\0{told}"
        if key in self.ended:
            late = _Order(service, told, self.ended[key], event.time, event.time, {}, [])
            return [_fill(event, late)] if event.event_name == "order.filled" else []
        order = self.orders.get(key)
        rows: list[SpanRow] = []
        if order is None:
            order = _Order(
                service, told, _id(event, "decision.id"), event.time, event.time, {}, _links(event)
            )
            self.orders[key] = order
            if len(self.orders) > MOST_ORDERS:
                # The oldest never ended as far as we heard; it is told as it stands.
                rows.append(_told(self.orders.pop(next(iter(self.orders))), ""))
        order.decision = order.decision or _id(event, "decision.id")
        order.start, order.last = min(order.start, event.time), max(order.last, event.time)
        if len(order.attributes) < MOST_SAID:
            said = _said(event)
            order.attributes.update(
                {key: value for key, value in said.items() if not key.startswith("fill.")}
            )
        if event.event_name == "order.filled":
            rows.append(_fill(event, order))
        if event.event_name in _ENDS or _is_filled(event):
            failed = ""
            if event.event_name in _FAILED:
                failed = str(event.attributes.get("reason") or event.event_name)[:MOST_NAME]
            rows.append(_told(self.orders.pop(key), failed))
            self.ended[key] = order.decision
            if len(self.ended) > MOST_ORDERS:
                del self.ended[next(iter(self.ended))]
        return rows


def place_of(service: str, kind: str, told: str, *, trace: str = "") -> Place:
    """Return the trace and span of a signal, decision or order.

    Args:
        service: The bot.
        kind: `signal`, `decision`, `order`, `fill`.
        told: Its id.
        trace: The trace it belongs to; empty: one of its own.
    """
    whole = f"{service}\0{kind}\0{told}".encode("utf-8", "backslashreplace")
    return Place(
        trace or blake2b(whole, digest_size=16, person=b"obs.trace").hexdigest(),
        blake2b(whole, digest_size=8, person=b"obs.span").hexdigest(),
    )


def _trace_of(service: str, decision: str, order: str) -> tuple[str, str]:
    """Return the trace of an order and the span above it; an order nobody decided on stands alone."""
    if decision:
        root = place_of(service, "decision", decision)
        return root.trace, root.span
    return place_of(service, "order", order).trace, ""


def _told(order: _Order, failed: str) -> SpanRow:
    trace, parent = _trace_of(order.service, order.decision, order.id)
    return SpanRow(
        trace=trace,
        span=place_of(order.service, "order", order.id).span,
        parent=parent,
        name=_named("order", order.attributes),
        start=order.start,
        end=order.last,
        service=order.service,
        failed=failed,
        attributes=order.attributes,
        links=order.links,
    )


def _fill(event: Event, order: _Order) -> SpanRow:
    trace, _ = _trace_of(order.service, order.decision, order.id)
    told = _id(event, "fill.id") or event.uid or str(event.time)
    return SpanRow(
        trace=trace,
        span=place_of(order.service, "fill", f"{order.id}\0{told}").span,
        parent=place_of(order.service, "order", order.id).span,
        name=_named("fill", event.attributes),
        start=event.time,
        end=event.time,
        service=order.service,
        attributes=_said(event),
        links=_links(event),
    )


def _alone(signal: _Signal) -> SpanRow:
    place = place_of(signal.service, "signal", signal.id)
    return SpanRow(
        trace=place.trace,
        span=place.span,
        name=_named("signal", signal.attributes),
        start=signal.time,
        end=signal.time,
        service=signal.service,
        attributes=signal.attributes,
        links=signal.links,
    )


def _is_filled(event: Event) -> bool:
    """Whether nothing of the order is left: it says so, or tells nothing of a rest."""
    if event.event_name != "order.filled":
        return False
    values = event.attributes
    left = values.get("order.remaining")
    try:
        if left is not None:
            return float(str(left)) <= 0
        return float(str(values["fill.quantity"])) >= float(str(values["order.quantity"]))
    except (KeyError, ValueError):
        return "order.quantity" not in values


def _named(kind: str, values: Any) -> str:
    side = values.get("order.side") or values.get("signal.action") or ""
    words = (kind, str(side)[:20], str(values.get("symbol") or "")[:40])
    return " ".join(word for word in words if word)


def _said(event: Event) -> dict[str, Any]:
    """What the event says in flat values: all that a span needs."""
    said = {
        str(key)[:MOST_NAME]: value[:MOST_NAME] if isinstance(value, str) else value
        for key, value in list(event.attributes.items())[:MOST_SAID]
        if type(value) in (str, int, float, bool)
    }
    if event.uid:
        said["log.record.uid"] = event.uid[:MOST_NAME]
    if event.severity >= Severity.WARN and event.body:
        said["message"] = event.body[:MOST_NAME]
    return said


def _links(event: Event) -> list[tuple[str, str]]:
    return [(event.trace_id, event.span_id)] if event.trace_id and event.span_id else []


def _id(event: Event, key: str) -> str:
    value = event.attributes.get(key)
    return str(value)[:MOST_NAME] if value is not None and not isinstance(value, (list, dict)) else ""


def _ids(event: Event) -> list[str]:
    told = event.attributes.get("signal.ids")
    parts = told if isinstance(told, list) else str(told or "").split(",")
    return [str(part).strip()[:MOST_NAME] for part in parts if str(part).strip()][:MOST_IDS]
