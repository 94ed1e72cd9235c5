"""What a bot holds, from what it said: whole sizes, what was added and taken, in whatever order it came."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from pathlib import Path

import msgspec
import pytest

from obs.analysis import Analyzer, analyze
from obs.books import BotFacts
from obs.books.facts import MAX_SIZES
from obs.events import Event
from obs.rules import RuleSet
from obs.state import State
from tests.builders import event


def held(
    quantity: str | None = None, *, at: float, how: str = "is", price: str = "", name: str = ""
) -> Event:
    """Return a word about position p-1."""
    attributes = {"position.id": "p-1", "symbol": "ETH/USDT", "position.size": how}
    if quantity is not None:
        attributes["position.quantity"] = quantity
    if price:
        attributes["position.average_price"] = price
    return event("", at=at, name=name or "position.changed", attributes=attributes, uid=f"p-{at}")


def books(*events: Event) -> BotFacts:
    analyzer = Analyzer(RuleSet(()))
    for one in events:
        analyzer.feed(one)
    return analyzer.state.books.bots["bot-1"]


def size(*events: Event) -> object:
    return books(*events).positions["p-1"].values["position.quantity"]


def test_what_is_added_and_taken_counts_from_the_newest_whole_size() -> None:
    told = (
        held("5", at=1),
        held("1", at=2, how="more"),
        held("2", at=3),
        held("0.5", at=4, how="more"),
        held("0.2", at=5, how="less"),
    )

    assert {str(size(*order)) for order in permutations(told)} == {"2.3"}


def test_the_average_price_is_that_of_all_that_was_bought() -> None:
    bot = books(
        held("1", at=1, price="100"), held("3", at=2, how="more", price="200"), held("2", at=3, how="less")
    )

    assert bot.positions["p-1"].values["position.average_price"] == Decimal(175)


def test_a_first_size_counts_only_where_none_is_known() -> None:
    assert str(size(held("2", at=1, how="first"), held("9", at=2, how="first"))) == "2"
    assert str(size(held("2", at=1), held(at=2, name="position.closed"), held("9", at=3, how="first"))) == "9"


def test_what_was_added_to_an_unknown_size_leaves_it_unknown() -> None:
    assert size(held("1", at=2, how="more")) is None


def test_two_halves_of_a_stream_know_the_same_size() -> None:
    told = [held("5", at=1), *(held("1", at=2 + n, how="more") for n in range(6))]
    left, right, whole = (Analyzer(RuleSet(())) for _ in range(3))
    for number, one in enumerate(told):
        whole.feed(one)
        (left if number % 2 else right).feed(one)

    left.state.merge(right.state)

    assert msgspec.to_builtins(left.state.books) == msgspec.to_builtins(whole.state.books)


def test_a_position_that_is_changed_for_ever_stays_small() -> None:
    bot = books(held("5", at=0), *(held("1", at=1 + n, how="more") for n in range(3 * MAX_SIZES)))

    assert len(bot.positions["p-1"].sizes) == MAX_SIZES
    assert str(bot.positions["p-1"].values["position.quantity"]) == str(5 + 3 * MAX_SIZES)


def test_a_state_without_sizes_and_counts_is_still_read() -> None:
    analyzer = Analyzer(RuleSet(()))
    analyzer.feed(held("5", at=0))
    stored = msgspec.to_builtins(analyzer.state)
    bot = stored["books"]["bots"]["bot-1"]
    del bot["account"], bot["positions"]["p-1"]["sizes"]

    read = State.decode(msgspec.msgpack.encode(stored))

    assert read.books.bots["bot-1"].positions["p-1"].values["position.quantity"] == "5"


@pytest.mark.parametrize("name", ["normal_trade", "disk_full", "segfault"])
def test_a_log_and_its_console_count_each_order_once(corpus: Path, name: str) -> None:
    log = corpus / f"bots/freqtrade_{name}.log.gz"
    console = corpus / f"bots/freqtrade_{name}.console.log.gz"

    both, alone = analyze([log, console]), analyze([log])

    assert both.funnel == alone.funnel
    assert dict(f[:2] for f in both.facts).get("entries") == dict(f[:2] for f in alone.facts).get("entries")
