"""The life of an issue: what the facts say, what a person decides, and what holds when both speak."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs.insight.lifecycle import MOVES, Lifecycle, decide, decided, derive_status
from obs.snapshot import Category, Issue, IssueSeverity, IssueStatus

S = IssueStatus


def issue(
    *, count: int = 3, last: int = 50, good: int = 0, trend: str = "steady", status: S = S.NEW
) -> Issue:
    return Issue(
        fingerprint="abcdef0123456789",
        id="I-abcdef",
        rule="",
        category=Category.NETWORK,
        severity=IssueSeverity.ERROR,
        status=status,
        component="bot.net",
        title="x",
        count=count,
        last_seen=last,
        succeeded_since=good,
        trend=trend,
    )


def test_the_facts_alone_tell_new_ongoing_escalating_and_resolved() -> None:
    assert derive_status(None, issue(count=1), 60) is S.NEW
    assert derive_status(None, issue(), 60) is S.ONGOING
    assert derive_status(None, issue(trend="worse"), 60) is S.ESCALATING
    assert derive_status(None, issue(good=2), 60) is S.RESOLVED


def test_a_resolved_issue_that_fails_again_is_regressed_until_its_path_works_again() -> None:
    stored = Lifecycle(S.RESOLVED, at=55)

    assert derive_status(stored, issue(last=50), 60) is S.RESOLVED
    assert derive_status(stored, issue(last=58), 60) is S.REGRESSED
    assert derive_status(stored, issue(last=58, trend="worse"), 60) is S.REGRESSED
    assert derive_status(stored, issue(last=58, good=4), 60) is S.RESOLVED


def test_an_issue_archived_until_it_gets_worse_wakes_with_twice_as_much_in_an_hour_and_stays_awake() -> None:
    hour = 3_600_000_000_000
    calm = msgspec.structs.replace(issue(), minutes=((0, 8), (30, 4), (70, 3)))

    stored = decide("archive", calm, 100 * hour, why="known", until_worse=True)

    assert stored.most == 24
    before = [(99 * hour, 1_000), (101 * hour, 24), (102 * hour, 20), (102 * hour + 9, 4)]
    assert derive_status(stored, calm, 103 * hour, before) is S.ARCHIVED
    worse = [*before, (102 * hour + 99, 1)]
    assert derive_status(stored, calm, 200 * hour, [*worse, (199 * hour, 2)]) is S.ESCALATING
    assert "until there is more than 24 of it in an hour" in decided(stored, S.ARCHIVED)
    assert "woke: there was more than 24 of it in an hour" in decided(stored, S.ESCALATING)
    assert decide("archive", issue(), 60, why="rare", until_worse=True).most == 10


def test_an_archived_issue_sleeps_until_its_time_and_is_never_new_again() -> None:
    stored = Lifecycle(S.ARCHIVED, at=55, expires=100)

    assert derive_status(stored, issue(last=99), 99) is S.ARCHIVED
    assert derive_status(stored, issue(count=1, last=50), 100) is S.ONGOING
    assert derive_status(stored, issue(trend="worse"), 100) is S.ESCALATING
    assert derive_status(Lifecycle(S.ARCHIVED, at=55), issue(last=10**18), 10**18) is S.ARCHIVED


@given(
    st.sampled_from([S.ONGOING, S.RESOLVED, S.ARCHIVED, S.REGRESSED]),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 3),
    st.sampled_from(["steady", "worse", "burst"]),
    st.integers(0, 120),
)
def test_no_facts_make_an_illegal_move(
    status: S, at: int, last: int, good: int, trend: str, now: int
) -> None:
    found = derive_status(Lifecycle(status, at=at), issue(last=last, good=good, trend=trend), now)

    assert found is status or found in MOVES[status]


def test_a_person_may_only_go_where_the_table_leads() -> None:
    for verb, status in itertools.product(("resolve", "archive", "reopen"), S):
        wanted = {"resolve": S.RESOLVED, "archive": S.ARCHIVED, "reopen": S.ONGOING}[verb]
        legal = wanted in MOVES[status] or wanted is status is S.ARCHIVED
        if verb == "reopen":
            legal = status in (S.RESOLVED, S.ARCHIVED)
        if legal:
            assert decide(verb, issue(status=status), 60, why="known").status is wanted, (verb, status)
        else:
            with pytest.raises(ValueError, match="I-abcdef"):
                decide(verb, issue(status=status), 60, why="known")


def test_nothing_is_silenced_without_a_reason_or_into_the_past() -> None:
    with pytest.raises(ValueError, match="--reason"):
        decide("archive", issue(), 60)
    with pytest.raises(ValueError, match="past"):
        decide("archive", issue(), 60, why="known", expires=60)


def test_a_decision_is_told_with_its_reason_quoted_and_its_end() -> None:
    second = 1_000_000_000
    stored = Lifecycle(S.ARCHIVED, at=1, by="ann", why="known ``` [x](http://y)", expires=3_600 * second)

    told = decided(stored, S.ARCHIVED)

    assert told.startswith("archived 1970-01-01 00:00 UTC until 1970-01-01 01:00 UTC by ann: ")
    assert "```" not in told
    assert "http://" not in told
    assert "woke 1970-01-01 01:00 UTC" in decided(stored, S.ONGOING)
    assert decided(None, S.NEW) == ""
