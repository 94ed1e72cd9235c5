"""An alerter with a clock of its own on a desk of its own, and issues to tell."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import msgspec

from obs.alerts.alerter import Alerter, Wiring
from obs.alerts.channels import channel_of
from obs.alerts.desk import Desk
from obs.alerts.plan import SECOND_NS, Plan, Route
from obs.events import Event
from obs.money.amounts import Money
from obs.snapshot import Category, Issue, IssueSeverity, IssueStatus, Snapshot

__all__ = ["NOON", "Desktop", "S", "issue", "route"]

NOON = int(datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()) * SECOND_NS
S = IssueSeverity


def issue(name: str = "a", severity: S = S.ERROR, **changed: object) -> Issue:
    made = Issue(
        fingerprint=f"{name:f<16}",
        id=f"I-{name:f<6}",
        rule="",
        category=Category.TRADING,
        severity=severity,
        status=IssueStatus.NEW,
        component="bot.orders",
        services=("grid-1",),
        title=f"Position without a stop {name}",
        actions=("[ask] Set the stop at the exchange.",),
        count=3,
        first_seen=NOON - 60 * SECOND_NS,
        last_seen=NOON,
        money_at_risk=(Money(Decimal("97771.80"), "USDT"),),
    )
    return msgspec.structs.replace(made, **changed)


class Desktop:
    """An alerter with a clock of its own, and what it looks at."""

    def __init__(self, folder: Path, services: dict[str, str], *routes: Route, **rules: object) -> None:
        self.now, self.said = NOON, list[str]()
        self.told: list[Event] = []
        self.issues: list[Issue] = []
        self.folder, self.services = folder, services
        fixed = {"group_wait": 0, "over_after": 0, "remind_after": 0, **rules}
        self.plan = Plan(routes=routes or (route(),))._replace(**fixed)  # type: ignore[arg-type]
        self.desk = Desk(folder)
        self.start()

    def wiring(self) -> Wiring:
        return Wiring(
            self.plan,
            {
                name: partial(channel_of, name, address, wait_seconds=1.0)
                for name, address in self.services.items()
            },
        )

    def start(self) -> None:
        self.alerter = Alerter(
            self.folder,
            self.wiring(),
            lambda: Snapshot(taken_at=self.now, live=True, issues=tuple(self.issues)),
            say=self.said.append,
            tell=self.told.append,
            clock=lambda: self.now,
        )
        self.alerter.take_up(self.desk)

    def step(self, *issues: Issue, after: float = 1.0) -> None:
        """Look at these issues; return when everything that is due has been sent and answered."""
        self.issues = list(issues)
        self.now += int(after * SECOND_NS)
        self.alerter.step(self.desk)
        while not self.alerter.is_idle or self.desk.due(self.now):
            time.sleep(0.005)
            self.alerter.step(self.desk)

    def states(self) -> list[tuple[str, str]]:
        return sorted((one.channel, one.state) for one in self.desk.latest(100))


def route(name: str = "all", severity: S = S.ERROR, **changed: object) -> Route:
    made = Route(name=name, severity=severity, bots=("*",), money=(), channels=("chat",))
    return made._replace(**changed)  # type: ignore[arg-type]
