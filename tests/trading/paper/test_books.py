"""What a listener makes of a demo day equals the bots' own books, to the cent."""

from __future__ import annotations

import json
import logging
import traceback
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from obs import analyze
from obs.briefing import render
from obs.snapshot import Snapshot
from tests.trading.conftest import Run
from trading.paper.books import together

D = Decimal
PLAIN = set(vars(logging.makeLogRecord({}))) | {"taskName", "message", "asctime", "event_name"}


def line_of(record: logging.LogRecord) -> str:
    """Return a record as a line of the listener's own format."""
    row: dict[str, Any] = {
        "timestamp": round(record.created * 1000) * 1_000_000,
        "severity": record.levelname,
        "logger": record.name,
        "body": record.getMessage(),
        "attributes": {key: value for key, value in vars(record).items() if key not in PLAIN},
    }
    if name := getattr(record, "event_name", ""):
        row["event_name"] = name
    if record.exc_info and record.exc_info[1]:
        error = record.exc_info[1]
        row["exception"] = {
            "type": f"{type(error).__module__}.{type(error).__name__}",
            "message": str(error),
            "stacktrace": "".join(traceback.format_exception(error)),
        }
    return json.dumps(row)


@pytest.fixture(scope="module")
def books(faulty: Run) -> dict[str, Any]:
    return together([bot.told_books() for bot in faulty.bots.values()])


@pytest.fixture(scope="module")
def seen(faulty: Run) -> Snapshot:
    return analyze([line_of(record) for record in faulty.records])


def summed(books: dict[str, Any], part: str, name: str) -> Counter[str]:
    """Return a count, or counts by reason, added over all bots."""
    total: Counter[str] = Counter()
    for bot in books["bots"]:
        found = bot[part][name]
        total.update(found if isinstance(found, dict) else {name: found})
    return total


def cents(amount: Decimal | None) -> str:
    assert amount is not None
    return str(amount.quantize(D("0.01")))


def test_trades_and_their_result_are_those_of_the_books(seen: Snapshot, books: dict[str, Any]) -> None:
    assert seen.money is not None

    assert seen.money.settled == sum(bot["results"]["closed"] for bot in books["bots"]) >= 4
    assert seen.money.won == sum(bot["results"]["won"] for bot in books["bots"])
    assert seen.money.lost == sum(bot["results"]["lost"] for bot in books["bots"])
    (earned,) = seen.money.total_pnl_today
    assert (earned.amount, earned.currency) == (D(books["totals"]["USD"]["pnl_closed"]), "USD")
    assert cents(earned.amount) == "14.92"


def test_each_bots_result_stands_on_the_page(seen: Snapshot, books: dict[str, Any]) -> None:
    page = render(seen)

    for bot in books["bots"]:
        results = bot["results"]
        if results["closed"]:
            trades = f"{results['closed']} closed trade{'s' if results['closed'] > 1 else ''}"
            net = results["net"].replace("-", "−")
            assert f"{bot['bot']} {trades}, {results['won']} won, {net} USD" in page


def test_what_the_models_cost_is_what_was_booked(seen: Snapshot, books: dict[str, Any]) -> None:
    assert seen.money is not None
    booked = {bot["bot"]: bot["llm"] for bot in books["bots"] if bot["llm"]["calls"]}

    (cost,) = seen.money.total_cost_today
    assert seen.money.calls_today == booked["news-4"]["calls"] > 100
    assert (cost.amount, cost.currency) == (D(books["totals"]["USD"]["llm_cost"]), "USD")
    assert cents(cost.amount) == booked["news-4"]["cost"]
    assert f"LLM cost of news-4 news-analyst {booked['news-4']['cost']} USD" in render(seen)


def test_the_funnel_is_the_books_gate_by_gate(seen: Snapshot, books: dict[str, Any]) -> None:
    assert seen.funnel is not None
    gates = summed(books, "signals", "filtered")
    rejected = summed(books, "orders", "rejected").total()

    assert dict(seen.funnel.stages) == {
        "signals": summed(books, "signals", "generated").total(),
        "decisions": summed(books, "decisions", "made").total(),
        "orders": summed(books, "orders", "submitted").total(),
        "fills": summed(books, "orders", "fills").total(),
    }
    assert dict(seen.funnel.stopped) == {**gates, "order.rejected": rejected}
    assert gates.keys() == {"confidence", "volatility", "correlation", "regime"}
    assert all(f"{gate} {count}×" in render(seen) for gate, count in gates.items())


