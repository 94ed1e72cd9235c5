"""Rhythms: learned from the stream or set, counted in open time; only a proven silence is one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.analysis import Analyzer
from obs.config import ConfigError, expectations, load
from obs.events import Event
from obs.rules import RuleSet
from obs.series import Series
from obs.snapshot import Issue, Snapshot
from obs.state import State
from obs.watch.beats import KEPT_AGES, KEPT_HINTS, Beats
from obs.watch.cadence import Rhythm, duration, learn
from obs.watch.expectations import Expectations
from obs.watch.sessions import load as load_calendars
from tests.builders import START, event

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
Told = tuple[float, str, Mapping[str, Any]]


def series(*times: float) -> Series:
    made = Series()
    for time in times:
        made.add(START + int(time * SECOND))
    return made


def watched(
    *told: Told, until: float | None, expected: Expectations | None = None, bot: str = "grid-1"
) -> Snapshot:
    """What is seen of a bot at `until` seconds; None reads it as a recording."""
    analyzer = Analyzer(RuleSet(()), expected=expected)
    for number, (at, name, values) in enumerate(told):
        analyzer.feed(event(name or "line", at=at, name=name, bot=bot, attributes=values, uid=f"p-{number}"))
    if until is None:
        return analyzer.snapshot()
    return analyzer.snapshot(now=START + int(until * SECOND), live=True)


def every(seconds: float, name: str, *, end: float, begin: Any = 0, **values: Any) -> list[Told]:
    count = int((end - begin) // seconds)
    return [(begin + n * seconds, name, {"symbol": "BTC/USDT", **values}) for n in range(count)]


def beats(end: float) -> list[Told]:
    return every(30, "heartbeat", end=end, **{"bot.state": "running"})


def silent(snapshot: Snapshot) -> list[Issue]:
    return [
        issue for issue in snapshot.issues if issue.rule in ("stale-feed", "silent-stage", "unresponsive")
    ]


def test_a_regular_rhythm_is_its_usual_gap_and_is_late_after_four() -> None:
    learned = learn(series(*range(0, 7_200, 300)), None, rare=False)

    assert learned == Rhythm(300 * SECOND, 4 * 300 * SECOND + MINUTE, "learned")


def test_many_a_minute_are_told_by_their_mean() -> None:
    learned = learn(series(*(n * 2 for n in range(900))), None, rare=False)

    assert learned == Rhythm(2 * SECOND, 5 * MINUTE * 16 // 15, "learned")


def test_one_long_break_among_many_does_not_loosen_a_rhythm() -> None:
    times = [*range(0, 6_000, 60), *range(20_000, 26_000, 60)]

    learned = learn(series(*times), None, rare=False)

    assert learned is not None
    assert learned.every == MINUTE
    assert learned.patience <= 7 * MINUTE


def test_what_comes_by_chance_needs_a_silence_that_chance_does_not_make() -> None:
    """Poisson arrivals, one each 10 minutes on average: no silence of their own may ever be called one."""
    dice = random.Random(7)
    for _ in range(50):
        times: list[float] = []
        at = 0.0
        while len(times) < 60:
            at += dice.expovariate(1 / 600)
            times.append(at)
        learned = learn(series(*times), None, rare=True)
        assert learned is not None
        assert learned.patience >= 3 * max(b - a for a, b in pairwise(times)) * SECOND * 0.8
        assert learned.patience >= 100 * MINUTE


def test_bursts_with_hours_between_them_are_no_rhythm() -> None:
    times = [day * 36_000 + minute * 60 for day in range(3) for minute in range(40)]

    assert learn(series(*times), None, rare=True) is None


@pytest.mark.parametrize("count", [0, 1, 5, 11])
def test_a_few_occurrences_teach_no_rhythm(count: int) -> None:
    assert learn(series(*(n * 60 for n in range(count))), None, rare=False) is None
    assert learn(series(*(n * 60 for n in range(count + 18))), None, rare=True) is None


def test_nights_are_no_gaps_of_a_market_with_sessions() -> None:
    seoul = load_calendars().get("XKRX")
    opens = [span.open for span in seoul.spans() if START - 5 * 24 * HOUR < span.open < START + 24 * HOUR]
    made = Series()
    for begin in opens:
        for minute in range(0, 390, 5):
            made.add(begin + minute * MINUTE)

    by_session, by_clock = learn(made, seoul, rare=False), learn(made, None, rare=False)

    assert by_session == Rhythm(5 * MINUTE, 21 * MINUTE, "learned")
    assert by_clock is not None
    assert len(opens) >= 4


def test_signals_that_stopped_while_data_comes_are_told_with_what_still_works() -> None:
    story = [
        *beats(40_000),
        *every(60, "market.bar", end=40_000, close="1"),
        *every(240, "signal.generated", end=14_400),
    ]

    (issue,) = silent(watched(*story, until=40_000))

    assert issue.rule == "silent-stage"
    assert "no signal for 7 h" in issue.title
    assert "Data still comes" in issue.explanation
    assert issue.severity == "warning"


def test_rare_signals_and_few_orders_are_never_missed() -> None:
    story = [
        *beats(40_000),
        *every(60, "market.bar", end=40_000, close="1"),
        *every(900, "signal.generated", end=14_400),
        *every(300, "order.submitted", end=3_000),
    ]

    assert silent(watched(*story, until=40_000)) == []


def test_a_cascade_is_one_issue_named_by_its_first_stage() -> None:
    story = [
        *beats(30_000),
        *every(60, "market.bar", end=15_000, close="1"),
        *every(120, "signal.generated", end=15_000),
        *every(240, "order.submitted", end=15_000),
    ]

    (issue,) = silent(watched(*story, until=30_000))

    assert "no candle for 4 h 11 min" in issue.title
    assert "With it: no signal since" in issue.explanation
    assert "no order since" in issue.explanation


def test_a_recording_that_ends_proves_no_silence() -> None:
    story = [*beats(7_200), *every(60, "market.bar", end=7_200, close="1")]

    assert silent(watched(*story, until=None)) == []
    assert [issue.rule for issue in silent(watched(*story, until=9_000))] == ["unresponsive"]


def test_a_recording_whose_feed_stops_long_before_its_end_is_told() -> None:
    story = [*beats(7_200), *every(60, "market.bar", end=3_600, close="1")]

    (issue,) = silent(watched(*story, until=None))

    assert "no candle for" in issue.title


def test_a_symbol_that_falls_silent_matters_while_it_is_held_and_only_then() -> None:
    bars = [
        *beats(7_200),
        *every(60, "market.bar", end=7_200, close="1"),
        *every(60, "market.bar", end=3_600, close="2", symbol="SOL/USDT"),
    ]
    held = {
        "position.id": "p", "symbol": "SOL/USDT", "position.quantity": "10", "currency": "USDT",
        "position.average_price": "2",
    }  # fmt: skip

    free = watched(*bars, until=7_200)
    (issue,) = [
        one
        for one in watched(*bars, (60.0, "position.opened", held), until=7_200).issues
        if one.rule == "blind-position"
    ]

    assert silent(free) == []
    assert "SOL/USDT for 1 h 1 min, and it is held" in issue.title
    assert issue.money_at_risk is not None


def test_a_bot_told_to_stop_is_expected_to_be_silent() -> None:
    story = [*beats(7_200), *every(60, "market.bar", end=7_200, close="1"), (7_201.0, "bot.stopped", {})]

    assert silent(watched(*story, until=90_000)) == []


def test_lines_after_the_stop_expect_no_candles() -> None:
    story = [
        *beats(7_200),
        *every(60, "market.bar", end=7_200, close="1"),
        (7_201.0, "bot.stopped", {}),
        *[(7_210.0 + 10 * n, "", {}) for n in range(600)],
    ]

    assert silent(watched(*story, until=13_200)) == []


def test_a_halted_bot_makes_no_signals_and_that_is_right() -> None:
    story = [
        *every(30, "heartbeat", end=40_000, **{"bot.state": "halted"}),
        *every(60, "market.bar", end=40_000, close="1"),
        *every(240, "signal.generated", end=14_400),
        (14_401.0, "bot.state_changed", {"bot.state": "halted"}),
    ]

    assert silent(watched(*story, until=40_000)) == []


def test_after_a_restart_the_patience_begins_anew() -> None:
    story = [
        *beats(3_600),
        *every(60, "market.bar", end=3_600, close="1"),
        (20_000.0, "bot.started", {"bot.state": "running"}),
        *every(30, "heartbeat", begin=20_000, end=20_200),
    ]

    assert silent(watched(*story, until=20_200)) == []


def test_candle_ages_of_heartbeats_are_judged_by_the_candles_that_came() -> None:
    def saw(hours: int, interval: int) -> list[Told]:
        return [
            (30.0 * n, "heartbeat", {"bot.state": "running", "candle.age_s": (30 * n) % interval})
            for n in range(hours * 120)
        ]

    hourly = saw(6, 3_600)
    stuck = [(at, name, {**values, "candle.age_s": max(0, at - 7_200)}) for at, name, values in saw(6, 600)]

    assert silent(watched(*hourly, until=6 * 3_600)) == []
    assert [issue.rule for issue in silent(watched(*stuck, until=6 * 3_600))] == ["stale-feed"]


def test_a_bot_on_long_candles_starts_with_an_old_one_and_that_is_no_fault() -> None:
    four_hours = [
        (30.0 * n, "heartbeat", {"bot.state": "running", "candle.age_s": 5_000 + 30 * n}) for n in range(300)
    ]
    closed = [(at, name, {**values, "market.open": False}) for at, name, values in four_hours]

    assert silent(watched(*four_hours, until=9_000)) == []
    stuck = [(at, name, {**values, "candle.age_s": 40_000 + at}) for at, name, values in four_hours]
    assert len(silent(watched(*stuck, until=9_000))) == 1
    assert silent(watched(*closed, until=9_000)) == []


def test_a_bot_without_heartbeats_is_judged_by_its_own_habit() -> None:
    chatty: list[Told] = [(10.0 * n, "", {}) for n in range(720)]
    rare: list[Told] = [(5_000.0 * n, "", {}) for n in range(20)]

    assert [i.rule for i in silent(watched(*chatty, until=7_200 + 1_000))] == ["unresponsive"]
    assert silent(watched(*rare, until=20 * 5_000 + 10_000)) == []


def test_a_market_that_nothing_names_is_said_to_be_unknown() -> None:
    chatty: list[Told] = [(10.0 * n, "", {}) for n in range(720)]

    (issue,) = silent(watched(*chatty, until=7_200 + 1_000))

    assert "set `[markets]`" in issue.explanation


def test_a_market_of_the_settings_holds_against_what_events_name() -> None:
    at_night = Expectations(markets={"grid-1": "XKRX"})
    story = [*beats(3_600), *every(60, "market.bar", end=3_600, close="1")]

    # 20:00 in Seoul.
    assert silent(watched(*story, until=9_000, expected=at_night)) == []


def test_a_set_rhythm_holds_at_once_and_off_expects_nothing() -> None:
    story = [*beats(7_200), *every(60, "market.bar", end=180, close="1")]
    strict = Expectations(cadence={"candles": 5 * MINUTE})
    off = Expectations(cadence={"grid-1 candles": 0, "candles": 5 * MINUTE})

    (issue,) = silent(watched(*story, until=7_200, expected=strict))

    assert "set: one every 5 min" in issue.explanation
    assert silent(watched(*story, until=7_200, expected=off)) == []


def test_a_stage_that_is_set_and_never_came_is_missed_since_the_start() -> None:
    strict = Expectations(cadence={"grid-1 signals": 5 * MINUTE})

    (issue,) = silent(watched(*beats(7_200), until=7_200, expected=strict))

    assert "no signal for" in issue.title
    assert "after 0" in issue.explanation


def test_components_tell_their_rhythm() -> None:
    snapshot = watched(*beats(7_200), until=7_200)

    assert snapshot.components["bot.core"].cadence == "every 30 s"
    assert watched(*beats(100), until=100).components["bot.core"].cadence == ""


def test_an_overdue_stage_stands_in_the_health_table_with_what_is_usual() -> None:
    story = [*beats(7_200), *every(60, "market.bar", end=3_600, close="1")]

    facts = {what: (seen, usual) for what, seen, usual in watched(*story, until=7_200).facts}

    assert facts["candles"] == ("none for 1 h 1 min, 60 before", "usually one every 60 s")


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (1_500_000_000, "1.5 s"),
        (30 * SECOND, "30 s"),
        (119 * SECOND, "119 s"),
        (45 * MINUTE, "45 min"),
        (3 * HOUR + 12 * MINUTE, "3 h 12 min"),
        (52 * HOUR, "2 d 4 h"),
    ],
)
def test_durations_are_read_at_a_glance(ns: int, words: str) -> None:
    assert duration(ns) == words


def test_settings_become_expectations(tmp_path: Any) -> None:
    (tmp_path / "obs.toml").write_text(
        '[markets]\n"kr" = "XKRX"\n[cadence]\n"kr candles" = "1.5m"\nsignals = "off"\n'
        "[thresholds]\nsilence_s = 600\n"
    )

    expected = expectations(load(folder=tmp_path).settings)

    assert expected.expected("kr", "candles") == 90 * SECOND
    assert expected.expected("other", "signals") == 0
    assert expected.expected("other", "candles") is None
    assert expected.limits.silence_s == 600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[cadence]\ncandles = "30"\n', 'candles = "30" has no unit'),
        ("[thresholds]\ntradez = 3\n", "thresholds.tradez: no such setting: use one of trades"),
        ("[thresholds]\nbook_share = 0.3\n", "thresholds.book_share = 0.3"),
        ('[markets]\nkr = "KRX"\n', "KRX: no such session table: use one of ALWAYS"),
    ],
)
def test_wrong_expectations_name_the_place_and_the_mend(tmp_path: Any, text: str, words: str) -> None:
    (tmp_path / "obs.toml").write_text(text)

    with pytest.raises(ConfigError) as refused:
        expectations(load(folder=tmp_path).settings)

    assert words in str(refused.value)


# The beats are a monoid.

NAMES = ("", "heartbeat", "market.bar", "signal.generated", "bot.started", "order.filled", "order.fill")


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 4_000),
                st.sampled_from(NAMES),
                st.sampled_from(("a", "b")),
                st.fixed_dictionaries(
                    {},
                    optional={
                        "symbol": st.sampled_from(("BTC/USDT", "005930")),
                        "exchange.id": st.sampled_from(("krx", "upbit")),
                        "candle.age_s": st.integers(0, 90),
                        "quantity": st.just("1"),
                        "run.mode": st.sampled_from(("live", "backtest")),
                    },
                ),
            ),
            max_size=30,
        )
    )
    return [
        event(name or "text", at=at, name=name, bot=bot, attributes=values, uid=f"p-{number}")
        for number, (at, name, bot, values) in enumerate(rows)
    ]


def fold(stream: Iterable[Event]) -> State:
    state = State()
    for one in stream:
        state.add(one)
    return state


@settings(max_examples=60, deadline=None)
@given(streams(), st.integers(0, 30), st.randoms(use_true_random=False))
def test_any_split_and_order_of_a_stream_gives_the_same_beats(
    stream: list[Event], cut: int, dice: Any
) -> None:
    whole = fold(stream).beats
    mixed = list(stream)
    dice.shuffle(mixed)

    left, right = fold(mixed[cut:]).beats, fold(mixed[:cut]).beats
    left.merge(right)

    assert msgspec.to_builtins(left) == msgspec.to_builtins(whole)


def test_beats_are_bounded_whatever_a_bot_names() -> None:
    state = State()
    for number in range(600):
        values = {"symbol": f"S{number}", "exchange.id": f"e{number}", "candle.age_s": number}
        state.add(event(at=number, name="heartbeat", attributes=values, uid=f"p-{number}"))

    bot = state.beats.bots["bot-1"]
    assert len(bot.hints) == KEPT_HINTS
    assert len(bot.ages) == KEPT_AGES
    assert bot.ages[-1].age_s == 599


def test_records_that_only_count_are_beats_too() -> None:
    one_by_one, at_once = Beats(), Beats()
    times = [START + n * MINUTE for n in range(5)]
    for time in times:
        one_by_one.add(event(at=(time - START) / SECOND), "bot")
    at_once.count(times, "bot")

    assert msgspec.to_builtins(one_by_one) == msgspec.to_builtins(at_once)
