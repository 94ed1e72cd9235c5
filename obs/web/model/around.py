"""The observer itself, what leaves it and comes to it, and the lines of log that it shows."""

from __future__ import annotations

import msgspec

from obs.web.model.text import Fact, Mark, Rich

__all__ = ["EventRow", "Observer", "Outside", "SilenceRow"]


class Observer(msgspec.Struct, frozen=True, kw_only=True):
    """How the observer itself is: its books, its delay, its disk."""

    mark: Mark
    facts: tuple[Fact, ...] = ()
    line: tuple[Rich, ...] = ()
    """The bottom bar, one piece each."""
    version: str = ""
    alert: Rich = ()
    """Said in the verdict when warnings were lost or figures are wrong."""


class SilenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One silence in force."""

    number: int
    """By which it is ended here; 0: it is Alertmanager's."""
    text: str
    """`grid-1, up to Error`."""
    until: int
    """Unix ms."""
    detail: str = ""
    """Who made it and why."""


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves the observer and comes to it: messages, silences, OpenTelemetry."""

    channels: tuple[Fact, ...] = ()
    no_channel: Rich = ()
    """How to be told, where nobody is."""
    silences: tuple[SilenceRow, ...] = ()
    silenced: str = ""
    """How many open issues they hold archived."""
    alertmanager: str = ""
    """Said when it does not answer."""
    telemetry: tuple[Fact, ...] = ()


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the live tail, or one hit of a search. Its text is foreign: only ever drawn as text."""

    seq: int
    """Grows with each; the stream resumes after it."""
    id: str
    at: int
    severity: str
    """OpenTelemetry's word."""
    mark: Mark | None = None
    service: str = ""
    component: str = ""
    text: Rich = ()
    """The message; masked secrets stand in `foreign` spans, control and bidi characters are escaped."""
    event_name: str = ""
    issue: str = ""
    trace: str = ""
    """Of a hit of a search: the trace that it belongs to."""
