"""Agents: ranked by what is sure, judged by what came, unranked without cost, price or rate."""

from __future__ import annotations

from typing import Any

import pytest

from obs.events import Event
from obs.money.agents import correlation, lower_bound
from obs.money.metrics import PerformanceMetricsCalculator
from tests.builders import SECOND, START
from tests.money.telling import NOW, amounts, book_of, calculator, call, closed, opened, rate, say

PAIR = rate("USDT/USD", "1", "2025-11-19T00:00")


def trade(number: int, pnl: object, *votes: tuple[str, str, str], at: float | None = None) -> list[Event]:
    """Return a trade with what its agents had said: (agent, action, confidence)."""
    time = float(number) if at is None else at
    key = f"d-{number}"
    said = [
        say(
            "signal.generated", time, signal__id=f"{key}-{agent}", agent__name=agent, signal__action=action,
            signal__confidence=confidence,
        )
        for agent, action, confidence in votes
    ]  # fmt: skip
    ids = ",".join(f"{key}-{agent}" for agent, _, _ in votes)
    made = say("decision.made", time, decision__id=key, signal__ids=ids, position__target=1)
    up = not str(pnl).startswith("-")
    prices = {"entry__price": "100", "exit__price": "101" if up else "99", "position__side": "long"}
    return [*said, made, closed(f"t-{number}", time + 0.5, pnl, decision__id=key, **prices)]


def ranking(*events: Event, **more: Any) -> dict[str, Any]:
    return {one.agent: one for one in calculator(*events, **more).ranking(7)}


def test_an_agent_that_is_steady_stands_before_one_that_was_lucky_once() -> None:
    events = [
        call(agent="steady", model="ours", llm__cost="1"),
        call(agent="lucky", model="ours", llm__cost="1"),
    ]
    for number in range(25):
        events += trade(number, "10", ("steady", "buy", "0.9"))
        events += trade(100 + number, "300" if number == 7 else "-1", ("lucky", "buy", "0.9"))

    found = ranking(*events, rates=[PAIR])

    assert found["lucky"].efficiency_score > found["steady"].efficiency_score
    assert (found["steady"].rank, found["lucky"].rank) == (1, 2)
    assert found["steady"].efficiency_low == pytest.approx(250)
    assert found["steady"].roi == pytest.approx(24_900)
    assert found["steady"].rates == (PAIR,)
    assert amounts(found["steady"].contribution) == {"USDT": "250"}


def test_few_trades_are_said_and_stand_behind_many() -> None:
    events = [call(agent=name, model="ours", llm__cost="1") for name in ("few", "many")]
    events += trade(1, "1000", ("few", "buy", "0.9"))
    for number in range(20):
        events += trade(100 + number, "1", ("many", "buy", "0.9"))

    found = ranking(*events, rates=[PAIR])

    assert (found["many"].rank, found["many"].reason) == (1, "")
    assert (found["few"].rank, found["few"].reason) == (2, "too_few_trades")


@pytest.mark.parametrize(
    ("events", "rates", "reason"),
    [
        ([call(agent="a")], [PAIR], "no_trades"),
        (trade(1, "5", ("a", "buy", "0.9")), [PAIR], "no_cost"),
        ([call(agent="a", model="ours"), *trade(1, "5", ("a", "buy", "0.9"))], [PAIR], "unpriced"),
        ([call(agent="a"), *trade(1, "5", ("a", "buy", "0.9"))], [], "no_rate"),
    ],
)
def test_an_agent_without_trades_cost_price_or_rate_has_no_rank_and_says_why(
    events: list[Event], rates: list[Any], reason: str
) -> None:
    found = ranking(*events, rates=rates)["a"]

    assert (found.rank, found.efficiency_score, found.roi, found.reason) == (None, None, None, reason)


def test_how_often_an_agent_was_right_and_how_sure_it_should_have_been() -> None:
    events = [
        *trade(1, "5", ("a", "buy", "0.8"), ("b", "sell", "0.1")),
        *trade(2, "-5", ("a", "buy", "0.6"), ("b", "hold", "0.1")),
        *trade(3, "5", ("a", "buy", "0.9")),
        *trade(4, "5", ("a", "buy", "0.7")),
    ]

    found = ranking(*events)

    # a: right three times of four; (0.2² + 0.6² + 0.1² + 0.3²) / 4.
    assert (found["a"].hit_rate, found["a"].judged, found["a"].win_rate) == (0.75, 4, 75.0)
    assert found["a"].brier == pytest.approx(0.125)
    assert found["a"].correlation == pytest.approx(
        correlation([0.8, 0.6, 0.9, 0.7], [0.01, -0.01, 0.01, 0.01])
    )
    # b: to hold is no judgement; of one there is no correlation.
    assert (found["b"].hit_rate, found["b"].judged, found["b"].correlation) == (0.0, 1, None)


