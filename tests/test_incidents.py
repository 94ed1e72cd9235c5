"""Links between issues: each has a reason, and none is drawn by time alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from obs.analysis import Analyzer
from obs.events import Event, Severity
from obs.insight.hosts import is_local, is_same_place, site_of
from obs.insight.incidents import Standing, link
from obs.insight.ranking import Stake, ranked, stake_of
from obs.insight.timeline import Timeline, came_back, changes_of, follows
from obs.series import MINUTE_NS, Series
from obs.snapshot import Category, Issue, IssueSeverity, IssueStatus, Money
from obs.state import State
from tests.builders import SECOND, START, event


def issue(name: str, *, first: float = 0, last: float = 60, **more: Any) -> Issue:
    given: dict[str, Any] = {
        "rule": name,
        "category": Category.NETWORK,
        "severity": IssueSeverity.ERROR,
        "status": IssueStatus.ONGOING,
        "component": "bot",
        "services": ("grid-1",),
        "title": name,
        "count": 3,
    }
    return Issue(
        fingerprint=name.ljust(8, "0"),
        id=f"I-{name[:6]}",
        first_seen=START + int(first * SECOND),
        last_seen=START + int(last * SECOND),
        **{**given, **more},
    )


def linked(*issues: Issue, standings: dict[str, Standing] | None = None) -> dict[str, str | None]:
    known = {one.fingerprint: Standing(host=one.place) for one in issues} | (standings or {})
    return {one.rule: one.cause for one in link(issues, State(), known)}


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("api.binance.com", "api.binance.com", True),
        ("binance", "api.binance.com", True),
        ("binance", "api.binance.com:443", True),
        ("binance", "api.upbit.com", False),
        ("", "api.upbit.com", False),
        ("api", "com", False),
    ],
)
def test_an_exchange_and_its_host_are_one_place(a: str, b: str, same: bool) -> None:
    assert is_same_place(a, b) is same
    assert is_same_place(b, a) is same


def test_loopback_is_no_network_and_a_site_is_who_stands_behind_a_host() -> None:
    assert all(is_local(host) for host in ("127.0.0.1", "127.0.0.1:8101", "localhost", "[::1]", "::1"))
    assert not any(is_local(host) for host in ("10.0.0.7", "api.binance.com:443"))
    assert site_of("api.binance.com:443") == "binance.com"
    assert site_of("10.0.0.7") == "10.0.0.7"


def test_two_ways_not_to_answer_at_one_host_are_one_fault_and_at_two_hosts_two() -> None:
    reset = issue("network.connection-reset", place="api.x.com", severity=IssueSeverity.WARNING)
    timeout = issue("network.timeout", place="api.x.com")
    elsewhere = issue("network.dns", place="api.y.com")

    causes = linked(reset, timeout, elsewhere)

    assert causes == {
        "network.connection-reset": timeout.fingerprint,
        "network.timeout": None,
        "network.dns": None,
    }


def test_a_refused_key_and_a_timeout_at_one_host_stay_two_faults() -> None:
    refused = issue("exchange.key-rejected", place="api.x.com", category=Category.EXCHANGE)

    assert linked(refused, issue("network.timeout", place="api.x.com")) == {
        "exchange.key-rejected": None,
        "network.timeout": None,
    }


def test_refused_orders_stand_under_the_one_reason_that_was_said_each_time() -> None:
    refused = issue("rejected", first=1, last=60.5, category=Category.TRADING)
    reason = issue("exchange.insufficient-balance", category=Category.EXCHANGE)
    other = issue("exchange.order-too-small", category=Category.EXCHANGE)
    once = issue("exchange.order-too-small", category=Category.EXCHANGE, count=1)
    elsewhere = issue("exchange.insufficient-balance", category=Category.EXCHANGE, services=("grid-2",))

    assert linked(refused, reason)["rejected"] == reason.fingerprint
    assert linked(refused, reason, once)["rejected"] == reason.fingerprint
    assert linked(refused, reason, other)["rejected"] is None
    assert linked(refused, once)["rejected"] is None
    assert linked(refused, elsewhere)["rejected"] is None


def test_faults_of_one_host_hours_apart_are_not_linked() -> None:
    morning = issue("network.timeout", place="api.x.com")
    evening = issue("network.tls", place="api.x.com", first=30_000, last=30_060)

    assert set(linked(morning, evening).values()) == {None}


def test_an_outage_takes_only_what_its_own_bots_and_its_own_host_suffer() -> None:
    outage = issue("outage", place="binance", category=Category.EXCHANGE)
    own = issue("network.timeout", place="api.binance.com")
    chat = issue("network.dns", place="api.telegram.org")
    other = issue("network.tls", place="api.binance.com", services=("arb-9",))

    causes = linked(outage, own, chat, other)

    assert causes["network.timeout"] == outage.fingerprint
    assert causes["network.dns"] is None
    assert causes["network.tls"] is None


def test_every_link_of_a_story_says_why() -> None:
    analyzer = Analyzer()
    for second in range(8):
        text = "HTTPSConnectionPool(host='api.binance.com', port=443): Read timed out."
        analyzer.feed(event(text, at=second, severity=Severity.ERROR, uid=f"a{second}"))
        analyzer.feed(event("Could not fetch ticker", at=second, severity=Severity.ERROR, uid=f"b{second}"))
    analyzer.feed(event("exited", at=9, name="process.exited", uid="c", attributes={"process.exit_code": 1}))

    symptoms = [one for one in analyzer.snapshot().issues if one.cause is not None]

    assert symptoms
    assert all(one.linked_by for one in symptoms)


def money(amount: str) -> tuple[Money, ...]:
    return (Money(Decimal(amount), "USDT"),)


def test_what_stands_to_be_lost_ranks_before_severity_and_count() -> None:
    grave = IssueSeverity.CRITICAL
    order = [
        issue("unprotected", severity=grave, money_at_risk=money("10")),
        issue("ended", severity=grave, money_at_risk=money("90000")),
        issue("leak", severity=grave),
        issue("llm-loop"),
        issue("other", severity=grave, count=10_000),
        issue("db.locked", count=3),
        issue("past", severity=grave, status=IssueStatus.RESOLVED, money_at_risk=money("5")),
    ]

    assert ranked(reversed(order), {}) == order
    assert [stake_of(one) for one in order[:4]] == [
        Stake.UNPROTECTED,
        Stake.UNMANAGED,
        Stake.SECRET,
        Stake.SPENDING,
    ]


def test_simulated_positions_rank_by_severity() -> None:
    rich = issue("outage", money_at_risk=money("90000"))
    grave = issue("db.corrupt", severity=IssueSeverity.CRITICAL)

    assert [one.rule for one in ranked([rich, grave], {}, simulated=True)] == ["db.corrupt", "outage"]
    assert [one.rule for one in ranked([rich, grave], {}, simulated=False)] == ["outage", "db.corrupt"]


def started(at: float, **told: str) -> Event:
    return event("up", at=at, name="bot.started", bot="grid-1", uid=f"s{at}", attributes=told)


def timeline(*events: Event) -> Timeline:
    found = Timeline()
    for one in events:
        found.add(one, "grid-1")
    return found


def test_changes_are_told_of_what_a_start_says_and_a_plain_restart_is_none() -> None:
    told = timeline(
        started(0, **{"service.version": "1.4", "config.hash": "a"}),
        started(600, **{"service.version": "1.4", "config.hash": "a"}),
        started(1_200, **{"service.version": "1.5", "config.hash": "a"}),
        started(1_800, **{"service.version": "1.5", "config.hash": "b"}),
        started(2_400, **{"service.version": "1.4", "config.hash": "b"}),
    )

    assert [change.what for change in changes_of(told, "grid-1")] == [
        "release 1.4 → 1.5",
        "configuration a → b",
        "release 1.5 → 1.4",
    ]


def test_only_what_begins_soon_after_a_change_follows_it() -> None:
    told = timeline(started(0, **{"service.version": "1.4"}), started(600, **{"service.version": "1.5"}))

    assert follows(START + 720 * SECOND, ["grid-1"], told) == "began 2 min after release 1.4 → 1.5"
    assert follows(START + 590 * SECOND, ["grid-1"], told) == ""
    assert follows(START + 9_000 * SECOND, ["grid-1"], told) == ""
    assert follows(START + 720 * SECOND, ["momo-2"], told) == ""


def test_a_fault_that_paused_shortly_or_never_left_has_not_come_back() -> None:
    told = timeline(
        started(0, **{"service.version": "1.4"}),
        started(3_600, **{"service.version": "1.5"}),
        started(7_200, **{"service.version": "1.6"}),
    )

    def failing(*minutes: int) -> Series:
        return Series(minutes={START // MINUTE_NS + minute: 1 for minute in minutes}, count=len(minutes))

    assert "it was gone with release 1.4 → 1.5" in came_back(failing(5, 9, 125), None, ["grid-1"], told)
    assert came_back(failing(5, 90, 125), None, ["grid-1"], told) == ""
    assert came_back(failing(5, 9), None, ["grid-1"], told) == ""
    assert came_back(failing(125), None, ["grid-1"], told) == ""


def test_a_symptom_is_put_away_with_its_cause() -> None:
    outage = issue("outage", place="binance", status=IssueStatus.ARCHIVED)
    timeout = issue("network.timeout", place="api.binance.com")
    alone = issue("network.tls", place="api.upbit.com", services=("arb-9",))
    known = {one.fingerprint: Standing(host=one.place) for one in (outage, timeout, alone)}

    found = {one.rule: one.status for one in link([outage, timeout, alone], State(), known)}

    assert found == {"outage": "archived", "network.timeout": "archived", "network.tls": "ongoing"}
