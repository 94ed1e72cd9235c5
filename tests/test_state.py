"""State is a monoid: any split of a stream, folded in parts and merged, gives the same state."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.events import Event, ExceptionInfo, Origin, Severity
from obs.fingerprints import by_event, by_rule, form_of
from obs.series import KEPT_MINUTES, MINUTE_NS, Series
from obs.state import MAX_ISSUES, State
from tests.builders import START, event


class Seen:
    """A verdict that points at the first line."""

    def __init__(self, line: str, values: dict[str, str] | None = None) -> None:
        self.offset, self.line, self.span, self.values = 0, line, (0, 0), values or {}
        self.context: tuple[tuple[int, str], ...] = ()


NAMES = (
    "",
    "heartbeat",
    "order.submitted",
    "order.accepted",
    "order.canceled",
    "order.rejected",
    "position.opened",
    "position.changed",
    "position.closed",
    "trade.closed",
    "api.requested",
    "notification.failed",
    "notification.sent",
    "gen_ai.client.inference.operation.details",
    "signal.generated",
    "signal.filtered",
    "equity.measured",
    "process.exited",
    "process.started",
    "bot.started",
    "market.bar",
    "order.filled",
    "order.denied",
    "decision.made",
    "anomaly.detected",
    "anomaly.cleared",
    "circuit_breaker.tripped",
    "circuit_breaker.reset",
)
small = st.sampled_from(("a", "b", "c"))
attributes = st.fixed_dictionaries(
    {},
    optional={
        "order.id": small,
        "order.type": st.sampled_from(("limit", "stop_market")),
        "position.id": small,
        "symbol": small,
        "position.quantity": st.sampled_from(("0", "1.5", "-2")),
        "pnl.net": st.sampled_from(("1.10", "-0.33", 2, "nonsense")),
        "currency": st.sampled_from(("USDT", "KRW")),
        "exchange.id": small,
        "error.type": st.sampled_from(("timeout", "server")),
        "llm.cost": st.sampled_from(("0.1065", "0.3", None)),
        "gen_ai.conversation.id": small,
        "channel": small,
        "run.mode": st.sampled_from(("live", "paper", "backtest")),
        "filter": small,
        "service.version": st.sampled_from(("1.4", "1.5")),
        "config.hash": small,
        "process.memory.usage": st.sampled_from((1_000_000, "2000000")),
        "system.memory.limit": st.sampled_from((8_000_000, 9_000_000)),
        "ratelimit.used": st.sampled_from((100, 900)),
        "http.route": st.sampled_from(("/api/v3/order", "/api/v3/order/12345")),
        "account.id": small,
        "process.exit_code": st.sampled_from((0, 1)),
        "latency_ms": st.sampled_from((1, 12.5, "99999", -1)),
        "duration_ms": st.sampled_from((3, 4_000, "x")),
        "slippage.ratio": st.sampled_from((-0.001, 0.0003, "0.5")),
        "fill.price": st.sampled_from((100, "0.1")),
        "fill.quantity": st.sampled_from((1, "0.003")),
        "fill.fee": st.sampled_from(("0.01", -2)),
        "equity": st.sampled_from((1_000, "999.5")),
        "decision.id": small,
        "anomaly.id": small,
        "anomaly.kind": st.sampled_from(("slippage", "new kind")),
    },
)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """A stream of events of a few bots, some alike, some with secrets already masked, with distinct ids."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 7_200),
                st.sampled_from(list(Severity)),
                st.sampled_from(("boom", "order 1 failed", "key [REDACTED:api_key] used", "한국 오류")),
                st.sampled_from(NAMES),
                small,
                attributes,
                st.booleans(),
            ),
            max_size=25,
        )
    )
    return [
        Event(
            timestamp=START + seconds * 1_000_000_000 if seconds else 0,
            severity=severity,
            body=body,
            event_name=name,
            logger=f"bot.{bot}",
            attributes=values,
            resource={"service.name": bot},
            exception=ExceptionInfo("KeyError", "'x'") if raised else None,
            uid=f"p-{number}",
            origin=Origin("a", number + 1) if number % 2 else None,
        )
        for number, (seconds, severity, body, name, bot, values, raised) in enumerate(rows)
    ]


