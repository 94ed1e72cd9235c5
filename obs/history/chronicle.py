"""Rows for the store from what was folded: examples, counts by minute, trades and model calls.

It listens to the analyzer and holds what came since the last transaction. What must not be lost (counts,
trades, calls, credits) is never dropped: when the store refuses for long, `is_full` asks the sidecar to take
no more, and the spool keeps it. Examples beyond their bounds are only counted.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import orjson

from obs.events import Event, Severity, encode_line
from obs.exhibits import spoken
from obs.history.rows import Batch, Exemplar
from obs.keeping.sampling import MINUTE_NS, Minute
from obs.money.entries import LLM_CALLS, Credit, credit_of, llm_call_of, trade_of
from obs.money.pricing import Prices
from obs.trails import short_id

__all__ = ["Chronicle", "uid_of"]

KEPT = (
    *("order.", "position.", "trade.", "signal.", "decision.", "attribution.", "gen_ai.", "llm.", "bot."),
    *("process.", "circuit_breaker.", "anomaly.", "rebalance.", "balance.", "regime.", "backtest."),
    *("notification.",),
)
"""Families of event words of which each event is kept: money, orders, positions, models, the bot's state."""
MOST_WORDS = 600
"""Events of one word, of one bot, in one minute; there are no more orders than that but in a runaway."""
MOST_TROUBLE = 20
"""Records of one issue, or of one kind of warning, in one minute."""
MOST_PLACES = 5_000
MOST_WAITING = 20_000
"""Examples that wait for a transaction: about 20 MB."""
FULL = 50_000
"""Rows that must not be lost and wait; beyond that nothing more is taken."""
MOST_BATCHES = 600
MOST_PARTS = 2_000
"""Parts of bots that are counted by name; records of further ones are counted under `other`."""
OTHER = "other"
MOST_NAME = 120
BODY, WORDS, DETAIL = 8_192, 1_024, 32_768
"""Most characters of a text, of what else is searched, and of the rest."""
Entry = TypeVar("Entry", bound=msgspec.Struct)
_UNSEARCHED = frozenset(
    ("component", "service.name", "bot.id", "log.record.uid", "run.mode", "thread.name", "process.pid")
)
_PLACES = "code."
"""Family of attributes that say where a record was written."""


