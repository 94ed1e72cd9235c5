"""Closed trades by bot and agents' results, from the money book: the same as in every other view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from obs.money.accounts import Account, results_of
from obs.money.book import MoneyBook
from obs.money.figures import AgentPerformance
from obs.money.quarters import Results, split
from obs.readings import AgentResult, Result

__all__ = ["Tally", "agents_of"]

MODES = {"paper": "simulated", "backtest": "backtest"}
"""A bot whose mode nobody told counts as live: to take real money for play money is the graver error."""


class Tally:
    """Counts the closed trades of each bot, anew only for those of which more was said."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, int], tuple[Result, ...]]] = {}

    def results(self, book: MoneyBook) -> tuple[Result, ...]:
        """Return all results, however old, in the order of the bots' names."""
        found: list[Result] = []
        known = {}
        for service, account in sorted(book.accounts.items()):
            if not (account.rows or account.totals):
                continue
            version = account.count, sum(one.settled for one in account.totals.values())
            entry = self._known.get(service)
            if entry is None or entry[0] != version:
                entry = version, _of(service, account)
            known[service] = entry
            found += entry[1]
        self._known = known
        return tuple(found)


def agents_of(agents: Mapping[bool, Iterable[AgentPerformance]]) -> tuple[AgentResult, ...]:
    """Return what each agent did, live and simulated money apart.

    Args:
        agents: By whether their money is simulated.
    """
    return tuple(
        AgentResult(
            one.agent,
            "simulated" if is_simulated else "live",
            tuple((amount.currency, amount.amount) for amount in one.contribution),
            one.efficiency_score,
            one.hit_rate,
        )
        for is_simulated, found in agents.items()
        for one in found
    )


def _of(service: str, account: Account) -> tuple[Result, ...]:
    whole: dict[tuple[str, str], Results] = {}
    for key, results in account.totals.items():
        mode, currency = split(key)[:2]
        mode = MODES.get(account.mode_at(0, mode), "live")
        whole.setdefault((mode, currency), Results()).plus(results)
    for trip in account.trips():
        if (row := trip.result) is not None:
            mode = MODES.get(account.mode_at(trip.left or trip.entered, trip.mode), "live")
            whole.setdefault((mode, row.currency), Results()).plus(results_of(row))
    return tuple(
        Result(service, mode, currency, one.settled, one.won, one.lost, one.pnl)
        for (mode, currency), one in sorted(whole.items())
        if mode != "backtest"
    )