def fold(events: list[Event]) -> State:
    state = State()
    for one in events:
        verdicts = []
        if one.severity >= Severity.ERROR:
            verdicts = [
                (by_rule("net.refused", {"host": one.body[:4]}), Seen(one.body, {"host": one.body[:4]})),
                (by_event(one), Seen(one.body)),
            ]
        elif one.severity is Severity.WARN:
            state.notice(one, form_of(one))
        state.add(one, verdicts, works=("net.refused",) if one.event_name == "heartbeat" else ())
    return state


def plain(state: State) -> object:
    return msgspec.to_builtins(state)


@settings(max_examples=150, deadline=None)
@given(streams(), st.data())
def test_folding_two_parts_and_merging_them_is_folding_the_whole(
    events: list[Event], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))

    merged = fold(events[:cut])
    merged.merge(fold(events[cut:]))

    assert plain(merged) == plain(fold(events))


@settings(max_examples=80, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(events: list[Event], random: object) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert plain(fold(shuffled)) == plain(fold(events))


@settings(max_examples=50, deadline=None)
@given(streams(), streams(), streams())
def test_merging_is_associative(a: list[Event], b: list[Event], c: list[Event]) -> None:
    left = fold(a)
    left.merge(fold(b))
    left.merge(fold(c))

    right_tail = fold(b)
    right_tail.merge(fold(c))
    right = fold(a)
    right.merge(right_tail)

    assert plain(left) == plain(right)


@settings(max_examples=50, deadline=None)
@given(streams())
def test_the_empty_state_is_neutral_and_the_stored_form_gives_the_same_state(events: list[Event]) -> None:
    state = fold(events)
    before = plain(state)

    state.merge(State())
    empty = State()
    empty.merge(state)

    assert plain(state) == before == plain(empty) == plain(State.decode(state.encode()))


def test_a_flood_of_different_issues_is_bounded_and_what_left_is_counted() -> None:
    state = State()

    for number in range(MAX_ISSUES + 50):
        one = event(f"x{number}", severity=Severity.ERROR, uid=f"p-{number}")
        state.add(one, [(by_rule(f"rule.{number}", {}), Seen(one.body))])

    assert len(state.issues) == MAX_ISSUES
    assert sum(facts.seen.count for facts in state.issues.values()) + state.issues_overflow == MAX_ISSUES + 50


def test_a_series_keeps_the_newest_minutes_and_every_count() -> None:
    series = Series()

    for minute in range(KEPT_MINUTES + 10):
        series.add(START + minute * MINUTE_NS)

    assert series.count == KEPT_MINUTES + 10
    assert len(series.minutes) == KEPT_MINUTES
    assert min(series.minutes) == START // MINUTE_NS + 10
    assert sum(series.minutes.values()) + sum(series.hours.values()) == series.count


def test_three_even_days_are_steady_though_only_one_is_kept_by_the_minute() -> None:
    series = Series()

    for minute in range(0, 3 * 1_440, 10):
        series.add(START + minute * MINUTE_NS)

    assert series.trend() == "steady"
    assert series.since(START) == 3 * 144 - 60 // 10


@given(
    st.lists(st.integers(0, 90 * 1_440), max_size=60),
    st.integers(0, 60),
)
def test_series_merge_to_what_one_stream_gives_over_months_and_out_of_order(
    minutes: list[int], split: int
) -> None:
    whole, left, right = Series(), Series(), Series()
    for index, minute in enumerate(minutes):
        whole.add(START + minute * MINUTE_NS)
        (left if index < split else right).add(START + minute * MINUTE_NS)

    left.merge(right)

    assert left == whole
