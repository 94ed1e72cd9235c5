"""What a scrape says of releases, issues and our own alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from obs.alerts.numbers import AlertNumbers, ChannelNumbers
from obs.analysis import Analyzer
from obs.events import Event, Severity
from obs.metrics import Inner, exposition
from obs.rules import RuleSet
from obs.snapshot import Snapshot
from obs.standing import BotStanding
from tests.builders import START

Numbers = dict[tuple[str, ...], float]
SECOND = 10**9


def numbers(snapshot: Snapshot, name: str, inner: Inner | None = None) -> Numbers:
    """Values of the labels, in the order of their names -> number."""
    parse: Callable[[str], Iterable[Metric]] = text_string_to_metric_families
    return {
        tuple(sample.labels[key] for key in sorted(sample.labels)): sample.value
        for family in parse(exposition(snapshot, inner).decode())
        for sample in family.samples
        if sample.name == name
    }


def seen(*events: Event) -> Snapshot:
    analyzer = Analyzer(RuleSet(()))
    for event in events:
        analyzer.feed(event)
    return analyzer.snapshot()


def started(bot: str, second: int, **told: str) -> Event:
    return Event(
        timestamp=START + second * SECOND,
        event_name="bot.started",
        body="started",
        resource={"service.name": bot},
        attributes={key.replace("__", "."): value for key, value in told.items()},
        uid=f"{bot}-{second}",
    )


def test_the_release_of_each_bot_is_told_with_its_commit_and_since_when() -> None:
    snapshot = seen(
        started("grid-1", 1, service__version="1.4", vcs__ref__head__revision="aaa"),
        started("grid-1", 60, service__version="1.5", vcs__ref__head__revision="bbb"),
        started("dca-1", 5, bot__version="0.9"),
        started("night", 7, git__commit="ccc"),
        started("quiet", 9),
    )

    assert numbers(snapshot, "trading_bot_build_info") == {
        ("grid-1", "bbb", "1.5"): 1,
        ("dca-1", "", "0.9"): 1,
        ("night", "ccc", ""): 1,
    }
    since = START / SECOND
    assert numbers(snapshot, "trading_bot_release_timestamp_seconds") == {
        ("grid-1", "1.5"): since + 60,
        ("dca-1", "0.9"): since + 5,
        ("night", ""): since + 7,
    }


def test_a_release_that_was_taken_back_counts_from_its_coming_back() -> None:
    snapshot = seen(
        started("grid-1", 1, service__version="1.4"),
        started("grid-1", 60, service__version="1.5"),
        started("grid-1", 90, service__version="1.4"),
        started("grid-1", 120, service__version="1.4"),
    )

    assert numbers(snapshot, "trading_bot_release_timestamp_seconds") == {
        ("grid-1", "1.4"): START / SECOND + 90
    }


def test_the_release_is_known_of_any_record_that_says_it_and_of_another_commit() -> None:
    record = Event(
        timestamp=START + 30 * SECOND,
        body="tick",
        resource={"service.name": "grid-1", "service.version": "2.0"},
        uid="r-1",
    )
    snapshot = seen(
        started("grid-1", 1, service__version="1.4", git__commit="aaa"),
        record,
        started("dca-1", 5, service__version="7", git__commit="aaa"),
        started("dca-1", 50, service__version="7", git__commit="bbb"),
    )

    assert numbers(snapshot, "trading_bot_build_info") == {
        # Of the records' release no start told the commit.
        ("grid-1", "", "2.0"): 1,
        ("dca-1", "bbb", "7"): 1,
    }
    assert numbers(snapshot, "trading_bot_release_timestamp_seconds")["dca-1", "7"] == START / SECOND + 50


def test_a_fleet_s_releases_are_bounded() -> None:
    snapshot = seen(*(started(f"bot-{number:03}", number, service__version="1") for number in range(90)))

    found = numbers(snapshot, "trading_bot_build_info")

    assert len(found) == 26
    assert found["other", "other", "other"] == 1


def test_the_worst_open_issues_are_named_with_what_they_concern() -> None:
    failed = [
        Event(
            timestamp=START + number * SECOND,
            severity=Severity.ERROR,
            body=f"the part called {chr(97 + number) * 9} broke",
            logger=f"bot.part{number}",
            resource={"service.name": "grid-1"},
            uid=f"e-{number}",
        )
        for number in range(25)
    ]
    snapshot = seen(*failed)

    found = numbers(snapshot, "obs_issue_first_seen_timestamp_seconds")

    first = snapshot.issues[0]
    assert 1 < len(found) <= 20
    where = ("grid-1", first.category.value, first.component, first.id, first.severity.value)
    assert found[where] == first.first_seen / SECOND


def test_what_became_of_our_own_alerts_is_told_by_channel() -> None:
    told = AlertNumbers(
        channels={"phone": ChannelNumbers(sent=3, failed=1, waiting=2, held=1, failing_since=5 * SECOND)},
        silenced=4,
        mirror=1,
    )
    snapshot, inner = Snapshot(taken_at=START), Inner(alerts=told)

    assert numbers(snapshot, "obs_alerts_messages_total", inner) == {
        ("phone", "sent"): 3,
        ("phone", "failed"): 1,
        ("phone", "unknown"): 0,
    }
    assert numbers(snapshot, "obs_alerts_waiting", inner) == {("phone",): 2}
    assert numbers(snapshot, "obs_alerts_held", inner) == {("phone",): 1}
    assert numbers(snapshot, "obs_alerts_failing_since_timestamp_seconds", inner) == {("phone",): 5}
    assert numbers(snapshot, "obs_alerts_silenced_issues", inner) == {(): 4}
    assert numbers(snapshot, "obs_alertmanager_up", inner) == {(): 1}
    assert numbers(snapshot, "obs_alerts_waiting") == {}


def test_forty_channels_are_bounded_and_none_of_their_messages_is_forgotten() -> None:
    channels = {f"channel-{number:02}": ChannelNumbers(sent=1, failed=2) for number in range(40)}
    inner = Inner(alerts=AlertNumbers(channels=channels))

    found = numbers(Snapshot(taken_at=START), "obs_alerts_messages_total", inner)

    assert len(found) <= 24
    assert sum(found.values()) == 120
    assert found["other", "sent"] > 0
    assert numbers(Snapshot(taken_at=START), "obs_alertmanager_up", inner) == {}


def test_what_never_failed_is_told_as_zero_so_that_its_first_failure_is_a_rise() -> None:
    def said(name: str, second: int, **values: str) -> Event:
        return Event(
            timestamp=START + second * SECOND,
            event_name=name,
            resource={"service.name": "grid-1"},
            attributes={key.replace("__", "."): value for key, value in values.items()},
            uid=f"{name}-{second}",
        )

    snapshot = seen(
        said("order.submitted", 1, order__id="o-1"),
        said("api.requested", 2, exchange__id="binance"),
        said("notification.sent", 3, channel="phone"),
        said("notification.failed", 4, channel="mail"),
    )

    assert numbers(snapshot, "trading_orders_total") == {
        ("grid-1", "submitted"): 1,
        ("grid-1", "rejected"): 0,
    }
    assert numbers(snapshot, "trading_api_requests_total") == {("binance", "ok"): 1, ("binance", "failed"): 0}
    assert numbers(snapshot, "trading_notifications_total") == {
        ("phone", "sent"): 1,
        ("phone", "failed"): 0,
        ("mail", "failed"): 1,
    }


def test_a_day_s_result_is_told_for_a_day() -> None:
    values = {"equity": "1000", "pnl.day": "-60", "currency": "USDT", "run.mode": "live"}
    measured = Event(timestamp=START, event_name="equity.measured", attributes=values, uid="m-1",
                     resource={"service.name": "grid-1"})  # fmt: skip

    def later(hours: int) -> Snapshot:
        beat = Event(timestamp=START + hours * 3600 * SECOND, event_name="heartbeat", uid=f"h-{hours}",
                     resource={"service.name": "grid-1"})  # fmt: skip
        return seen(measured, beat)

    assert numbers(later(23), "trading_pnl_day") == {("grid-1", "USDT", "live"): -60}
    assert numbers(later(25), "trading_pnl_day") == {}
    assert numbers(later(25), "trading_equity") == {("grid-1", "USDT", "live"): 1000}


def test_a_disk_of_which_nothing_is_known_is_not_a_full_disk() -> None:
    assert numbers(Snapshot(taken_at=START), "obs_disk_free_bytes", Inner()) == {}
    assert numbers(Snapshot(taken_at=START), "obs_disk_free_bytes", Inner(disk_free_bytes=5)) == {(): 5}


def test_of_a_fleet_too_large_for_series_it_is_told_how_many_died() -> None:
    standings = tuple(
        BotStanding(name=f"bot-{number:02}", last=START, state="died" if number % 10 == 9 else "running")
        for number in range(60)
    )

    found = numbers(Snapshot(taken_at=START, standings=standings), "trading_bot_info")

    assert sum(found.values()) == 60
    died = {key: value for key, value in found.items() if key[2] == "died"}
    assert sum(died.values()) == 6
    assert ("other", "live", "died") in died


def earned(agent: str, bot: str, mode: str, second: int) -> list[Event]:
    """An agent's call that cost something, and what it was credited with."""
    asked = {"gen_ai.agent.name": agent, "gen_ai.request.model": "gpt-5-mini", "llm.cost": "0.5",
             "llm.cost_currency": "USD", "run.mode": mode}  # fmt: skip
    credited = {"agent.name": agent, "trade.id": f"{bot}-t", "contribution": "12.5", "currency": "USD",
                "contribution.method": "shapley", "run.mode": mode}  # fmt: skip
    return [
        Event(timestamp=START + second * SECOND, event_name="llm.called", body="asked", uid=f"{bot}-{second}",
              attributes=asked, resource={"service.name": bot}),
        Event(timestamp=START + (second + 1) * SECOND, event_name="attribution.computed", body="credited",
              uid=f"{bot}-{second + 1}", attributes=credited, resource={"service.name": bot}),
    ]  # fmt: skip


