"""What a bot watches of itself: bounds that count or do not, what ends by itself, and the breaker's day."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from obs.watch import tape, thresholds
from trading.bars import SECOND_NS, Bar
from trading.protections import Anomaly, Breaker, Watch

D = Decimal
MINUTE = 60 * SECOND_NS
DAY = 86_400 * SECOND_NS


def bar(minute: int, close: float, volume: float = 1.0) -> Bar:
    return Bar(minute * MINUTE, close, close, close, close, volume)


def kinds(found: list[Anomaly]) -> list[tuple[str, bool]]:
    return [(one.kind, one.is_over) for one in found]


def test_a_price_that_moves_five_percent_within_a_minute_is_told_and_ends_with_the_next_quiet_minute() -> (
    None
):
    watch = Watch()

    assert watch.bar("BTC", bar(0, 100.0)) == []
    assert watch.bar("BTC", bar(1, 104.99)) == []
    (jump,) = watch.bar("BTC", bar(2, 104.99 * 1.05 + 0.001))
    (over,) = watch.bar("BTC", bar(3, 110.0))

    assert (jump.kind, jump.symbol, jump.severity, jump.is_over) == ("price_move", "BTC", "medium", False)
    assert (over.kind, over.is_over) == ("price_move", True)


def test_a_move_of_exactly_the_bound_counts_but_not_over_a_gap() -> None:
    at_once, over_a_gap = Watch(), Watch()

    assert kinds(at_once.bar("X", bar(0, 100.0)) + at_once.bar("X", bar(1, 105.0))) == [("price_move", False)]
    assert kinds(over_a_gap.bar("X", bar(0, 100.0)) + over_a_gap.bar("X", bar(2, 105.0))) == []


def test_volume_is_compared_with_the_sixty_bars_before_and_not_with_itself() -> None:
    watch = Watch()
    for minute in range(60):
        assert watch.bar("X", bar(minute, 100.0, 2.0)) == []

    (spike,) = watch.bar("X", bar(60, 100.0, 20.0))

    assert (spike.kind, spike.value, spike.sample) == ("volume_spike", D(10), 60)


def test_slippage_of_exactly_the_bound_is_none() -> None:
    watch = Watch()

    assert watch.fill("o1", "X", D("0.005"), 0) == []
    assert kinds(watch.fill("o2", "X", D("0.0051"), 1)) == [("slippage", False)]
    assert kinds(watch.fill("o3", "X", D("-0.001"), 2)) == [("slippage", True)]


def test_twenty_orders_in_ten_minutes_are_too_many_and_parts_of_one_order_are_one() -> None:
    watch = Watch()
    for part in range(30):
        assert watch.fill("o-parts", "X", D(0), part) == []
    for order in range(18):
        assert watch.fill(f"o{order}", "X", D(0), 100) == []

    begun = watch.fill("last", "X", D(0), 599 * SECOND_NS)
    ended = watch.pass_time(601 * SECOND_NS)

    assert kinds(begun) == [("trade_frequency", False)]
    assert kinds(ended) == [("trade_frequency", True)]


def test_seven_losses_of_ten_are_a_streak_and_zero_is_no_loss() -> None:
    watch = Watch()
    for net in [-1, -1, -1, -1, -1, -1, 0, 1, 1]:
        assert watch.trade("X", D(net)) == []

    assert kinds(watch.trade("X", D("-0.01"))) == [("losing_streak", False)]
    assert watch.trade("X", D(-5)) == []
    assert kinds(watch.trade("X", D(5))) == [("losing_streak", True)]


def test_a_third_of_the_requests_must_fail_and_there_must_be_ten() -> None:
    watch = Watch()
    for second in range(3):
        assert watch.request("e", second * SECOND_NS, failed=True) == []
    for second in range(3, 9):
        assert watch.request("e", second * SECOND_NS, failed=False) == []

    assert kinds(watch.request("e", 9 * SECOND_NS, failed=False)) == [("api_errors", False)]
    assert kinds(watch.pass_time(400 * SECOND_NS)) == [("api_errors", True)]


def test_the_breaker_trips_at_a_tenth_of_the_days_first_equity_and_resets_with_the_next_day() -> None:
    breaker = Breaker()

    assert breaker.measure(D(1000), 5 * DAY + 1) is None
    assert breaker.measure(D("900.01"), 5 * DAY + 2) is None
    assert breaker.measure(D(900), 5 * DAY + 3) == "tripped"
    assert breaker.until == 6 * DAY
    assert breaker.measure(D(500), 5 * DAY + 4) is None
    assert breaker.measure(D(500), 6 * DAY) == "reset"
    assert (breaker.day_start, breaker.is_tripped) == (D(500), False)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.decimals(90, 110, places=2),
            st.decimals(0, 40, places=1),
        ),
        min_size=2,
        max_size=140,
    )
)
def test_the_sidecars_own_thresholds_see_the_same_bars_pass_them(
    steps: list[tuple[int, Decimal, Decimal]],
) -> None:
    """Both judge the same day; here when anomalies begin, there every bar that is beyond."""
    minute, bars = 0, []
    for gap, close, volume in steps:
        minute += gap
        bars.append(bar(minute, float(close), float(volume)))
    rows = [tape.Bar(b.time, "X", "1m", b.volume, b.close, b.time, str(i)) for i, b in enumerate(bars)]
    limits = thresholds.Limits()
    seen = {
        "price_move": {hit.time for hit in thresholds.price_moves(rows, limits)},
        "volume_spike": {hit.time for hit in thresholds.volume_spikes(rows, limits)},
    }

    watch, is_on = Watch(), {"price_move": False, "volume_spike": False}
    for each in bars:
        for one in watch.bar("X", each):
            is_on[one.kind] = not one.is_over
        for kind, times in seen.items():
            # A gap gives no verdict on a move: what was on stays on until a minute tells.
            if each.time in times:
                assert is_on[kind], kind
            elif kind == "volume_spike":
                assert not is_on[kind]


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=80))
def test_the_sidecar_sees_the_same_requests_fail_too_often(steps: list[tuple[int, bool]]) -> None:
    """By seconds there, by requests here: both look at whole seconds in this day."""
    second, answers, watch, is_on = 0, dict[int, tape.Answers](), Watch(), False
    for gap, failed in steps:
        second += gap + 1
        answers[second] = tape.Answers(1, int(failed), str(second) if failed else "")
        for one in watch.request("e", second * SECOND_NS, failed=failed):
            is_on = not one.is_over

        hits = thresholds.error_rates(answers, thresholds.Limits())

        window = [each for at, each in answers.items() if second - at < 300]
        total, bad = sum(each.total for each in window), sum(each.failed for each in window)
        assert is_on == (bad > 0 and total >= 10 and bad >= D("0.30") * total)
        assert not is_on or hits
