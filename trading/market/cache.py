"""Fetched bars kept as Parquet, so that a source is asked only for the days that are missing.

One file for each source, interval and symbol holds the bars, the days that are known and when the whole was
fetched last; it is replaced in one step, so a kill leaves the old file or the new one. Bars are kept as the
source gave them: `checking` judges them each time they are used.

* Only closed sessions are kept: a day in progress is never taken for a finished one.
* A day counts as known up to the last bar that came; days after it are asked for again.
* Where the source adjusts prices, each fetch reaches a few known sessions back. If one of them differs, a
  split has rewritten the history, and all of it is fetched again. So it is, in any case, once it is old.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from trading.bars import SECOND_NS, Bar
from trading.market.findings import Finding, Subject, shown
from trading.market.frames import FilesError
from trading.market.parquet import read_stored, write_parquet
from trading.market.source import DAY_NS, EmptyAnswerError, Interval, Source
from trading.sessions import Sessions

__all__ = ["Cache", "Kept", "Span"]

OVERLAP = 5
"""Known sessions that are fetched again beside the missing ones, where a source adjusts prices."""
SAME = 1e-9
"""Relative difference of two closes that are the same price."""
FORM = "1"
"""Of the notes in a file; another form is fetched anew."""


class Span(NamedTuple):
    """Days, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


class Kept(NamedTuple):
    """What the cache has of one symbol."""

    bars: tuple[Bar, ...]
    spans: tuple[Span, ...]
    """Days that are known, oldest first, apart from one another."""
    whole_ns: int
    """When all of it was fetched in one go, Unix ns."""


EMPTY = Kept((), (), 0)


