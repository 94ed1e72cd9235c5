"""The inner parts of mining: slots, the bounds of the table, and issues that turn out to be one."""

from __future__ import annotations

import random
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import obs
from obs.mining import table
from obs.mining.kinds import given_form
from obs.mining.slots import mine
from obs.mining.table import FormTable, form_id
from obs.patterns import form

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")


def template(messages: list[str]) -> set[str]:
    return set(mine({form(message) for message in messages}).templates.values())


def test_a_word_where_numbers_stand_too_is_a_value() -> None:
    assert template(["user 42 refused by peer", "user root refused by peer"]) == {"user * refused by peer"}


def test_after_a_word_that_announces_a_name_three_words_are_enough() -> None:
    some = [f"started the loop for strategy {name} again" for name in NAMES[:3]]
    others = [f"started the loop for nothing {name} again" for name in NAMES[:3]]

    assert template(some) == {"started the loop for strategy * again"}
    assert len(template(others)) == 3


def test_a_boolean_alone_is_never_a_slot_but_a_value_where_numbers_stand() -> None:
    assert len(template(["the feed is stale: true", "the feed is stale: false"])) == 2
    assert template(
        [f"using setting {name} as limit: {n}" for n, name in enumerate(NAMES)]
        + ["using setting x as limit: True"]
    ) == {"using setting * as limit: *"}


def test_two_slots_that_no_single_comparison_shows_open_together() -> None:
    pairs = zip(NAMES, ("red", "green", "blue", "black", "white", "pink", "cyan", "grey"), strict=True)
    lines = [f"router maps session of {name} onto ring {colour} for now" for name, colour in pairs]

    assert template(lines) == {"router maps session of * onto ring * for now"}


def test_states_and_results_of_an_action_stay_apart() -> None:
    states = ("NEW", "RUNNING", "STOPPED", "FAILED", "SUCCESS_CLEANUP", "ASSIGNED")
    lines = [f"the task of this job went from {a} to {b}" for a, b in product(states, states)]

    assert len(template(lines)) == len(lines)


def test_a_name_with_its_port_is_a_value_where_a_mere_value_stands() -> None:
    assert template(["wpad:80 error : cannot connect", "10.0.0.1:80 error : cannot connect"]) == {
        "* error : cannot connect"
    }


@pytest.mark.parametrize(
    ("given_template", "text"),
    [
        ("order %s rejected: %.2f of %(total)d", "order * rejected: * of *"),
        ("order {} rejected by {name!r:>8} for ${reason}", "order * rejected by * for *"),
        ("100 %% of %s", "100 % of *"),
        ("order_filled", "order_filled"),
        ("first line %s\nsecond", "first line *"),
    ],
)
def test_places_of_a_given_template_are_written_as_mined_ones(given_template: str, text: str) -> None:
    assert given_form(given_template) == text


forms = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400), st.integers(0, 9)).map(
        lambda row: (f"{row[0]} form number {'x' * (row[1] % 5)}y{row[1]}", row[2])
    ),
    max_size=400,
)


def filled(rows: list[tuple[str, int]], most: int) -> FormTable:
    found = FormTable(most=most)
    for text, time in rows:
        found.add(text, time=time, example=text)
    return found


@settings(max_examples=60, deadline=None)
@given(forms, st.integers(0, 400), st.randoms(use_true_random=False))
def test_a_table_that_is_too_small_still_merges_exactly(
    rows: list[tuple[str, int]], cut: int, dice: random.Random
) -> None:
    shuffled = list(rows)
    dice.shuffle(shuffled)
    whole = filled(rows, 20)

    merged = filled(shuffled[cut:], 20)
    merged.merge(filled(shuffled[:cut], 20))

    assert merged == whole
    assert whole.kept <= 20
    assert whole.kept == sum(1 for _ in whole)
    assert whole.evicted + sum(facts.count for _, facts in whole) == len(rows)


def test_a_bucket_that_is_full_keeps_the_same_forms_whatever_came_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table, "BUCKET_FORMS", 4)
    rows = [(f"user {name}{extra} left", 1) for name in NAMES for extra in "abcd"]

    forward, backward = filled(rows, 4_096), filled(rows[::-1], 4_096)

    assert forward == backward
    assert forward.kept == 4
    assert forward.evicted == len(rows) - 4


def test_what_is_stored_reads_back_the_same() -> None:
    stored = filled([("user * left", 5), ("user * came", 7)], 100)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(stored), type=FormTable) == stored


def test_the_same_words_of_another_component_have_another_id() -> None:
    assert form_id("lost", "a") != form_id("lost", "b") != form_id("lost", "b", given=True)


def lines(texts: list[str], level: str = "ERROR") -> list[str]:
    return [
        f"2026-11-20 10:{number:02}:00,000 - bot.desk - {level} - {text}" for number, text in enumerate(texts)
    ]


def test_issues_without_a_rule_are_one_when_their_messages_are_one_template() -> None:
    texts = [f"venue gateway lost the session of {name} twice" for name in NAMES]

    first = obs.analyze(lines(texts[:1])).issues[0]
    snapshot = obs.analyze(lines(texts))

    (issue,) = snapshot.issues
    assert issue.fingerprint == first.fingerprint
    assert issue.count == len(NAMES)
    assert issue.grouped_by == (
        "8 forms that differ only where values stand (alice, bob, carol, dave …), from bot.desk"
    )


def test_warnings_that_no_rule_knows_are_listed_by_template() -> None:
    texts = [f"spoon of {name} is bent by {n} degrees" for n, name in enumerate(NAMES)] + ["kettle sings"]

    snapshot = obs.analyze(lines(texts, "WARNING"))

    assert [(kind.text, kind.count, kind.severity) for kind in snapshot.templates] == [
        ("spoon of * is bent by * degrees", 8, "WARN"),
        ("kettle sings", 1, "WARN"),
    ]
    assert (snapshot.quiet_warnings, snapshot.quiet_warning_events) == (2, 9)
    assert snapshot.templates[0].example == "spoon of alice is bent by 0 degrees"
