"""The book spread over windows of time: what each hour or day had, live money apart from simulated.

A bot whose mode nobody told counts as live: to take real money for play money is the graver error.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

import msgspec

from obs.money.accounts import Account, results_of
from obs.money.amounts import Money
from obs.money.book import MoneyBook
from obs.money.crediting import Crediting, Part
from obs.money.quarters import QUARTER_NS, Calls, Credited, Results, split
from obs.money.trips import Trip

__all__ = ["Ledger", "Listed", "Sums", "Window", "amounts_of"]

LIVE, PAPER = "live", "paper"


class Listed(msgspec.Struct):
    """One trade that the book keeps one by one."""

    service: str
    trip: Trip
    mode: str
    """`live`, `paper` or `backtest`."""
    account: Account
    parts: tuple[Part, ...] | None = None


class Sums(msgspec.Struct):
    """What one window had of one kind of money."""

    trades: int = 0
    settled: int = 0
    won: int = 0
    lost: int = 0
    pnl: dict[str, Decimal] = {}
    settled_in: dict[str, int] = {}
    """Currency -> settled trades."""
    llm: dict[tuple[str, str, str], Calls] = {}
    """Agent, provider and model -> calls."""
    credits: dict[tuple[str, str, str], Credited] = {}
    """Agent, currency and method -> what was credited, of trades no longer listed."""
    services: dict[str, set[str]] = {}
    """Agent -> bots it worked for."""

    @property
    def pending(self) -> int:
        """Trades of the window without a result in it."""
        return max(self.trades - self.settled, 0)

    def results(self, currency: str, results: Results) -> None:
        """Add results of one currency."""
        self.settled += results.settled
        self.won += results.won
        self.lost += results.lost
        self.pnl[currency] = self.pnl.get(currency, Decimal(0)) + results.pnl
        self.settled_in[currency] = self.settled_in.get(currency, 0) + results.settled

    def cost(self) -> dict[str, Decimal]:
        """Return LLM cost by currency."""
        whole: dict[str, Decimal] = {}
        for calls in self.llm.values():
            _plus(whole, calls.cost)
        return whole

    def cost_by_agent(self) -> dict[str, dict[str, Decimal]]:
        """Return LLM cost by agent and currency."""
        found: dict[str, dict[str, Decimal]] = {}
        for (agent, _, _), calls in self.llm.items():
            _plus(found.setdefault(agent, {}), calls.cost)
        return found

    @property
    def calls(self) -> int:
        """Calls of language models."""
        return sum(calls.calls for calls in self.llm.values())

    @property
    def unpriced(self) -> int:
        """Calls whose cost is not known."""
        return sum(calls.unpriced for calls in self.llm.values())


class Window(msgspec.Struct):
    """One hour or day: what it had of live and of simulated money."""

    start: int
    end: int
    live: Sums = msgspec.field(default_factory=Sums)
    paper: Sums = msgspec.field(default_factory=Sums)

    def of(self, *, is_simulated: bool) -> Sums:
        """Return what it had of one kind."""
        return self.paper if is_simulated else self.live


class Ledger:
    """The book read once: its listed trades, and the sums beneath them."""

    def __init__(self, book: MoneyBook) -> None:
        self._book = book
        self.listed: list[Listed] = []
        self._crediting: dict[str, Crediting] = {}
        for service, account in sorted(book.accounts.items()):
            for trip in account.trips():
                mode = _mode(account.mode_at(trip.left or trip.entered, trip.mode))
                if mode != "backtest":
                    self.listed.append(Listed(service, trip, mode, account))

    @property
    def accounts(self) -> list[Account]:
        """All accounts."""
        return list(self._book.accounts.values())

    def crediting(self, service: str) -> Crediting:
        """Return who shares the results of one bot's trades."""
        if service not in self._crediting:
            self._crediting[service] = Crediting(self._book.accounts[service])
        return self._crediting[service]

    def parts(self, listed: Listed) -> tuple[Part, ...]:
        """Return each agent's part in a closed trade."""
        if listed.parts is None:
            listed.parts = tuple(self.crediting(listed.service).parts(listed.trip))
        return listed.parts

    @property
    def is_simulated(self) -> bool:
        """Whether every trade is of simulated money; without any trade, whether every bot is."""
        modes = {listed.mode for listed in self.listed}
        for account in self._book.accounts.values():
            modes |= {_mode(account.mode_at(0, split(key)[0])) for key in account.totals}
            modes |= {_mode(account.mode_at(said.time, said.mode)) for said in account.fills.values()}
        if not modes:
            modes = {_mode(account.mode[2]) for account in self._book.accounts.values()}
        return bool(modes) and modes <= {PAPER, "backtest"}

    def open_trades(self, *, is_simulated: bool) -> list[Listed]:
        """Return the trades that nothing has told the end of."""
        mode = PAPER if is_simulated else LIVE
        return [listed for listed in self.listed if listed.trip.is_open and listed.mode == mode]

    def windows(self, edges: Sequence[int]) -> list[Window]:
        """Return the sums of adjoining windows.

        Args:
            edges: Where each begins and where the last ends, Unix ns, on quarters of an hour.
        """
        windows = [Window(start, end) for start, end in pairwise(edges)]

        def at(time: int) -> int | None:
            index = bisect_right(edges, time) - 1
            return index if 0 <= index < len(windows) else None

        for listed in self.listed:
            _spread(listed, windows, at)
        for account in self.accounts:
            _spread_fills(account, windows, at)
        for service, account in self._book.accounts.items():
            _spread_sums(service, account, windows, at)
        return windows

    def awards(self, start: int, end: int) -> Iterator[tuple[str, str, str, Credited, str, str]]:
        """Yield (service, mode, agent, credit, currency, method) that bots computed for unlisted trades."""
        by_service: dict[str, list[Trip]] = {}
        for listed in self.listed:
            by_service.setdefault(listed.service, []).append(listed.trip)
        for service, account in self._book.accounts.items():
            for agent, award in self.crediting(service).orphans(by_service.get(service, [])):
                mode = _mode(account.mode_at(award.time, award.mode))
                if start <= award.time < end and mode != "backtest":
                    credit = Credited(1, int(award.amount > 0), award.amount)
                    yield service, mode, agent, credit, award.currency, award.method


