"""Templates of free text: what is masked, which messages are one kind, and that no order or split shows."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.patterns import TemplateMiner, form

VENUES = ("binance", "upbit", "bybit", "okx", "kraken", "bithumb", "gate", "kucoin")


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("order 6d1f2c9a-11 filled at 101.25 USDT", "order * filled at * USDT"),
        ("GET https://api.example.com/v3/depth?symbol=BTC took 12ms", "GET * took *"),
        ("cannot read /var/lib/bot/state.db: no such file", "cannot read *: no such file"),
        (r"cannot read C:\bots\state.db: no such file", "cannot read *: no such file"),
        ("spread of BTC/USDT:USDT against KRW-XRP or ETHUSDT", "spread of * against * or *"),
        ("pair 'ETH/BTC' is not in the whitelist", "pair * is not in the whitelist"),
        ("peer fe80::1:2:3 at 10.0.0.1:8443 and db.internal:5432", "peer * at * and *"),
        ("since Fri Nov 20 15:44:19 2026 nothing came", "since * nothing came"),
        ("heartbeat at 2026-11-20T15:44:19.123+09:00", "heartbeat at *"),
        ("done in 3.5 s, 12 of 40 (30 %)", "done in * s, * of *"),
        ("{'id': '42', 'status': None, 'fills': [{'price': 1.5}]}", "*"),
        ("free=1.5 used=-3", "free=* used=*"),
        ("key [REDACTED:api_key] refused", "key * refused"),
        ("deadbeefcafe refused", "* refused"),
        ("TCP/IP and I/O are words", "TCP/IP and I/O are words"),
        ("waiting...", "waiting..."),
        ("node-1 0x1f <ok> node-2 0x2f <ok> node-3 0x3f <ok>", "* <ok>"),
        ("주문 12345 체결: 005930 종목 3주, 71,200원", "주문 * 체결: * 종목 *주, *원"),
        ("заявка 42 исполнена по 101,5", "заявка * исполнена по *"),
        ("注文 ４２ 約定 価格１０１", "注文 * 約定 価格*"),
    ],
)
def test_what_looks_like_a_value_is_masked_and_words_stay(message: str, masked: str) -> None:
    assert form(message) == masked


def test_only_the_first_line_that_says_something_decides() -> None:
    assert form("\n\nbroken: 5\nTraceback (most recent call last):") == "broken: *"


def test_a_form_does_not_change_when_only_numbers_do() -> None:
    long = "value {} " * 400

    assert form(long.format(*range(400))) == form(long.format(*range(10**6, 10**6 + 400)))


def test_words_that_stand_in_one_place_become_a_slot_and_say_why() -> None:
    miner = TemplateMiner()

    ids = {miner.add(f"connection to venue {name} was refused by its gateway") for name in VENUES}

    assert len(ids) == len(VENUES)
    assert {miner.resolve(one) for one in ids} == {miner.resolve(ids.pop())}
    (template,) = miner.templates()
    assert template.text == "connection to venue * was refused by its gateway"
    assert template.words == tuple(sorted(VENUES))
    assert template.count == len(VENUES)
    assert template.why == "8 forms that differ only where values stand"


def test_words_that_say_what_happened_are_never_a_slot() -> None:
    miner = TemplateMiner()

    ids = [
        miner.add(f"order {n} {what}")
        for n, what in enumerate(("filled", "rejected", "expired", "cancelled"))
    ]

    assert len({miner.resolve(one) for one in ids}) == 4


def test_a_template_that_the_program_told_needs_no_mining_and_is_one_with_the_same_text() -> None:
    miner = TemplateMiner()

    told = miner.add("order 7 rejected: 5.00", template="order %s rejected: %.2f", component="bot")
    text = miner.add("order 9 rejected: 1.25", component="bot")
    other = miner.add("order 9 rejected: 1.25", component="another")

    assert miner.template(told) == "order * rejected: *"
    assert miner.resolve(text) == miner.resolve(told) != miner.resolve(other)
    assert miner.get(told).count == 2  # type: ignore[union-attr]


def test_ids_are_the_same_in_another_process_with_another_hash_seed() -> None:
    messages = [f"venue {name} lost {n} packets from {name}" for n, name in enumerate(VENUES)]
    program = (
        "import sys; from obs.patterns import TemplateMiner; m = TemplateMiner();"
        "ids = [m.add(t) for t in sys.argv[1:]]; print([(i, m.resolve(i), m.template(i)) for i in ids])"
    )

    told = {
        subprocess.run(
            [sys.executable, "-c", program, *messages],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }

    assert len(told) == 1


messages = st.lists(
    st.tuples(
        st.sampled_from(
            [f"user {name} logged in from 10.0.0.{n}" for n, name in enumerate(VENUES)]
            + [f"{name} is {state} since {n} s" for n, name in enumerate(VENUES) for state in ("up", "down")]
            + ["", "*", "   ", "주문 1 체결", "order 1 filled", "order x filled"]
        ),
        st.sampled_from(("", "bot.a")),
        st.sampled_from(("", "user %s logged in from %s")),
        st.integers(0, 3),
    ),
    max_size=60,
)


def mined(rows: list[tuple[str, str, str, int]]) -> TemplateMiner:
    miner = TemplateMiner()
    for text, component, template, moment in rows:
        miner.add(text, component=component, template=template, time=moment, severity=moment)
    return miner


@settings(max_examples=100, deadline=None)
@given(messages, st.data())
def test_neither_order_nor_split_of_the_messages_shows(
    rows: list[tuple[str, str, str, int]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    shuffled = data.draw(st.permutations(rows))

    merged = mined(rows[cut:])
    merged.merge(mined(rows[:cut]))
    restarted = TemplateMiner.decode(mined(shuffled).encode())

    assert merged.table == mined(rows).table == restarted.table
    assert merged.templates() == mined(rows).templates() == restarted.templates()


def test_resolving_while_messages_come_changes_nothing_in_the_end() -> None:
    lines = [f"peer {name} answered in {n} ms with code {n}" for n, name in enumerate(VENUES)]
    asked, unasked = TemplateMiner(), TemplateMiner()

    for line in lines:
        asked.template(asked.add(line))
        unasked.add(line)

    assert asked.templates() == unasked.templates()
    assert all(asked.resolve(asked.resolve(one)) == asked.resolve(one) for one in map(asked.add, lines))


def test_a_form_that_found_no_room_is_counted_and_resolves_to_what_its_kind_became() -> None:
    miner = TemplateMiner()
    dice = random.Random(5)
    names = ["".join(dice.choices("abcdefghij", k=12)) for _ in range(3_000)]

    ids = [miner.add(f"user {name} was not let in") for name in names]

    assert miner.table.kept <= 64
    assert miner.evicted == 3_000 - sum(facts.count for _, facts in miner.table) > 2_900
    assert {miner.template(one) for one in ids} == {"user * was not let in"}


HOSTILE = {
    "words": lambda d: " ".join("".join(d.choices("abcdefghijklmnop", k=7)) for _ in range(15)),
    "numbers": lambda d: " ".join(f"{d.getrandbits(40):x}" for _ in range(15)),
    "brackets": lambda d: "[(" * 60 + f"{d.getrandbits(60):x}" + ")]" * 60,
    "dots": lambda d: "a." * 200 + f"{d.getrandbits(60):x}",
    "quotes": lambda d: "'\" " * 100 + f"{d.getrandbits(60):x}",
    "stars": lambda d: "* " * 200 + "".join(d.choices("abcdef", k=12)),
    "one word": lambda d: "".join(d.choices("abcdefghijklmnopqrstuvwxyz", k=1_500)),
    "ten megabytes": lambda d: "x y=1 " * 1_700_000 if d.random() < 0.001 else f"{d.getrandbits(60):x}",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_lines_are_read_fast_and_kept_within_bounds(kind: str) -> None:
    dice = random.Random(7)
    lines = [HOSTILE[kind](dice) for _ in range(4_000)]
    miner = TemplateMiner()

    start = time.process_time()
    for line in lines:
        miner.add(line)
    spent = time.process_time() - start

    assert miner.table.kept <= miner.table.most
    assert miner.evicted + sum(facts.count for _, facts in miner.table) == 4_000
    assert all(len(facts.form) + len(facts.example) <= 1_000 for _, facts in miner.table)
    # A quarter of what a free machine does, so that others on it do not matter.
    assert 4_000 / spent > 5_000
