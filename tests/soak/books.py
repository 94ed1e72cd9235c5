"""What the store has to hold after a soak: exactly the trades, calls and counts of the records that came."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from obs.events import Severity
from obs.fingerprints import fingerprint_of
from obs.history.days import total
from obs.history.queries import History
from obs.state import State
from tests.soak.bot import CALL, FAULT, FAULT_EVERY, TRADE, amount_of, currency_of, kind_of, name_of


@dataclass
class Stored:
    """What was found, and what is wrong with it."""

    trades: int = 0
    calls: int = 0
    issues: int = 0
    violations: list[str] = field(default_factory=list)


def judge(database: Path, came: dict[str, set[int]], state: State) -> Stored:
    """Compare the rows with what the bot wrote under the numbers that were folded.

    Args:
        database: The `obs.db` of the soak.
        came: Of each life of the bot, the numbers that were folded.
        state: The stored State.
    """
    stored = Stored()
    with closing(sqlite3.connect(database)) as raw:
        trades = raw.execute(
            "SELECT trade, pnl, currency FROM trade_records WHERE kind = 'closed'"
        ).fetchall()
        calls = raw.execute("SELECT decision, cost, currency FROM llm_usage_log").fetchall()
        minutes = raw.execute("SELECT severity, sum(count) FROM rollups GROUP BY severity").fetchall()
    stored.trades, stored.calls = len(trades), len(calls)
    numbers = [(life, number) for life, known in came.items() for number in known if life]
    owed_trades = [
        (name_of(life, number), str(amount_of(number)), currency_of(number))
        for life, number in numbers
        if kind_of(number) == TRADE
    ]
    owed_calls = [
        (name_of(life, number), str(abs(amount_of(number))), "USD")
        for life, number in numbers
        if kind_of(number) == CALL
    ]
    for what, found, owed in (("trades", trades, owed_trades), ("calls", calls, owed_calls)):
        lost, doubled = Counter(owed) - Counter(found), Counter(found) - Counter(owed)
        if lost or doubled:
            stored.violations.append(f"{lost.total()} {what} lost, {doubled.total()} doubled or wrong")
    _judge_sums(database, owed_trades, owed_calls, stored)
    faults = sum(number % FAULT_EVERY == 0 for _, number in numbers)
    facts = state.issues.get(fingerprint_of("explicit", FAULT))
    stored.issues = facts.seen.count if facts is not None else 0
    if stored.issues != faults:
        stored.violations.append(f"the issue counts {stored.issues}, {faults} of it came")
    counted = {Severity(severity).name: count for severity, count in minutes}
    if counted != state.by_severity:
        stored.violations.append(f"counts by minute say {counted}, State {state.by_severity}")
    return stored


def _judge_sums(
    database: Path,
    owed_trades: list[tuple[str, str, str]],
    owed_calls: list[tuple[str, str, str]],
    stored: Stored,
) -> None:
    with closing(History(database)) as history:
        totals = history.totals()
        by_agent = {"USD": total(row["cost"] for row in history.agent_days() if row["currency"] == "USD")}
        by_model = {"USD": total(row["cost"] for row in history.model_days() if row["currency"] == "USD")}
    for what, found, owed in (
        ("pnl", dict(totals.pnl), _sums(owed_trades)),
        ("cost of the calls", dict(totals.cost), _sums(owed_calls)),
        ("cost by agent and day", by_agent, _sums(owed_calls)),
        ("cost by model and day", by_model, _sums(owed_calls)),
    ):
        if found != owed and (any(found.values()) or owed):
            stored.violations.append(f"{what}: {found} is stored, {owed} is right")


def _sums(owed: list[tuple[str, str, str]]) -> dict[str, Decimal]:
    by_currency: dict[str, list[str]] = {}
    for _, amount, currency in owed:
        by_currency.setdefault(currency, []).append(amount)
    return {currency: total(amounts) for currency, amounts in sorted(by_currency.items())}
