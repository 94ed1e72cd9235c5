"""From signals, decisions, orders and fills to spans: one decision is one trace.

A fold without a clock: what is open (signals not yet decided on, orders not yet done) is remembered within
bounds and stored with State. Ids are made from the bot and the ids that its events carry, so that every
sidecar, also after a restart, names the same trace alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from obs.events import Event
from obs.exporting.calls import CALLS, call_of, place_of_call
from obs.exporting.spanrows import (
    MOST_NAME,
    MOST_SAID,
    Place,
    SpanRow,
    id_of,
    links_of,
    place_of,
    resource_of,
    said_by,
)

__all__ = ["FAMILIES", "Tracer"]

FAMILIES = ("signal.", "decision.", "order.", "bot.stopped", "process.exited", *CALLS)
"""How the names of events begin that traces are made of."""
MOST_OPEN = 300
"""Signals, orders, and of each other kind what is remembered."""
MOST_IDS = 64
"""Signals of one decision that are looked at."""
MOST_MOMENTS = 32
_ENDS = frozenset(("order.rejected", "order.denied", "order.canceled", "order.expired"))
_FAILED = frozenset(("order.rejected", "order.denied", "order.expired"))
_GONE = frozenset(("bot.stopped", "process.exited"))
_OF_MOMENTS = (
    *("reason", "error.type", "exchange.code", "latency_ms", "value", "threshold"),
    *("order.price", "order.stop_price", "order.quantity", "order.remaining", "order.confirmed"),
)
"""What a moment in the life of an order says."""
_OPEN = "obs.open"
"""Attribute of a span that was told before its end: why."""
_Kept = TypeVar("_Kept")


class _Signal(msgspec.Struct, array_like=True):
    service: str
    id: str
    time: int
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    resource: dict[str, str] = {}


class _Order(msgspec.Struct, array_like=True):
    service: str
    id: str
    decision: str
    start: int
    last: int
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    resource: dict[str, str] = {}
    moments: list[tuple[str, int, dict[str, Any]]] = []
    part: int = 1
    """1, or more when its beginning was told already."""


class Tracer(msgspec.Struct):
    """What is open; `add` gives the spans that an event completes."""

    signals: dict[str, _Signal] = {}
    orders: dict[str, _Order] = {}
    ended: dict[str, str] = {}
    """Orders that are told already, with their decision: what comes late belongs to them."""
    halted: dict[str, _Order] = {}
    """Orders that were told before their end."""
    decided: dict[str, str] = {}
    """Signals that a decision named before they came."""
    positions: dict[str, tuple[str, str]] = {}
    """Positions -> trace and span of the order that opened them: for stops that nobody decides on."""
    calls: dict[str, int] = {}
    """Decisions not yet told -> when the first call of a model for them began."""

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
        if name in CALLS:
            return self._call(event, service)
        if name in _GONE:
            return self._gone(event, service)
        return []

    def place(self, event: Event, service: str) -> Place | None:
        """Return the span that a record of a decision, order or call belongs to; None where there is none."""
        values, name = event.attributes, event.event_name
        if values.get("run.mode") == "backtest":
            return None
        if name in CALLS:
            return place_of_call(event, service)
        told, decision = id_of(values, "order.id"), id_of(values, "decision.id")
        if told and name.startswith("order."):
            key = f"{service}\0{told}"
            known = self.orders.get(key)
            decision = decision or (known.decision if known is not None else self.ended.get(key, ""))
            trace, _ = _trace_of(service, decision, told)
            return place_of(service, "order", told, trace=trace)
        return place_of(service, "decision", decision) if decision else None

    def _signal(self, event: Event, service: str) -> list[SpanRow]:
        told = id_of(event.attributes, "signal.id")
        if not told:
            return []
        key = f"{service}\0{told}"
        signal = _Signal(service, told, event.time, said_by(event), links_of(event), resource_of(event))
        if (decision := self.decided.pop(key, None)) is not None:
            return [_below(signal, place_of(service, "decision", decision), event.time)]
        # The oldest led nowhere: a trace of its own.
        return [_alone(old) for old in _keep(self.signals, key, signal)]

    def _filtered(self, event: Event, service: str) -> list[SpanRow]:
        told = id_of(event.attributes, "signal.id")
        if not told:
            return []
        known = self.signals.pop(f"{service}\0{told}", None)
        start = known.time if known is not None else event.time
        said = {**(known.attributes if known is not None else {}), **said_by(event)}
        span = _alone(_Signal(service, told, start, said, links_of(event), resource_of(event)))
        span.end = max(span.start, event.time)
        return [span]

    def _decision(self, event: Event, service: str) -> list[SpanRow]:
        told = id_of(event.attributes, "decision.id")
        if not told:
            return []
        root = place_of(service, "decision", told)
        rows: list[SpanRow] = []
        for one in _ids(event):
            known = self.signals.pop(f"{service}\0{one}", None)
            if known is not None:
                rows.append(_below(known, root, event.time))
            else:
                _keep(self.decided, f"{service}\0{one}", told)
        called = self.calls.pop(f"{service}\0{told}", event.time)
        rows.append(
            SpanRow(
                trace=root.trace,
                span=root.span,
                name=_named("decision", event.attributes),
                # From the first thing that led to it.
                start=min((event.time, called, *(row.start for row in rows))),
                end=event.time,
                service=service,
                resource=resource_of(event),
                attributes=said_by(event),
                links=links_of(event),
            )
        )
        return rows

    def _call(self, event: Event, service: str) -> list[SpanRow]:
        row = call_of(event, service)
        if decision := id_of(event.attributes, "decision.id"):
            key = f"{service}\0{decision}"
            _keep(self.calls, key, min(row.start, self.calls.get(key, row.start)))
        return [row]

    def _order(self, event: Event, service: str) -> list[SpanRow]:
        told = id_of(event.attributes, "order.id")
        if not told:
            return []
        key = f"{service}\0{told}"
        if key in self.ended:
            late = _Order(service, told, self.ended[key], event.time, event.time, {}, [])
            return [_fill(event, late)] if event.event_name == "order.filled" else []
        order = self.orders.get(key)
        rows: list[SpanRow] = []
        if order is None:
            order = self._opened(event, service, told, key)
            # The oldest never ended as far as we heard; it is told as it stands.
            rows += [self._halted(old, "many others are open") for old in _keep(self.orders, key, order)]
        self._learn(order, event)
        if event.event_name == "order.filled":
            rows.append(_fill(event, order))
        if event.event_name in _ENDS or _is_filled(event):
            failed = ""
            if event.event_name in _FAILED:
                failed = str(event.attributes.get("reason") or event.event_name)[:MOST_NAME]
            rows.append(_told(self.orders.pop(key), failed))
            _keep(self.ended, key, order.decision)
        return rows

    def _opened(self, event: Event, service: str, told: str, key: str) -> _Order:
        links = links_of(event)
        decision = id_of(event.attributes, "decision.id")
        position = id_of(event.attributes, "position.id")
        if not decision and position and (opener := self.positions.get(f"{service}\0{position}")):
            links.append(opener)
        order = _Order(service, told, decision, event.time, event.time, {}, links, resource_of(event))
        if (begun := self.halted.pop(key, None)) is not None:
            order.part, order.decision, order.attributes = begun.part + 1, begun.decision, begun.attributes
        return order

    def _learn(self, order: _Order, event: Event) -> None:
        order.decision = order.decision or id_of(event.attributes, "decision.id")
        order.start, order.last = min(order.start, event.time), max(order.last, event.time)
        if len(order.attributes) < MOST_SAID:
            said = said_by(event)
            order.attributes.update(
                {key: value for key, value in said.items() if not key.startswith("fill.")}
            )
        if event.event_name != "order.filled" and len(order.moments) < MOST_MOMENTS:
            said = said_by(event)
            order.moments.append(
                (event.event_name, event.time, {key: said[key] for key in _OF_MOMENTS if key in said})
            )
        position = id_of(event.attributes, "position.id")
        if position and order.decision:
            trace, _ = _trace_of(order.service, order.decision, order.id)
            _keep(self.positions, f"{order.service}\0{position}", (trace, _span_of(order)))

    def _gone(self, event: Event, service: str) -> list[SpanRow]:
        """The bot ended: what it left open is told as it stands, for it may never go on."""
        why = "the bot stopped" if event.event_name == "bot.stopped" else "the bot's process ended"
        orders = [key for key, order in self.orders.items() if order.service == service]
        rows = [self._halted(self.orders.pop(key), why) for key in orders]
        for key in [key for key, signal in self.signals.items() if signal.service == service]:
            row = _alone(self.signals.pop(key))
            row.attributes[_OPEN] = why
            rows.append(row)
        return rows

    def _halted(self, order: _Order, why: str) -> SpanRow:
        row = _told(order, "")
        row.attributes[_OPEN] = why
        _keep(self.halted, f"{order.service}\0{order.id}", order)
        return row


def _keep(known: dict[str, _Kept], key: str, value: _Kept) -> Iterable[_Kept]:
    """Remember one more as the newest; return what has no room any more."""
    known.pop(key, None)
    known[key] = value
    return [known.pop(next(iter(known)))] if len(known) > MOST_OPEN else []


def _trace_of(service: str, decision: str, order: str) -> tuple[str, str]:
    """Return the trace of an order and the span above it; an order nobody decided on stands alone."""
    if decision:
        root = place_of(service, "decision", decision)
        return root.trace, root.span
    return place_of(service, "order", order).trace, ""


def _span_of(order: _Order) -> str:
    told = order.id if order.part == 1 else f"{order.id}\0{order.part}"
    return place_of(order.service, "order", told).span


def _told(order: _Order, failed: str) -> SpanRow:
    trace, parent = _trace_of(order.service, order.decision, order.id)
    values = order.attributes
    exchange = str(values.get("exchange.id") or "")
    # What our own risk check denied never left the bot.
    is_asked = bool(exchange or values.get("order.exchange_id")) and not any(
        name == "order.denied" for name, *_ in order.moments
    )
    name = _named("order", values)
    if order.part > 1:
        # It goes on below the span that told its beginning.
        parent, name = place_of(order.service, "order", order.id).span, f"{name} (continued)"
    more = {"peer.service": exchange} if is_asked and exchange else {}
    if failed and "error.type" not in values:
        more["error.type"] = failed
    return SpanRow(
        trace=trace,
        span=_span_of(order),
        parent=parent,
        name=name,
        kind="client" if is_asked else "internal",
        start=order.start,
        end=order.last,
        service=order.service,
        resource=order.resource,
        failed=failed,
        attributes={**values, **more},
        moments=order.moments,
        links=order.links,
    )


def _fill(event: Event, order: _Order) -> SpanRow:
    trace, _ = _trace_of(order.service, order.decision, order.id)
    told = id_of(event.attributes, "fill.id") or event.uid or str(event.time)
    return SpanRow(
        trace=trace,
        span=place_of(order.service, "fill", f"{order.id}\0{told}").span,
        parent=_span_of(order),
        name=_named("fill", event.attributes),
        start=event.time,
        end=event.time,
        service=order.service,
        resource=resource_of(event),
        attributes=said_by(event),
        links=links_of(event),
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
        resource=signal.resource,
        attributes=signal.attributes,
        links=signal.links,
    )


def _below(signal: _Signal, root: Place, until: int) -> SpanRow:
    row = _alone(signal)
    row.trace, row.parent, row.end = root.trace, root.span, max(row.start, until)
    row.span = place_of(signal.service, "signal", signal.id, trace=root.trace).span
    return row


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


def _ids(event: Event) -> list[str]:
    told = event.attributes.get("signal.ids")
    parts = told if isinstance(told, list) else str(told or "").split(",")
    return [str(part).strip()[:MOST_NAME] for part in parts if str(part).strip()][:MOST_IDS]
