"""The story of an issue, the last words of a process: the lines that led there, however a stream is split."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.analysis import Analyzer, analyze
from obs.events import Event, ExceptionInfo, Severity
from obs.rules import RuleSet
from obs.snapshot import Issue, Snapshot
from obs.state import State
from obs.trails import LED, MAX_THREADS, RECENT, SLACK, Said, Trails, recent
from tests.builders import START, event

SECOND = 1_000_000_000


def watched(*events: Event) -> Snapshot:
    analyzer = Analyzer(RuleSet(()))
    for number, one in enumerate(events):
        analyzer.feed(msgspec.structs.replace(one, uid=one.uid or f"p-{number}"))
    return analyzer.snapshot()


def story(issue: Issue) -> list[str]:
    return [item.text for item in issue.story]


def test_an_issue_tells_the_lines_before_its_first_record_and_none_after() -> None:
    lines = [event(f"step {word}", at=at) for at, word in enumerate(("one", "two", "three"))]
    failure = event("cannot reach the moon", at=10, severity=Severity.ERROR)
    again = event("cannot reach the moon", at=20, severity=Severity.ERROR)

    (issue,) = watched(*lines, failure, event("later", at=15), again).issues

    assert issue.count == 2
    assert story(issue) == ["step one", "step two", "step three"]


def test_a_line_that_comes_late_still_stands_in_its_place() -> None:
    failure = event("cannot reach the moon", at=10, severity=Severity.ERROR)

    (issue,) = watched(event("first", at=1), failure, event("second", at=5)).issues

    assert story(issue) == ["first", "second"]


def test_another_bots_lines_are_no_part_of_the_story() -> None:
    failure = event("cannot reach the moon", at=10, severity=Severity.ERROR)

    (issue,) = watched(event("mine", at=1), event("not mine", at=2, bot="grid-9"), failure).issues

    assert story(issue) == ["mine"]


def test_lines_that_repeat_one_another_are_told_once() -> None:
    waits = [event(f"retry {n} in {n} s", at=n) for n in range(4)]
    failure = event("gave up", at=10, severity=Severity.ERROR)

    (issue,) = watched(event("order sent", at=0), *waits, failure).issues

    assert story(issue) == ["order sent", "retry 3 in 3 s"]


def test_a_missing_stop_tells_how_it_went_away_however_long_ago() -> None:
    position = {"position.id": "p-1", "symbol": "SOL/USDT", "position.quantity": "420", "run.mode": "live"}
    stop = {"order.id": "s-1", "order.type": "stop_market", "position.id": "p-1", "symbol": "SOL/USDT"}
    chatter = [event(f"tick {n}", at=100 + n) for n in range(3 * RECENT)]

    (issue,) = watched(
        event("bought", at=1, name="position.opened", attributes=position),
        event("stop set", at=2, name="order.accepted", attributes=stop),
        *chatter,
        event("stop pulled", at=900, name="order.canceled", attributes=stop),
    ).issues

    assert issue.title == "SOL/USDT has no stop-loss"
    told = [*story(issue), *(item.text for item in issue.evidence)]
    assert [next(line for line in told if line.startswith(word)) for word in ("bought", "stop set")]


def test_an_order_that_is_refused_tells_the_signal_it_came_from() -> None:
    signal = {"signal.id": "g-1", "symbol": "ETH/USDT"}
    order = {"order.id": "o-1", "signal.id": "g-1", "symbol": "ETH/USDT"}
    chatter = [event(f"tick {n}", at=10 + n) for n in range(3 * RECENT)]
    refusal = ExceptionInfo(type="ccxt.InvalidOrder", message="lot size")

    snapshot = watched(
        event("golden cross", at=1, name="signal.generated", attributes=signal),
        event("sent", at=2, name="order.submitted", attributes=order),
        *chatter,
        event("refused", at=500, severity=Severity.ERROR, exception=refusal, attributes=order),
    )

    (issue,) = snapshot.issues
    assert [line.split(" ")[0] for line in story(issue)][:2] == ["golden", "sent"]


def test_the_last_words_of_a_process_stand_with_its_end() -> None:
    end = {"process.exit_code": 7, "process.pid": 3}

    snapshot = watched(
        *(event(f"tick {n}", at=n) for n in range(50)),
        event("disk is full, giving up", at=60, severity=Severity.WARN),
        event("", at=61, name="process.exited", severity=Severity.ERROR, attributes=end),
    )

    (ended,) = snapshot.ends
    assert ended.last_words[-1].text == "disk is full, giving up"
    assert ended.last_words[-2].text == "tick 49"
    (issue,) = snapshot.issues
    assert "disk is full, giving up" in [item.text for item in issue.evidence]
    assert "came 1.0 s before" in issue.explanation


def test_the_last_error_is_shown_with_the_end_also_when_other_lines_came_after() -> None:
    snapshot = watched(
        event("no balance file", at=1, severity=Severity.ERROR, name="bot.state_changed"),
        *(event(f"closing {word}", at=2 + n) for n, word in enumerate(("feeds", "orders", "books", "files"))),
        event("", at=9, name="process.exited", attributes={"process.exit_code": 7}, severity=Severity.ERROR),
    )

    issue = next(issue for issue in snapshot.issues if issue.rule == "ended")
    assert [item.text for item in issue.evidence][1:] == [
        "no balance file",
        "closing orders",
        "closing books",
        "closing files",
    ]


def test_the_last_call_below_info_is_kept_beside_the_last_words() -> None:
    analyzer = Analyzer(RuleSet(()))
    for n in range(100):
        analyzer.feed(event(f"GET /{n}", at=n, severity=Severity.DEBUG, uid=f"d-{n}"))
    analyzer.feed(event("started", at=0.5, uid="i-1"))

    texts = [item.text for item in analyzer.snapshot().recent["bot-1"]]

    assert texts[0] == "started"
    assert texts[-1] == "GET /99"
    assert len(texts) < 12


def test_a_recorded_line_is_named_by_its_place() -> None:
    snapshot = analyze(
        "2025-11-20 10:00:00,000 - bot - INFO - loaded the model\n"
        "2025-11-20 10:00:01,000 - bot - ERROR - the flux capacitor is empty\n"
    )

    (issue,) = snapshot.issues
    assert [item.id for item in issue.story] == ["a:1"]
    assert [item.id for item in issue.evidence] == ["a:2"]


names = st.sampled_from(("", "", "order.submitted", "position.opened", "heartbeat"))
streams = st.lists(
    st.builds(
        lambda at, name, order, bot, failed, trace: event(
            f"line {at}",
            at=at,
            name=name,
            bot=bot,
            severity=Severity.ERROR if failed else Severity.INFO,
            attributes={"order.id": order} if order else {},
            trace_id=trace,
        ),
        st.integers(0, 60),
        names,
        st.sampled_from(("", "o-1", "o-2")),
        st.sampled_from(("a", "b")),
        st.booleans(),
        st.sampled_from(("", "t-1")),
    ),
    max_size=24,
)


@settings(max_examples=150, deadline=None)
@given(streams, st.lists(st.booleans(), min_size=24, max_size=24))
def test_any_split_of_a_stream_remembers_the_same(events: list[Event], sides: list[bool]) -> None:
    events = [msgspec.structs.replace(one, uid=f"p-{n}") for n, one in enumerate(events)]
    whole, left, right = (Analyzer(RuleSet(())) for _ in range(3))
    for one, side in zip(events, sides, strict=False):
        whole.feed(one)
        (left if side else right).feed(one)

    left.state.merge(right.state)

    assert msgspec.to_builtins(left.state.trails) == msgspec.to_builtins(whole.state.trails)


def test_memory_is_bounded_whatever_is_said() -> None:
    trails = Trails()
    for n in range(3 * MAX_THREADS):
        one = event(
            f"sent {n}", at=n, name="order.submitted", attributes={"order.id": f"o-{n}"}, uid=f"p-{n}"
        )
        trails.add(one, "bot-1", (one.time, "", 0, one.uid), one.body * 1_000, [f"{n:016x}"])

    assert len(trails.threads) <= MAX_THREADS + SLACK
    assert trails.forgotten == 3 * MAX_THREADS - len(trails.threads)
    assert len(trails.recent["bot-1"]) == RECENT
    assert all(len(led.said) <= LED for led in trails.led.values())
    assert max(len(said.text) for said in trails.recent["bot-1"]) < 300


def test_a_state_of_before_is_still_read() -> None:
    state = msgspec.to_builtins(State())
    del state["trails"]

    assert State.decode(msgspec.msgpack.encode(state)).trails == Trails()


def test_an_id_of_the_newest_records_is_the_one_that_pages_show() -> None:
    trails = Trails()
    trails.remember("bot", Said((START, "", 0, "0123-7"), "INFO", "bot", "alive"))

    (item,) = recent(trails)["bot"]

    assert len(item.id) == 8
    assert item.time == START
