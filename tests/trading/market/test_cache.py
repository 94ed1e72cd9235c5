"""The cache asks for what is missing, gives what the source would give, and survives a kill."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.market.conftest import ALWAYS, DAY, HOUR, KRX, Shelf, daily
from trading.bars import Bar, time_of
from trading.market.cache import Cache
from trading.market.source import EmptyAnswerError, SourceError
from trading.market.zones import session_day

BARS = daily(240)
BEGIN, END = date(2024, 1, 2), session_day(BARS[-1].time)
NOW = time_of(date(2025, 1, 31))


def opened(folder: Path, source: Shelf, *, now: int = NOW, refresh_days: int = 30) -> Cache:
    return Cache(folder, source, KRX, now=now, refresh_days=refresh_days)


def test_what_is_known_is_not_asked_for_again(tmp_path: Path) -> None:
    shelf = Shelf(BARS)
    first = opened(tmp_path, shelf).bars("069500", "1d", BEGIN, END)

    cache = opened(tmp_path, shelf)
    again = cache.bars("069500", "1d", BEGIN, END)

    assert first == again == BARS
    assert cache.was_hit
    assert shelf.asked == [(BEGIN, END)]


def test_only_missing_days_are_asked_for_and_days_without_sessions_never(tmp_path: Path) -> None:
    shelf = Shelf(BARS)
    cache = opened(tmp_path, shelf)
    cache.bars("069500", "1d", date(2024, 3, 4), date(2024, 3, 29))

    cache.bars("069500", "1d", date(2024, 2, 26), date(2024, 4, 7))
    cache.bars("069500", "1d", date(2024, 2, 24), date(2024, 4, 7))

    # 1 March is a holiday, 30 March to 7 April hold one week of sessions, 24 and 25 February are a weekend.
    assert shelf.asked[1:] == [(date(2024, 2, 26), date(2024, 2, 29)), (date(2024, 4, 1), date(2024, 4, 5))]


def test_a_session_that_is_still_open_is_neither_asked_for_nor_kept(tmp_path: Path) -> None:
    shelf = Shelf(BARS)
    noon = time_of(date(2024, 3, 6)) + 3 * HOUR
    cache = opened(tmp_path, shelf, now=noon)

    bars = cache.bars("069500", "1d", date(2024, 3, 4), date(2024, 3, 6))

    assert [one.time for one in bars] == [time_of(date(2024, 3, 4)), time_of(date(2024, 3, 5))]
    assert shelf.asked == [(date(2024, 3, 4), date(2024, 3, 5))]


def test_a_bar_that_comes_late_is_asked_for_until_it_is_there(tmp_path: Path) -> None:
    shelf = Shelf(BARS[:40])
    opened(tmp_path, shelf).bars("069500", "1d", BEGIN, date(2024, 3, 5))

    shelf.held = BARS[:43]
    bars = opened(tmp_path, shelf).bars("069500", "1d", BEGIN, date(2024, 3, 5))

    assert bars == BARS[:43]
    assert shelf.asked[-1] == (date(2024, 2, 29), date(2024, 3, 5))


def test_an_empty_answer_for_new_days_is_told_and_an_error_where_nothing_else_is_known(
    tmp_path: Path,
) -> None:
    cache = opened(tmp_path, Shelf(BARS[:40]))
    cache.bars("069500", "1d", BEGIN, date(2024, 2, 28))

    bars = cache.bars("069500", "1d", BEGIN, date(2024, 3, 5))

    assert bars == BARS[:40]
    assert [(one.fault, one.action) for one in cache.findings] == [("empty", "kept")]
    with pytest.raises(EmptyAnswerError):
        cache.bars("069500", "1d", date(2024, 3, 4), date(2024, 3, 5))


def test_days_before_a_listing_are_believed_for_now_but_asked_for_again(tmp_path: Path) -> None:
    shelf = Shelf(BARS[100:])
    opened(tmp_path, shelf).bars("069500", "1d", session_day(BARS[100].time), END)

    for _ in range(2):
        assert opened(tmp_path, shelf).bars("069500", "1d", BEGIN, END) == BARS[100:]

    assert shelf.asked[1:] == [(BEGIN, session_day(BARS[99].time))] * 2


def test_what_a_killed_run_left_half_written_is_removed_once_it_is_old(tmp_path: Path) -> None:
    cache = opened(tmp_path, Shelf(BARS))
    path = cache.path("069500", "1d")
    path.parent.mkdir(parents=True)
    old, young = (path.with_name(f".{path.name}.{pid}.draft") for pid in (1, 2))
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (0, 0))

    cache.bars("069500", "1d", BEGIN, END)

    assert (old.exists(), young.exists()) == (False, True)


def split(bars: list[Bar], ratio: float) -> list[Bar]:
    return [Bar._make((one.time, *(price / ratio for price in one[1:5]), one.volume * ratio)) for one in bars]


def test_a_split_that_rewrote_the_history_is_seen_and_all_of_it_is_fetched_again(tmp_path: Path) -> None:
    shelf = Shelf(BARS[:100], adjusted=True)
    opened(tmp_path, shelf).bars("069500", "1d", BEGIN, date(2024, 5, 31))
    shelf.held = split(BARS, 2)

    cache = opened(tmp_path, shelf)
    bars = cache.bars("069500", "1d", BEGIN, END)

    assert bars == split(BARS, 2)
    assert [one.fault for one in cache.findings] == ["rewritten"]
    assert opened(tmp_path, Shelf([])).within("069500", "1d", BEGIN, END) == split(BARS, 2)


def test_adjusted_history_is_fetched_as_a_whole_once_it_is_old(tmp_path: Path) -> None:
    shelf = Shelf(BARS, adjusted=True)
    opened(tmp_path, shelf, now=time_of(date(2024, 5, 1))).bars("069500", "1d", BEGIN, date(2024, 4, 30))
    # Too far back for the days that are compared.
    shelf.held = [*split(BARS[:20], 2), *BARS[20:]]

    soon = opened(tmp_path, shelf, now=time_of(date(2024, 5, 29)))
    assert soon.bars("069500", "1d", BEGIN, date(2024, 5, 28))[0] == BARS[0]
    late = opened(tmp_path, shelf, now=time_of(date(2024, 6, 4)))

    assert (
        late.bars("069500", "1d", BEGIN, date(2024, 6, 3))
        == list(shelf.held)[: len(late.within("069500", "1d", BEGIN, END))]
    )
    assert shelf.asked[-1][0] == BEGIN


def test_a_damaged_file_is_moved_aside_told_and_fetched_again(tmp_path: Path) -> None:
    shelf = Shelf(BARS)
    cache = opened(tmp_path, shelf)
    cache.bars("069500", "1d", BEGIN, END)
    path = cache.path("069500", "1d")
    path.write_bytes(path.read_bytes()[:-100])

    assert cache.bars("069500", "1d", BEGIN, END) == BARS
    assert [one.fault for one in cache.findings] == ["damaged"]
    assert path.with_suffix(".damaged").is_file()


def test_a_cache_that_cannot_be_written_is_told_and_the_bars_serve(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    cache = opened(tmp_path / "cache", Shelf(BARS))

    assert cache.bars("069500", "1d", BEGIN, END) == BARS
    assert [(one.fault, one.action) for one in cache.findings] == [("damaged", "kept")]


def test_symbols_that_differ_in_a_sign_have_files_of_their_own(tmp_path: Path) -> None:
    cache = opened(tmp_path, Shelf(BARS))

    names = {
        cache.path(symbol, "1d").name for symbol in ("BTC/KRW", "BTC-KRW", "BTC_KRW", "BTC:KRW", "../x", ".x")
    }

    assert len(names) == 6
    assert all(cache.path(symbol, "1d").parent == cache.path("A", "1d").parent for symbol in ("../x", "a/b"))


def test_minutes_of_a_market_that_never_closes_are_kept_by_whole_days(tmp_path: Path) -> None:
    begin = time_of(date(2024, 1, 1))
    minutes = [Bar(begin + n * 60 * 10**9, 1.0, 1.0, 1.0, 1.0, 1.0) for n in range(3 * 1440)]
    cache = Cache(tmp_path, Shelf(minutes), ALWAYS, now=begin + 2 * DAY + HOUR)

    bars = cache.bars("BTC/KRW", "1m", date(2024, 1, 1), date(2024, 1, 3))

    assert bars == minutes[: 2 * 1440]


SPANS = st.lists(
    st.tuples(st.integers(0, 350), st.integers(0, 60)).map(
        lambda two: (BEGIN + timedelta(days=two[0]), min(BEGIN + timedelta(days=sum(two)), END))
    ),
    min_size=1,
    max_size=6,
)


@given(SPANS, st.booleans(), st.sets(st.integers(0, 239), max_size=30))
@settings(max_examples=25, deadline=None)
def test_however_the_fetches_are_split_the_bars_are_those_of_one_fetch(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[date, date]], adjusted: bool, holes: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    held = [one for n, one in enumerate(BARS) if n not in holes]
    shelf = Shelf(held, adjusted=adjusted)

    for first, last in spans:
        try:
            bars = opened(folder, shelf).bars("069500", "1d", first, last)
        except EmptyAnswerError:
            bars = []
        assert bars == [one for one in held if time_of(first) <= one.time <= time_of(last)]

    assert opened(folder, shelf).bars("069500", "1d", BEGIN, END) == held


class Killed(BaseException):
    """The process ended here."""


STEPS = ("fsync", "rename", "after")


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Ends the process at the n-th time that a step is reached."""
    countdown: dict[str, int] = {}

    def dies(step: str) -> bool:
        countdown[step] = countdown.get(step, -1) - 1
        return countdown[step] == 0

    fsync, rename = os.fsync, Path.replace

    def fsynced(descriptor: int) -> None:
        if dies("fsync"):
            os.ftruncate(os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY), 40)
            raise Killed
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        if dies("rename"):
            raise Killed
        done = rename(self, target)
        if dies("after"):
            raise Killed
        return done

    def stays(self: Path, missing_ok: bool = False) -> None:
        """A killed process tidies nothing."""

    monkeypatch.setattr(os, "fsync", fsynced)
    monkeypatch.setattr(Path, "replace", renamed)
    monkeypatch.setattr(Path, "unlink", stays)
    return countdown


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_kill_at_any_step_leaves_a_whole_cache_and_the_next_run_ends_the_work(
    tmp_path: Path, kill: dict[str, int], step: str, nth: int
) -> None:
    shelf = Shelf(BARS, adjusted=True)
    parts = [(BEGIN, date(2024, 2, 29)), (BEGIN, date(2024, 6, 28)), (BEGIN, END)]
    kill[step] = nth

    def run() -> None:
        for first, last in parts:
            opened(tmp_path, shelf).bars("069500", "1d", first, last)

    with pytest.raises(Killed):
        run()
    cache = opened(tmp_path, shelf)
    left = cache.within("069500", "1d", BEGIN, END)
    bars = cache.bars("069500", "1d", BEGIN, END)

    assert left == BARS[: len(left)]
    assert (bars, cache.findings) == (BARS, [])


def test_a_source_that_fails_half_way_keeps_what_came_before(tmp_path: Path) -> None:
    class Failing(Shelf):
        def bars(self, symbol: str, interval: object, first: date, last: date) -> list[Bar]:
            if self.asked:
                self._fail()
            return super().bars(symbol, "1d", first, last)

        def _fail(self) -> NoReturn:
            raise SourceError("shelf: the line is dead. Try again.")

    shelf = Shelf(BARS)
    opened(tmp_path, shelf).bars("069500", "1d", date(2024, 5, 2), date(2024, 5, 31))
    failing = Failing(BARS)

    with pytest.raises(SourceError, match="dead"):
        opened(tmp_path, failing).bars("069500", "1d", BEGIN, END)

    kept = opened(tmp_path, shelf).within("069500", "1d", BEGIN, END)
    assert kept == [one for one in BARS if one.time <= time_of(date(2024, 5, 31))]