class Cache:
    """A source that remembers; itself a source."""

    def __init__(
        self,
        folder: Path,
        source: Source,
        sessions: Sessions,
        *,
        now: int,
        refresh_days: int = 30,
    ) -> None:
        """Keep bars of `source` below `folder`.

        Args:
            folder: Where the files are.
            source: Who is asked for what is missing.
            sessions: The market's sessions.
            now: Unix ns; sessions that close later are not asked for.
            refresh_days: Age at which adjusted history is fetched anew as a whole.
        """
        self.name = source.name
        self.adjusted = source.adjusted
        self.findings: list[Finding] = []
        """What was wrong with the cache itself: a damaged file, a rewritten history."""
        self.was_hit = False
        """Whether the newest answer needed no question."""
        self._folder = folder / _safe(source.name)
        self._source = source
        self._sessions = sessions
        self._now = now
        self._refresh_ns = refresh_days * DAY_NS

    def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
        """Return the bars of the closed sessions from `first` to `last`; see `Source.bars`.

        Each span that was fetched is kept at once, so an error or a kill loses only the rest.
        """
        last = min(last, self._sessions.last_closed(self._now))
        kept = self.kept(symbol, interval)
        is_old = self.adjusted and bool(kept.spans) and self._now - kept.whole_ns > self._refresh_ns
        absent = self._absent(kept.spans, first, last)
        self.was_hit = not absent
        if is_old and absent:
            whole = Span(min(first, kept.spans[0].first), max(last, kept.spans[-1].last))
            kept = self._whole(symbol, interval, whole)
        else:
            for span in absent:
                kept = self._extended(kept, symbol, interval, span)
        bars = self._within(kept.bars, first, last)
        if not bars:
            raise EmptyAnswerError(
                f"{self.name}: not one bar of {symbol} from {first} to {last}. "
                "Check the symbol, the days and the login."
            )
        return bars

    def kept(self, symbol: str, interval: Interval) -> Kept:
        """Return what is on the disk; a damaged file is moved aside, told, and counts as none."""
        path = self.path(symbol, interval)
        if not path.is_file():
            return EMPTY
        try:
            bars, notes = read_stored(path)
            if notes.get("form") != FORM:
                raise FilesError(f"{path}: is of another form.")
            return Kept(tuple(bars), _spans_in(notes["spans"]), int(notes["whole_ns"]))
        except (FilesError, KeyError, ValueError) as error:
            aside = path.with_suffix(".damaged")
            path.replace(aside)
            text = f"the cached file cannot be used ({error}); it was moved to {aside} and is fetched again."
            self.findings.append(Subject(symbol, interval).finding("damaged", "dropped", [], text))
            return EMPTY

    def within(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
        """Return what is on the disk of these days, without asking the source."""
        return self._within(self.kept(symbol, interval).bars, first, last)

    def close(self) -> None:
        """Let go of the source."""
        getattr(self._source, "close", lambda: None)()

    def path(self, symbol: str, interval: Interval) -> Path:
        """Return where the bars of a symbol are kept."""
        return self._folder / interval / f"{_safe(symbol)}.parquet"

    def _absent(self, spans: Sequence[Span], first: date, last: date) -> list[Span]:
        """Return the runs of days that are not known and hold a session, oldest first."""
        holes: list[Span] = []
        begin = first
        for span in [*spans, Span(last + timedelta(days=1), last + timedelta(days=1))]:
            if span.last < begin:
                continue
            if span.first > begin:
                holes.append(Span(begin, min(span.first - timedelta(days=1), last)))
            begin = span.last + timedelta(days=1)
            if begin > last:
                break
        sessions = [self._sessions.between(*hole) for hole in holes if hole.first <= hole.last]
        return [Span(days[0], days[-1]) for days in sessions if days]

    def _extended(self, kept: Kept, symbol: str, interval: Interval, span: Span) -> Kept:
        asked = self._with_overlap(kept, span) if self.adjusted else span
        try:
            came = self._source.bars(symbol, interval, asked.first, asked.last)
        except EmptyAnswerError:
            if not kept.spans:
                raise
            # Not listed yet, halted, or late: nothing of it is believed, so these days are asked for again.
            if span.first > kept.spans[-1].last:
                text = (
                    f"{self.name} has not one bar from {span.first} to {span.last}; the cache serves, up to "
                    f"{kept.spans[-1].last}. Is the symbol halted or delisted, does the login hold?"
                )
                self.findings.append(Subject(symbol, interval).finding("empty", "kept", [], text))
            return kept
        if self._is_rewritten(kept.bars, came):
            whole = Span(min(span.first, kept.spans[0].first), max(span.last, kept.spans[-1].last))
            times = [bar.time for bar in kept.bars]
            text = (
                f"{self.name} has other prices now than before (a split or a correction); all "
                f"{len(times)} bars since {shown(times[0], interval)} were fetched again."
            )
            self.findings.append(Subject(symbol, interval).finding("rewritten", "adjusted", times, text))
            return self._whole(symbol, interval, whole)
        fresh = self._within(came, span.first, span.last)
        # Bars that are kept lie in known days, fresh ones do not.
        bars = tuple(sorted([*kept.bars, *fresh], key=_time))
        spans = _joined([*kept.spans, *self._known(span, fresh, kept)])
        return self._write(symbol, interval, Kept(bars, spans, kept.whole_ns or self._now))

    def _whole(self, symbol: str, interval: Interval, span: Span) -> Kept:
        bars = self._within(self._source.bars(symbol, interval, span.first, span.last), span.first, span.last)
        spans = tuple(self._known(span, bars, EMPTY))
        return self._write(symbol, interval, Kept(tuple(sorted(bars, key=_time)), spans, self._now))

    def _known(self, span: Span, bars: Sequence[Bar], kept: Kept) -> list[Span]:
        """Return what of a fetched span is known now: up to its last bar, if nothing newer is kept."""
        if kept.spans and kept.spans[-1].first > span.last:
            return [span]
        return [Span(span.first, max(map(self._day, bars)))] if bars else []

    def _with_overlap(self, kept: Kept, span: Span) -> Span:
        days = sorted({self._day(bar) for bar in kept.bars})
        before = [day for day in days if day < span.first][-OVERLAP:]
        after = [day for day in days if day > span.last][:OVERLAP]
        return Span(before[0] if before else span.first, after[-1] if after else span.last)

    def _is_rewritten(self, old: Iterable[Bar], new: Iterable[Bar]) -> bool:
        if not self.adjusted:
            return False
        closes = {bar.time: bar.close for bar in old}
        return any(
            abs(bar.close - closes[bar.time]) > SAME * abs(closes[bar.time])
            for bar in new
            if bar.time in closes
        )

    def _write(self, symbol: str, interval: Interval, kept: Kept) -> Kept:
        notes = {"form": FORM, "spans": ",".join(map(str, kept.spans)), "whole_ns": str(kept.whole_ns)}
        try:
            write_parquet(self.path(symbol, interval), kept.bars, notes)
        except FilesError as error:
            # A full disk must not keep a run from the prices that it has just got.
            text = f"the fetched bars serve this time but are not kept: {error}"
            self.findings.append(Subject(symbol, interval).finding("damaged", "kept", [], text))
        return kept

    def _within(self, bars: Iterable[Bar], first: date, last: date) -> list[Bar]:
        return [bar for bar in bars if first <= self._day(bar) <= last]

    def _day(self, bar: Bar) -> date:
        zone = self._sessions.zone if bar.time % DAY_NS else UTC
        return datetime.fromtimestamp(bar.time // SECOND_NS, zone).date()


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.first <= joined[-1].last + timedelta(days=1):
            joined[-1] = Span(joined[-1].first, max(joined[-1].last, span.last))
        else:
            joined.append(span)
    return tuple(joined)


def _spans_in(text: str) -> tuple[Span, ...]:
    pairs = (part.split("..") for part in text.split(",") if part)
    return tuple(Span(date.fromisoformat(first), date.fromisoformat(last)) for first, last in pairs)


def _time(bar: Bar) -> int:
    return bar.time


def _safe(name: str) -> str:
    # Two symbols may not share a file: signs but letters, digits, dot and minus are written as numbers.
    return re.sub(r"[^\w.-]|^\.", lambda match: f"%{ord(match[0]):02X}", name)
