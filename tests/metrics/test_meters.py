"""Meters are a monoid also where there are more names than room, and lose nothing that they count."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from obs.events import Event
from obs.meters import MAX_HISTOGRAMS, MAX_KEYS, MAX_LATEST, MAX_OTHERS, Meters
from obs.meters.telling import mark_of, tell
from obs.readings import Count, Latest, Mark, label_key
from tests.builders import START

CASES = st.lists(
    st.tuples(st.integers(0, 3 * MAX_KEYS), st.sampled_from(("filled", "rejected")), st.integers(0, 9)),
    min_size=2 * MAX_KEYS,
    max_size=3 * MAX_KEYS,
)


def fold(rows: list[tuple[int, str, int]]) -> Meters:
    meters = Meters()
    for number, (bot, outcome, tenths) in enumerate(rows):
        name, value = f"bot-{bot:04}", Decimal(tenths) / 10
        mark = Mark(START + bot, f"{bot}-{outcome}", value, (("order", str(bot)),))
        meters.count("trading_orders_total", name, outcome, mark=mark)
        meters.sum("trading_fees_total", name, "live", ("USDT", "KRW")[tenths % 2], amount=value)
        meters.observe("trading_order_latency_seconds", name, value=value, mark=mark)
        said = Latest(START + bot, f"{bot}", value)
        meters.say("trading_orders_open", name, latest=said)
        assert number < len(rows)
    return meters


@settings(max_examples=12, deadline=None)
@given(CASES, st.data())
def test_parts_merged_are_the_whole_though_names_left_in_each(
    rows: list[tuple[int, str, int]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(rows)))

    merged = fold(rows[:cut])
    merged.merge(fold(rows[cut:]))

    assert merged == fold(rows)


@settings(max_examples=8, deadline=None)
@given(CASES, st.randoms(use_true_random=False))
def test_whatever_the_order_the_same_names_stay_and_nothing_is_lost(
    rows: list[tuple[int, str, int]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    meters = fold(shuffled)

    assert meters == fold(rows)
    assert sum(one.value for one in meters.counts["trading_orders_total"].values()) == len(rows)
    assert sum(meters.sums["trading_fees_total"].values()) == sum(Decimal(tenths) / 10 for *_, tenths in rows)
    latencies = meters.histograms["trading_order_latency_seconds"]
    assert sum(sum(one.buckets.values()) for one in latencies.values()) == len(rows)


def test_a_flood_of_names_is_bounded() -> None:
    meters = fold([(number, "filled", number % 10) for number in range(3_000)])

    assert len(meters.counts["trading_orders_total"]) == MAX_KEYS + 1
    assert len(meters.sums["trading_fees_total"]) <= MAX_KEYS + MAX_OTHERS
    assert len(meters.histograms["trading_order_latency_seconds"]) == MAX_HISTOGRAMS + 1
    assert len(meters.latest["trading_orders_open"]) == MAX_LATEST


def test_a_mark_names_what_one_can_look_up_and_fits_an_exemplar() -> None:
    values = {"decision.id": "d" * 60, "order.id": "o" * 60}
    event = Event(timestamp=START, attributes=values, uid="p-1", trace_id="0af7651916cd43dd8448eb211c80319c")

    mark = mark_of(event, "abc123", "7bf21e0000000000")

    assert mark is not None
    assert dict(mark.ids)["issue"] == "I-7bf21e"
    assert dict(mark.ids)["evidence"] == "abc123"
    assert sum(len(key) + len(value) for key, value in mark.ids) <= 128
    assert mark_of(Event(timestamp=START, uid="p-2"), "abc123", "") is None


def test_an_issue_that_is_found_later_still_fits() -> None:
    values = {"decision.id": "d-1", "order.id": "0b1c2d3e-0000-4000-8000-0123456789ab"}
    event = Event(timestamp=START, attributes=values, uid="p-1", trace_id="0af7651916cd43dd8448eb211c80319c")

    mark = mark_of(event, "abc12345", "")

    assert mark is not None
    assert {"trace_id", "decision", "order", "evidence"} == dict(mark.ids).keys()
    assert sum(len(key) + len(value) for key, value in (*mark.ids, ("issue", "I-7bf21e"))) <= 128


def told(name: str, **values: object) -> Meters:
    meters = Meters()
    said = {key.replace("__", "."): value for key, value in values.items()}
    event = Event(timestamp=START, event_name=name, attributes=said, uid="p-1")  # type: ignore[arg-type]
    tell(meters, event, "grid-1", call=None)
    return meters


def test_a_fill_of_a_part_is_no_whole_fill_and_costs_what_it_costs() -> None:
    meters = told(
        "order.filled",
        order__remaining="0.5",
        order__side="sell",
        order__reference_price="100",
        fill__price="99.9",
        fill__quantity="2",
        fill__fee="0.2",
        fill__fee_currency="BNB",
        currency="USDT",
        run__mode="paper",
    )

    assert meters.counts["trading_orders_total"] == {label_key("grid-1", "partly_filled"): Count(1)}
    assert meters.sums["trading_volume_total"] == {label_key("grid-1", "simulated", "USDT"): Decimal("199.8")}
    assert meters.sums["trading_fees_total"] == {label_key("grid-1", "simulated", "BNB"): Decimal("0.2")}
    # Sold a tenth of a percent below what was meant: exactly on the bound, which belongs to its bucket.
    assert meters.histograms["trading_slippage_ratio"]["grid-1"].buckets == {"0.001": 1}


def test_a_better_price_is_no_slippage_and_a_backtest_is_nothing() -> None:
    better = told("order.filled", slippage__ratio=-0.004)
    backtest = told("order.filled", run__mode="backtest", slippage__ratio=0.004)

    assert better.histograms["trading_slippage_ratio"]["grid-1"].buckets == {"0": 1}
    assert backtest == Meters()


def test_words_outside_a_closed_set_are_other() -> None:
    refused = told("order.denied", reason="because I say so").counts["trading_orders_refused_total"]
    anomaly = told("anomaly.detected", **{"anomaly.kind": "novel", "anomaly.severity": "high"})

    assert list(refused) == [label_key("denied", "other")]
    assert list(anomaly.counts["trading_anomalies_total"]) == [label_key("other", "high")]