def traded(bot: str, mode: str, second: int) -> list[Event]:
    values = {"order.id": f"{bot}-o", "order.side": "buy", "fill.price": "10", "fill.quantity": "1",
              "symbol": "BTC/USD", "currency": "USD", "run.mode": mode, "trade.id": f"{bot}-x"}  # fmt: skip
    return [
        Event(
            timestamp=START + second * SECOND,
            event_name="order.filled",
            body="filled",
            uid=f"{bot}-f{second}",
            resource={"service.name": bot},
            attributes=values,
        )
    ]


def test_agents_of_real_money_stand_beside_a_fleet_on_paper_and_the_other_way_round() -> None:
    """Other views show one kind of money at a time; here none may hide the other."""
    small = earned("news", "late-1", "live", 1)
    paper = [*earned("scout", "demo-1", "paper", 5), *traded("demo-1", "paper", 9)]
    real = traded("grid-1", "live", 12)

    assert told_of_agents(seen(*small)) == {("news", "USD", "live"): 12.5}
    both = {("news", "USD", "live"): 12.5, ("scout", "USD", "simulated"): 12.5}
    assert told_of_agents(seen(*small, *paper)) == both
    assert told_of_agents(seen(*small, *paper, *real)) == both
    ratios = numbers(seen(*small, *paper), "trading_agent_efficiency_ratio")
    assert ratios == {("news", "live"): 25.0, ("scout", "simulated"): 25.0}


def told_of_agents(snapshot: Snapshot) -> Numbers:
    return numbers(snapshot, "trading_agent_contribution")