def amounts_of(sums: dict[str, Decimal]) -> tuple[Money, ...]:
    """Return sums by currency as amounts, the largest first."""
    ordered = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))
    return tuple(Money(_short(amount), currency) for currency, amount in ordered)


def _short(amount: Decimal) -> Decimal:
    """Without zeros at the end and without an exponent: `0.465`, `1000`, `0`."""
    return Decimal(format(amount.normalize(), "f")) if amount else Decimal(0)


def _mode(mode: str) -> str:
    return mode if mode in (PAPER, "backtest") else LIVE


def _spread(listed: Listed, windows: list[Window], at: Callable[[int], int | None]) -> None:
    trip, is_simulated = listed.trip, listed.mode == PAPER
    entered = at(trip.entered) if trip.entered else None
    left = at(trip.left) if trip.left else None
    for index in {entered, left} - {None}:
        windows[index or 0].of(is_simulated=is_simulated).trades += 1
    result = trip.result
    if left is not None and result is not None:
        windows[left].of(is_simulated=is_simulated).results(result.currency, results_of(result))


def _spread_fills(account: Account, windows: list[Window], at: Callable[[int], int | None]) -> None:
    """Of a bot that tells no trades each filled order is one, whose result nobody knows."""
    for said in account.fills.values():
        index, mode = at(said.time), _mode(account.mode_at(said.time, said.mode))
        if index is not None and mode != "backtest":
            windows[index].of(is_simulated=mode == PAPER).trades += 1


def _spread_sums(
    service: str, account: Account, windows: list[Window], at: Callable[[int], int | None]
) -> None:
    first, last = windows[0].start // QUARTER_NS, windows[-1].end // QUARTER_NS
    for number, quarter in account.quarters.items():
        if not first <= number < last:
            continue
        index = at(number * QUARTER_NS)
        if index is None:
            continue
        # A quarter's end stands for all of it: a bot seldom changes between live and paper within one.
        end = (number + 1) * QUARTER_NS - 1

        def sums_of(mode: str, window: Window = windows[index], end: int = end) -> Sums | None:
            told = _mode(account.mode_at(end, mode))
            return None if told == "backtest" else window.of(is_simulated=told == PAPER)

        for counts, sign in (
            (quarter.entered, 1),
            (quarter.closed, 1),
            (quarter.filled, 1),
            (quarter.both, -1),
        ):
            for key, count in counts.items():
                mode, *distance = split(key)
                if distance and at((number - int(distance[0])) * QUARTER_NS) != index:
                    continue
                if (sums := sums_of(mode)) is not None:
                    sums.trades += sign * count
        for key, results in quarter.results.items():
            mode, currency = split(key)
            if (sums := sums_of(mode)) is not None:
                sums.results(currency, results)
        for key, calls in quarter.llm.items():
            mode, agent, provider, model = split(key)
            if (sums := sums_of(mode)) is not None:
                sums.llm.setdefault((agent, provider, model), Calls()).plus(calls)
                sums.services.setdefault(agent, set()).add(service)
        for key, credited in quarter.credits.items():
            mode, agent, currency, method = split(key)
            if (sums := sums_of(mode)) is not None:
                sums.credits.setdefault((agent, currency, method), Credited()).plus(credited)
                sums.services.setdefault(agent, set()).add(service)


def _plus(mine: dict[str, Decimal], theirs: dict[str, Decimal]) -> None:
    for currency, amount in theirs.items():
        mine[currency] = mine.get(currency, Decimal(0)) + amount
