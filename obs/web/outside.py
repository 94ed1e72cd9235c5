"""What leaves the observer and comes to it: channels of messages, silences, OpenTelemetry out and in."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from obs.quoting import plain
from obs.web.model import Fact, Mark, Outside, Rich, SilenceRow, Span
from obs.web.numbers import ms
from obs.web.reader import Reader
from obs.web.tail import visible

__all__ = ["Arrived", "Channel", "Facts", "Hush", "Sent", "outside"]

MOST = 20
"""Channels and silences that are shown."""
LONGEST = 160
"""Characters of a reason."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One channel of messages; the totals since its file was made."""

    name: str
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    """Messages of which nobody knows whether they arrived."""
    waiting: int = 0
    held: int = 0
    """Of those that wait, held back by quiet hours."""
    last_sent: int = 0
    """Unix ns of the newest that it took; 0: none that is remembered."""
    failing_since: int = 0
    """Unix ns; 0 while it works."""
    why: str = ""
    """Why it took the last one not."""


class Hush(msgspec.Struct, frozen=True, kw_only=True):
    """One silence in force."""

    number: int = 0
    """Of one of our own, which can be ended here; 0: Alertmanager's."""
    bot: str = "*"
    component: str = "*"
    severity: str = ""
    """The gravest that is silenced."""
    until: int = 0
    """Unix ns."""
    by: str = ""
    why: str = ""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one signal of OpenTelemetry that is sent on."""

    signal: str
    taken: int = 0
    sent: int = 0
    waiting: int = 0
    dropped: int = 0
    fault: str = ""


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one signal of OpenTelemetry, since the sidecar started."""

    signal: str
    requests: int = 0
    records: int = 0
    refused: int = 0
    """Records that could not be read."""
    last: int = 0
    """Unix ns of the newest request."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at one moment."""

    channels: tuple[Channel, ...] = ()
    silences: tuple[Hush, ...] = ()
    silenced: int = 0
    """Open issues that silences hold archived."""
    alertmanager: int = -1
    """1: it tells its silences, 0: it does not answer, -1: none is set."""
    sent: tuple[Sent, ...] = ()
    arrived: tuple[Arrived, ...] = ()


def outside(facts: Facts, reader: Reader) -> Outside:
    """Return what the page shows of it."""
    return Outside(
        channels=tuple(_channel(one, reader) for one in facts.channels[:MOST]),
        no_channel=() if facts.channels else reader.say.rich("outside.no_channel"),
        silences=tuple(_silence(one, reader) for one in facts.silences[:MOST]),
        silenced=reader.say("outside.silenced", n=facts.silenced) if facts.silenced else "",
        alertmanager=reader.say("outside.alertmanager_gone") if facts.alertmanager == 0 else "",
        telemetry=(*_sent(facts, reader), *_arrived(facts, reader)),
    )


def _channel(one: Channel, reader: Reader) -> Fact:
    told = [reader.say("outside.sent", n=one.sent)]
    told += [reader.say("outside.failed", n=one.failed)] if one.failed else []
    told += [reader.say("outside.unknown", n=one.unknown)] if one.unknown else []
    told += [reader.say("outside.waiting", n=one.waiting)] if one.waiting else []
    told += [reader.say("outside.held", n=one.held)] if one.held else []
    detail: Rich = (Span(", ".join(told)),)
    if one.failing_since:
        value = reader.say.rich("outside.failing", age=Span(since=ms(one.failing_since)))
        why: Rich = (Span(f". {visible(one.why)[:LONGEST]}"),) if one.why else ()
        return Fact(label=plain(one.name), value=value, detail=(*detail, *why), mark=Mark.ERROR)
    if not one.last_sent:
        return Fact(label=plain(one.name), value=reader.say.rich("outside.never"), detail=detail)
    value = reader.say.rich("outside.last", age=Span(since=ms(one.last_sent)))
    return Fact(label=plain(one.name), value=value, detail=detail, mark=Mark.OK)


def _silence(one: Hush, reader: Reader) -> SilenceRow:
    if not one.number:
        what = reader.say("outside.of_alertmanager")
    else:
        bot = visible(one.bot) if one.bot != "*" else reader.say("outside.all_bots")
        component = f" {visible(one.component)}" if one.component != "*" else ""
        up_to = reader.say(f"severity.{one.severity}")
        what = reader.say("outside.silence", what=f"{bot}{component}", severity=up_to)
    by = ", ".join(filter(None, (plain(one.by), f'"{visible(one.why)}"' if one.why else "")))
    return SilenceRow(number=one.number, text=what, until=ms(one.until), detail=by)


def _sent(facts: Facts, reader: Reader) -> Iterator[Fact]:
    if not facts.sent:
        yield Fact(label=reader.say("outside.out"), value=reader.say.rich("outside.sends_nothing"))
    for one in facts.sent:
        told = [reader.say("outside.of_taken", n=one.taken)]
        told += [reader.say("outside.waiting", n=one.waiting)] if one.waiting else []
        told += [reader.say("outside.dropped", n=one.dropped)] if one.dropped else []
        told += [visible(one.fault)[:LONGEST]] if one.fault else []
        yield Fact(
            label=reader.say(f"outside.out_{one.signal}"),
            value=reader.say.rich("outside.n_sent", n=one.sent),
            detail=(Span(", ".join(told)),),
            mark=Mark.ERROR if one.fault else Mark.WARNING if one.dropped else Mark.OK,
        )


def _arrived(facts: Facts, reader: Reader) -> Iterator[Fact]:
    if not facts.arrived:
        yield Fact(label=reader.say("outside.in"), value=reader.say.rich("outside.nothing_came"))
    for one in facts.arrived:
        told = [reader.say("outside.requests", n=one.requests)]
        told += [reader.say("outside.refused", n=one.refused)] if one.refused else []
        yield Fact(
            label=reader.say(f"outside.in_{one.signal}"),
            value=reader.say.rich("outside.n_came", n=one.records, age=Span(since=ms(one.last))),
            detail=(Span(", ".join(told)),),
            mark=Mark.WARNING if one.refused else Mark.OK,
        )