class Chronicle:
    """The listener that fills the store's history."""

    def __init__(
        self,
        number: int = 0,
        *,
        zone: str = "UTC",
        prices: Prices | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Begin.

        Args:
            number: The last batch that is stored.
            zone: IANA name of the zone whose calendar days money is told by.
            prices: What model calls cost; the tables that ship with the product when None.
            clock: Unix ns now.
        """
        self.unkept = 0
        """Examples that were beyond their bounds since the start: counted, not kept."""
        self._zone, self._prices, self._clock = ZoneInfo(zone), prices, clock
        self._parts: dict[tuple[str, str], tuple[str, str]] = {}
        self._shown: dict[str, tuple[int, int]] = {}
        """Word or issue -> minute, and how many of it were kept then."""
        self._places: dict[tuple[str, str, int], Minute] = {}
        self.forget(number)

    def forget(self, number: int) -> None:
        """Drop what waits: it is read again from where batch `number` ended."""
        self._number = number
        self._closed: list[Batch] = []
        self._open = Batch()

    def adopt(self, *, zone: str, prices: Prices | None) -> None:
        """Go on with another calendar and other prices."""
        self._zone, self._prices = ZoneInfo(zone), prices

    def heard(self, event: Event, service: str, fingerprints: Sequence[str]) -> None:
        """Take a record that was folded."""
        at = event.time or self._clock()
        self._count(at // MINUTE_NS, service, event.component, int(event.severity), 1)
        if event.event_name:
            self._enter(event, service)
        if self._is_kept(event, at // MINUTE_NS, service, fingerprints):
            self._keep(event, at, service, fingerprints[0] if fingerprints else "")

    def credited(self, computed: Iterable[Credit]) -> None:
        """Take what was computed of trades that are over; what is stored already is passed over."""
        for credit in computed:
            self._open.credits.append((self._day(credit.time), _cleaned(credit)))

    def counted(self, times: Sequence[int], severity: Severity, component: str, service: str) -> None:
        """Take records that only counted."""
        first, last = min(times) // MINUTE_NS, max(times) // MINUTE_NS
        if first == last:
            self._count(first, service, component, int(severity), len(times))
            return
        for at in times:
            self._count(at // MINUTE_NS, service, component, int(severity), 1)

    def sampled(self, event: Event, service: str) -> None:
        """Keep one of the records that only counted."""
        self._keep(event, event.time or self._clock(), service, "")

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing more should be taken before it is stored."""
        rows = self._open.size + sum(batch.size for batch in self._closed)
        return len(self._closed) >= MOST_BATCHES or rows >= FULL + MOST_WAITING

    def pending(self) -> Sequence[Batch]:
        """Return all that waits, closed: what comes from now on is of the next batch."""
        if self._open.size:
            self._number += 1
            self._open.number, self._open.seen = self._number, self._clock()
            self._closed.append(self._open)
            self._open = Batch()
        return tuple(self._closed)

    def stored(self) -> None:
        """All that `pending` gave is in the store."""
        self._closed.clear()

    def _count(self, minute: int, service: str, component: str, severity: int, count: int) -> None:
        part = self._parts.get((service, component))
        if part is None:
            if len(self._parts) >= MOST_PARTS:
                part = (OTHER, OTHER)
            else:
                part = (clean(service)[:MOST_NAME], clean(component)[:MOST_NAME])
                self._parts[service, component] = part
        key = (minute, *part, severity)
        rollups = self._open.rollups
        rollups[key] = rollups.get(key, 0) + count

    def _enter(self, event: Event, service: str) -> None:
        """Make the rows of money that an event is worth."""
        name = event.event_name
        if name in LLM_CALLS:
            call = llm_call_of(_identified(event), service, self._prices)
            if call is not None:
                self._open.calls.append((self._day(call.time), _cleaned(call)))
        elif name == "attribution.computed":
            credit = credit_of(_identified(event), service)
            if credit is not None:
                self._open.credits.append((self._day(credit.time), _cleaned(credit)))
        elif name.startswith(("trade.", "position.")):
            trade = trade_of(_identified(event), service)
            if trade is not None:
                self._open.trades.append(_cleaned(trade))

    def _is_kept(self, event: Event, minute: int, service: str, fingerprints: Sequence[str]) -> bool:
        name = event.event_name
        if name.startswith(KEPT):
            return _is_within(self._shown, f"{service} {name}", minute, MOST_WORDS)
        if fingerprints:
            return _is_within(self._shown, fingerprints[0], minute, MOST_TROUBLE)
        place = (service, f"{event.logger} {name}", int(event.severity))
        shown = self._places.get(place)
        if shown is None:
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            shown = self._places[place] = Minute()
        shown.turn(minute)
        return shown.is_example(event.template or event.body)

    def _keep(self, event: Event, at: int, service: str, fingerprint: str) -> None:
        waiting = len(self._open.exemplars) + sum(len(batch.exemplars) for batch in self._closed)
        if waiting >= MOST_WAITING:
            self.unkept += 1
            return
        self._open.exemplars.append(_exemplar(event, at, service, fingerprint))

    def _day(self, at: int) -> str:
        return datetime.fromtimestamp((at or self._clock()) // 1_000_000_000, self._zone).strftime("%Y-%m-%d")


def _is_within(shown: dict[str, tuple[int, int]], key: str, minute: int, most: int) -> bool:
    """Whether one more of this kind is within what a minute may keep."""
    at, count = shown.get(key, (minute, 0))
    count = count + 1 if at == minute else 1
    if count > most:
        return False
    if len(shown) >= MOST_PLACES and key not in shown:
        shown.clear()
    shown[key] = (minute, count)
    return True


def _exemplar(event: Event, at: int, service: str, fingerprint: str) -> Exemplar:
    uid = uid_of(event)
    thrown = event.exception
    # By its trace a record is found among all that belongs to the same decision.
    said = [event.trace_id] if event.trace_id else []
    said += [thrown.type, thrown.message[:512]] if thrown is not None else []
    said += [
        str(value)
        for key, value in event.attributes.items()
        if type(value) in (str, int, float) and key not in _UNSEARCHED and not key.startswith(_PLACES)
    ]
    return Exemplar(
        uid=uid,
        short=short_id(uid),
        time=at,
        severity=int(event.severity),
        service=clean(service)[:MOST_NAME],
        component=clean(event.component)[:MOST_NAME],
        logger=clean(event.logger)[:MOST_NAME],
        event_name=clean(event.event_name)[:MOST_NAME],
        fingerprint=fingerprint,
        body=clean(event.body or spoken(event))[:BODY],
        words=clean(" ".join(said))[:WORDS],
        detail=_detail(event),
    )


def _detail(event: Event) -> str:
    """Return what else the record holds, as JSON; what is too large is left out and named."""
    row: dict[str, Any] = {
        "severity_text": event.severity_text,
        "template": event.template,
        "trace_id": event.trace_id,
        "span_id": event.span_id,
        "attributes": event.attributes,
    }
    if event.exception is not None:
        row["exception"] = {
            "type": event.exception.type,
            "message": event.exception.message[:BODY],
            "stacktrace": event.exception.stacktrace[-BODY:],
        }
    if event.origin is not None:
        row["origin"] = f"{event.origin.source}:{event.origin.line}"
    row = {key: value for key, value in row.items() if value}
    text = _json(row)
    if len(text) > DETAIL:
        text = _json({**row, "attributes": {}, "left_out": ["attributes"]})
    return text if len(text) <= DETAIL else "{}"


def _json(row: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(row, default=str).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return json.dumps(row, default=str, skipkeys=True)


def _identified(event: Event) -> Event:
    uid = uid_of(event)
    return event if event.uid == uid else msgspec.structs.replace(event, uid=uid)


def _cleaned(entry: Entry) -> Entry:
    dirty = {
        name: clean(value)
        for name in entry.__struct_fields__
        if type(value := getattr(entry, name)) is str and not (value.isascii() and "\0" not in value)
    }
    return msgspec.structs.replace(entry, **dirty) if dirty else entry


def uid_of(event: Event) -> str:
    """Return the id under which an event is stored once.

    A record of a file has none of its own, and its place there does not tell two files apart: so what it says
    stands for it, with where and when.
    """
    if event.uid and len(event.uid) <= 120:
        return clean(event.uid)
    digest = hashlib.blake2b(encode_line(event), digest_size=12)
    origin = event.origin
    digest.update(f"{origin.source}:{origin.line}".encode() if origin is not None else b"")
    return f"f-{digest.hexdigest()}"


def clean(text: str) -> str:
    """Return text that every database takes: PostgreSQL has no NUL, and UTF-8 no lone surrogates."""
    if text.isascii():
        return text if "\0" not in text else text.replace("\0", "\\x00")
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