def test_what_is_held_and_its_value_are_those_of_the_books(seen: Snapshot, books: dict[str, Any]) -> None:
    booked = {
        (bot["bot"], one["symbol"]): (one["quantity"], one["average_price"], one["value"], one["unrealized"])
        for bot in books["bots"]
        for one in bot["positions"]
    }

    told = {
        (one.service, one.symbol): (
            f"{one.quantity.normalize():f}" if one.quantity else "",
            cents(one.entry),
            cents(one.value),
            cents(one.unrealized),
        )
        for one in seen.held
    }

    assert told == booked
    assert {one.service for one in seen.held if one.protection == "none"} == {
        bot["bot"] for bot in books["bots"] for one in bot["positions"] if not one["stop"]
    }


def test_each_planted_incident_is_an_issue(seen: Snapshot) -> None:
    titles = [issue.title for issue in seen.issues if issue.cause is None]

    for planted in (
        "binance outage",
        "ETH/USD has no stop-loss",
        "Alive but without data",
        "Secret in the log",
        "Telegram messages are lost",
        "Text that gives orders to its reader",
        "LLM agent news-analyst loops",
    ):
        assert len([title for title in titles if planted in title]) == 1, planted
    assert len(titles) == 7


def test_the_last_word_on_equity_and_all_fees_are_those_of_the_books(
    faulty: Run, books: dict[str, Any]
) -> None:
    for bot in books["bots"]:
        last = faulty.events("equity.measured", bot["bot"])[-1]
        fees = sum((D(fill["fill.fee"]) for fill in faulty.events("order.filled", bot["bot"])), D(0))

        assert cents(D(last["equity"])) == bot["equity"]
        assert cents(D(last["pnl.day"])) == bot["pnl_day"]
        assert cents(fees) == bot["fees"]


def test_the_totals_are_what_the_bots_come_to(books: dict[str, Any]) -> None:
    totals = books["totals"]["USD"]

    for name in ("equity", "pnl_day", "fees"):
        # Each bot's amount is rounded to the cent, the total is not.
        assert abs(sum(D(bot[name]) for bot in books["bots"]) - D(totals[name])) <= D("0.025"), name
    assert (books["start"], books["end"]) == ("2026-11-20T14:00:00Z", "2026-11-20T14:45:04Z")


def test_the_books_balance(faulty: Run) -> None:
    for bot in faulty.bots.values():
        held = [desk.position for desk in bot.desks.values()]
        earned = sum((one.trade.pnl_net for one in bot.books.trades), D(0))
        open_parts = sum(
            (desk.position.unrealized(desk.mark) - desk.position.entry_fees for desk in bot.desks.values()),
            D(0),
        )

        assert not any(desk.exits for desk in bot.desks.values())
        assert abs(bot.equity - bot.day_start - earned - open_parts) < D("0.0001"), bot.config.bot_id
        assert bot.books.fees == sum((position.fees for position in held), D(0))


def path_of(by_uid: dict[str, dict[str, Any]], event: dict[str, Any]) -> dict[str, Any]:
    """Return the decision behind an event, by the causes that it names."""
    while event["event_name"] != "decision.made":
        event = by_uid[event["cause.id"]]
    return event


def test_every_event_on_the_way_to_a_trade_names_its_cause(faulty: Run) -> None:
    """Signal, decision, order, fill and trade hang together by ids alone."""
    events = [
        vars(record)
        for record in faulty.records
        if getattr(record, "bot.id", "") == "maps-5" and hasattr(record, "event_name")
    ]
    by_uid = {event["log.record.uid"]: event for event in events if "log.record.uid" in event}
    (trade,) = faulty.events("trade.closed", "maps-5")

    path = [trade["event_name"]]
    event = trade
    while "cause.id" in event:
        event = by_uid[event["cause.id"]]
        path.append(event["event_name"])

    assert path == ["trade.closed", "order.filled", "order.submitted", "decision.made", "signal.generated"]
    assert event["signal.id"] in by_uid[path_of(by_uid, trade)["decision.id"]]["signal.ids"]
    opened = faulty.events("position.opened", "maps-5")[0]
    assert opened["position.id"] == trade["position.id"]
    # The trade names the decision that opened it: whose work it is. Its cause leads to the closing one.
    assert trade["decision.id"] == path_of(by_uid, opened)["decision.id"]
    assert trade["decision.id"] != path_of(by_uid, trade)["decision.id"]
    assert len(by_uid) == len([event for event in events if "log.record.uid" in event])
