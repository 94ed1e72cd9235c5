"""The money book is a monoid: any split, any order and any grouping of a stream give the same figures."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.events import Event
from obs.money.book import MoneyBook
from obs.money.metrics import PerformanceMetricsCalculator
from tests.money.telling import book_of, call, closed, ns, opened, say

NOW = ns("2025-11-21T12:00")
TIMES = st.integers(0, 86_400)
IDS = st.sampled_from(["a", "b", "c"])
AMOUNTS = st.sampled_from(["0", "1.5", "-2.25", "100", "0.00000001"])
BOTS = st.sampled_from(["bot-1", "bot-2"])
MODES = st.sampled_from([{}, {}, {"run__mode": "live"}, {"run__mode": "paper"}, {"run__mode": "backtest"}])
CURRENCIES = st.sampled_from(["USDT", "KRW"])


def _signal(at: int, key: str, agent: str, action: str, **more: Any) -> Event:
    told = {"signal__id": f"s-{key}-{agent}", "agent__name": agent, "signal__action": action}
    return say("signal.generated", at, signal__confidence="0.8", **told, **more)


def _decision(at: int, key: str, **more: Any) -> Event:
    ids = f"s-{key}-x,s-{key}-y"
    return say("decision.made", at, decision__id=key, signal__ids=ids, position__target=1, **more)


EVENTS = st.one_of(
    st.builds(lambda key, at, bot, mode: opened(key, at, bot=bot, **mode), IDS, TIMES, BOTS, MODES),
    st.builds(
        lambda key, at, pnl, bot, mode, currency: closed(
            f"t-{key}", at, pnl, position__id=key, decision__id=key, bot=bot, currency=currency, **mode
        ),
        IDS, TIMES, AMOUNTS, BOTS, MODES, CURRENCIES,
    ),
    st.builds(
        lambda key, at, bot: say("position.closed", at, position__id=key, bot=bot, pnl__realized="1"),
        IDS, TIMES, BOTS,
    ),
    st.builds(
        lambda at, agent, model, bot, mode: call(
            at, agent=agent, model=model, bot=bot, duration_ms=at, **mode
        ),
        TIMES, IDS, st.sampled_from(["gpt-5", "ours"]), BOTS, MODES,
    ),
    st.builds(lambda at, key, bot: _signal(at, key, "x", "buy", bot=bot), TIMES, IDS, BOTS),
    st.builds(lambda at, key, bot: _signal(at, key, "y", "sell", bot=bot), TIMES, IDS, BOTS),
    st.builds(lambda at, key, bot: _decision(at, key, bot=bot), TIMES, IDS, BOTS),
    st.builds(lambda at, key, bot: say("order.filled", at, order__id=key, bot=bot), TIMES, IDS, BOTS),
    st.builds(
        lambda at, key, bot, amount: say(
            "attribution.computed", at, bot=bot, trade__id=f"t-{key}", agent__name="x",
            contribution=amount, currency="KRW", fx__rate="1390", contribution__method="shapley",
        ),
        TIMES, IDS, BOTS, AMOUNTS,
    ),
    st.builds(
        lambda at, key, bot: say("order.submitted", at, position__id=key, decision__id=key, bot=bot),
        TIMES, IDS, BOTS,
    ),
    st.builds(lambda at, bot, mode: say("bot.started", at, bot=bot, **mode), TIMES, BOTS, MODES),
    st.builds(
        lambda at, bot, equity: say("equity.measured", at, bot=bot, equity=equity, currency="USDT"),
        TIMES, BOTS, AMOUNTS,
    ),
)  # fmt: skip
STREAMS = st.lists(EVENTS, max_size=30)


def figures(book: MoneyBook) -> object:
    calculator = PerformanceMetricsCalculator(book, now=NOW, cache_seconds=0)
    return msgspec.to_builtins(
        (calculator.realtime(), calculator.ranking(), calculator.efficiency(), calculator.llm_usage())
    )


@settings(max_examples=150, deadline=None)
@given(STREAMS, st.data())
def test_folding_two_parts_and_merging_them_is_folding_the_whole(events: list[Event], data: Any) -> None:
    cut = data.draw(st.integers(0, len(events)))

    merged = book_of(*events[:cut])
    merged.merge(book_of(*events[cut:]))
    whole = book_of(*events)

    assert msgspec.to_builtins(merged) == msgspec.to_builtins(whole)
    assert figures(merged) == figures(whole)


@settings(max_examples=100, deadline=None)
@given(STREAMS, st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(events: list[Event], shuffle: random.Random) -> None:
    shuffled = list(events)
    shuffle.shuffle(shuffled)

    assert msgspec.to_builtins(book_of(*shuffled)) == msgspec.to_builtins(book_of(*events))


@settings(max_examples=60, deadline=None)
@given(STREAMS, STREAMS, STREAMS)
def test_merging_is_associative(a: list[Event], b: list[Event], c: list[Event]) -> None:
    left, tail, right = book_of(*a), book_of(*b), book_of(*a)
    left.merge(book_of(*b))
    left.merge(book_of(*c))
    tail.merge(book_of(*c))
    right.merge(tail)

    assert msgspec.to_builtins(left) == msgspec.to_builtins(right)


@settings(max_examples=60, deadline=None)
@given(STREAMS)
def test_the_empty_book_is_neutral_and_the_stored_form_gives_the_same_book(events: list[Event]) -> None:
    book, empty = book_of(*events), MoneyBook()
    before = msgspec.to_builtins(book)

    book.merge(MoneyBook())
    empty.merge(book)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(book), type=MoneyBook)

    assert msgspec.to_builtins(book) == before == msgspec.to_builtins(empty) == msgspec.to_builtins(stored)


def test_a_stream_too_long_for_the_list_has_the_same_figures_however_it_is_split() -> None:
    events = [
        closed(f"t-{number}", number * 7, f"{number % 5 - 2}.25", position__id=f"p-{number}")
        for number in range(7_000)
    ]
    events += [opened(f"p-{number}", number * 7 - 300) for number in range(7_000)]
    events.sort(key=lambda event: event.timestamp)

    whole = book_of(*events)
    for cut in (100, 6_000, 13_000):
        merged = book_of(*events[:cut])
        merged.merge(book_of(*events[cut:]))

        assert figures(merged) == figures(whole)


def test_a_state_of_before_there_was_a_money_book_is_read() -> None:
    from obs.state import State

    state = State()
    state.add(closed("t-1", 1, "5"))
    old = msgspec.msgpack.decode(state.encode())
    del old["money"]

    read = State.decode(msgspec.msgpack.encode(old))

    assert (read.events, read.money.is_empty) == (1, True)