def test_correlation_and_bound_by_hand() -> None:
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert correlation([1, 1, 1], [1, 2, 3]) is None
    assert correlation([1, 2], [1, 2]) is None
    assert lower_bound((5.0, 5.0)) == 5.0
    assert lower_bound((0.0, 10.0) * 20) < 5.0
    assert lower_bound((0.0, 10.0) * 20) == lower_bound((0.0, 10.0) * 20)


def test_what_left_the_list_still_counts_for_its_agents() -> None:
    events = [event for number in range(1_500) for event in trade(number, "1", ("a", "buy", "0.9"))]

    book = book_of(*events)
    found = ranking(*events)["a"]

    assert book.accounts["bot-1"].count < 1_500
    assert (found.trades, found.won, found.hit_rate) == (1_500, 1_500, 1.0)
    assert amounts(found.contribution) == {"USDT": "1500"}


def test_one_agent_in_full() -> None:
    events = [
        *trade(1, "5", ("a", "buy", "0.8")),
        call(2, agent="a", duration_ms=1_000),
        call(3, agent="a", duration_ms=3_000, error__type="timeout"),
        call(4, agent="b"),
        opened("p-9", 5, pnl__unrealized="3", currency="USDT", decision__id="d-1"),
    ]

    found = calculator(*events).agent("a", 30)

    assert found is not None
    assert (found.performance.trades, found.performance.calls, found.window_days) == (1, 2, 30)
    (usage,) = found.usage
    assert (usage.model, usage.calls, usage.failed) == ("gpt-5", 2, 1)
    assert usage.p50_ms == pytest.approx(1_000, rel=0.05)
    assert usage.p95_ms == pytest.approx(3_000, rel=0.05)
    (shown,) = found.trades
    assert (shown.trade, shown.state, amounts(shown.contributions.values())) == (
        "t-1",
        "settled",
        {"USDT": "5"},
    )
    assert [day.calls for day in found.days[-2:]] == [0, 2]
    assert amounts(found.performance.provisional) == {"USDT": "3"}
    assert calculator(*events).agent("nobody") is None


def test_models_side_by_side() -> None:
    events = [
        *trade(1, "5", ("a", "buy", "0.8")),
        *(call(2, agent="a") for _ in range(4)),
        call(3, agent="b", model="ours", gen_ai__provider__name="acme"),
        call(4, agent="b", model="gpt-4o", gen_ai__response__finish_reasons="length"),
    ]

    found = calculator(*events).llm_usage(7)

    assert (found.calls, found.unpriced, found.unpriced_models) == (6, 1, ("ours",))
    by_model = {one.model: one for one in found.models}
    assert (by_model["gpt-5"].calls, by_model["gpt-5"].trades, by_model["gpt-5"].hit_rate) == (4, 1, 1.0)
    assert amounts([by_model["gpt-5"].cost_per_trade]) == {"USD": "0.009"}
    assert (by_model["gpt-4o"].cut, by_model["ours"].cost) == (1, ())
    assert amounts(found.providers["openai"]) == {"USD": "0.0125"}
    assert found.providers["acme"] == ()


def test_without_anything_the_calculator_answers_with_nothing() -> None:
    import obs

    empty = obs.PerformanceMetricsCalculator()

    assert (empty.realtime().total_trades_today, empty.ranking(), empty.agent("a")) == (0, (), None)
    assert (empty.efficiency().roi_reason, empty.llm_usage().calls) == ("nothing_settled", 0)
    assert len(empty.history(24).points) == 24


def test_a_figure_stands_for_five_minutes_unless_asked_otherwise() -> None:
    clock = [NOW]
    book = book_of(closed("t-1", 1, "5"))
    kept = PerformanceMetricsCalculator(book, now=lambda: clock[0])
    fresh = PerformanceMetricsCalculator(book, now=lambda: clock[0], cache_seconds=0)
    before = kept.realtime()

    book.merge(book_of(closed("t-2", 2, "5")))
    clock[0] = NOW + 299 * SECOND
    assert (kept.realtime(), fresh.realtime().settled) == (before, 2)
    clock[0] = NOW + 300 * SECOND
    assert kept.realtime().settled == 2


def test_what_was_read_before_changes_no_figure() -> None:
    from obs.analysis import Analyzer

    analyzer = Analyzer()
    for number in range(60):
        events = [*trade(number, "1" if number % 3 else "-2", ("a", "buy", "0.8"), ("b", "sell", "0.2"))]
        for event in (*events, call(number, agent="a")):
            analyzer.feed(event)
            now = event.timestamp + SECOND
            anew = PerformanceMetricsCalculator(
                analyzer.state.money, now=now, seen=analyzer.state.seen, cache_seconds=0
            )
            assert analyzer.metrics(now).realtime() == anew.realtime()
    assert analyzer.state.money.last >= START
