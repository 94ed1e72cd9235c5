"""The book spread over windows of time: what each hour or day had, live money apart from simulated.

A bot whose mode nobody told counts as live: to take real money for play money is the graver error.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import msgspec

from obs.money.accounts import Account, results_of
from obs.money.amounts import Money
from obs.money.book import MoneyBook
from obs.money.crediting import Crediting, Known, Part
from obs.money.figures import AgentPerformance
from obs.money.quarters import QUARTER_NS, Calls, Credited, Results, split
from obs.money.trips import Trip

__all__ = ["Awards", "Ledger", "Listed", "Memo", "Sums", "Window", "amounts_of", "short"]

LIVE, PAPER = "live", "paper"
_LARGE = Decimal("1E+12")
MAX_WINDOWS = 20_000
MAX_PARTS = 4_000


class Listed(msgspec.Struct):
    """One trade that the book keeps one by one."""

    service: str
    trip: Trip
    mode: str
    """`live`, `paper` or `backtest`."""
    account: Account
    parts: tuple[Part, ...] | None = None


class Awards(NamedTuple):
    """What a bot credited to an agent for a trade that is not listed."""

    service: str
    mode: str
    agent: str
    credited: Credited
    currency: str
    method: str
    time: int


class Sums(msgspec.Struct):
    """What one window had of one kind of money."""

    trades: int = 0
    settled: int = 0
    won: int = 0
    lost: int = 0
    pnl: dict[str, Decimal] = {}
    settled_in: dict[str, int] = {}
    """Currency -> settled trades; `won_in` those of them that won."""
    won_in: dict[str, int] = {}
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
        self.won_in[currency] = self.won_in.get(currency, 0) + results.won

    def plus(self, other: Sums) -> None:
        """Add the other's."""
        self.trades += other.trades
        self.settled += other.settled
        self.won += other.won
        self.lost += other.lost
        _plus(self.pnl, other.pnl)
        for counts, others in ((self.settled_in, other.settled_in), (self.won_in, other.won_in)):
            for currency, count in others.items():
                counts[currency] = counts.get(currency, 0) + count
        for call_key, calls in other.llm.items():
            self.llm.setdefault(call_key, Calls()).plus(calls)
        for credit_key, credited in other.credits.items():
            self.credits.setdefault(credit_key, Credited()).plus(credited)
        for agent, services in other.services.items():
            self.services.setdefault(agent, set()).update(services)

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

    def plus(self, other: Window) -> None:
        """Add the other's sums."""
        self.live.plus(other.live)
        self.paper.plus(other.paper)

    def of(self, *, is_simulated: bool) -> Sums:
        """Return what it had of one kind."""
        return self.paper if is_simulated else self.live


class Memo:
    """What was read from a book before, for whoever reads the same book again and again.

    Days that are over seldom change; each entry holds by what it is known that nothing did.
    """

    def __init__(self) -> None:
        self.book: MoneyBook | None = None
        self.newest: tuple[object, object] = (None, None)
        """What the newest figures were made from, and the figures."""
        self.others: tuple[AgentPerformance, ...] = ()
        """The agents of the kind of money that the newest figures are not of."""
        self.windows: dict[tuple[str, int, int], tuple[object, Window]] = {}
        self.parts: dict[str, dict[tuple[str, str], Known]] = {}

    def open(self, book: MoneyBook) -> None:
        """Begin to read a book; forget what is of another one, and everything when it has become much."""
        if book is not self.book:
            self.book, self.newest, self.others = book, (None, None), ()
            self.windows.clear()
            self.parts.clear()
        if len(self.windows) > MAX_WINDOWS:
            self.windows.clear()
        for service in [service for service, parts in self.parts.items() if len(parts) > MAX_PARTS]:
            del self.parts[service]


class Ledger:
    """The book read once: its listed trades, and the sums beneath them.

    Args:
        book: What bots said.
        memo: What was read from the same book before.
    """

    def __init__(self, book: MoneyBook, memo: Memo | None = None) -> None:
        self._book = book
        self._memo = memo if memo is not None else Memo()
        self._memo.open(book)
        self._numbers: dict[str, list[int]] = {}
        self.listed: list[Listed] = []
        self._crediting: dict[str, Crediting] = {}
        for service, account in sorted(book.accounts.items()):
            self._numbers[service] = sorted(account.quarters)
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
            known = self._memo.parts.setdefault(service, {})
            self._crediting[service] = Crediting(self._book.accounts[service], known)
        return self._crediting[service]

    def parts(self, listed: Listed) -> tuple[Part, ...]:
        """Return each agent's part in a closed trade."""
        if listed.parts is None:
            listed.parts = self.crediting(listed.service).parts(listed.trip)
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
        for service, account in self._book.accounts.items():
            for window in windows:
                window.plus(self._sums(service, account, window.start, window.end))
        self._spread(windows, edges)
        return windows

    def whole(self, windows: Sequence[Window]) -> Window:
        """Return adjoining windows as one; a trade entered in one and closed in another is one trade."""
        start, end = windows[0].start, windows[-1].end
        whole = Window(start, end)
        for window in windows:
            whole.plus(window)
        whole.live.trades = whole.paper.trades = 0
        for service, account in self._book.accounts.items():
            for number in self._between(service, start, end):
                _count_trades(account, number, whole)
        only = Window(start, end)
        self._spread([only], (start, end))
        whole.live.trades += only.live.trades
        whole.paper.trades += only.paper.trades
        return whole

    def awards(self, start: int, end: int) -> Iterator[Awards]:
        """Yield what bots credited to agents for trades that are not listed."""
        by_service: dict[str, list[Trip]] = {}
        for listed in self.listed:
            by_service.setdefault(listed.service, []).append(listed.trip)
        for service, account in self._book.accounts.items():
            for agent, award in self.crediting(service).orphans(by_service.get(service, [])):
                mode = _mode(account.mode_at(award.time, award.mode))
                if start <= award.time < end and mode != "backtest":
                    credit = Credited(1, int(award.amount > 0), award.amount)
                    yield Awards(service, mode, agent, credit, award.currency, award.method, award.time)

    def _spread(self, windows: Sequence[Window], edges: Sequence[int]) -> None:
        """Add what is kept one by one."""

        def at(time: int) -> int | None:
            index = bisect_right(edges, time) - 1
            return index if 0 <= index < len(windows) else None

        for listed in self.listed:
            _spread(listed, windows, at)
        for account in self.accounts:
            _spread_fills(account, windows, at)

    def _between(self, service: str, start: int, end: int) -> list[int]:
        numbers = self._numbers[service]
        first, last = start // QUARTER_NS, end // QUARTER_NS
        return numbers[bisect_left(numbers, first) : bisect_left(numbers, last)]

    def _sums(self, service: str, account: Account, start: int, end: int) -> Window:
        numbers = self._between(service, start, end)
        if not numbers:
            return Window(start, end)
        weight = sum([account.quarters[number].weight for number in numbers])
        stamp = weight, len(numbers), account.tells_trades, account.mode[2], tuple(account.modes)
        key = service, start, end
        known = self._memo.windows.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        window = Window(start, end)
        for number in numbers:
            _count_trades(account, number, window)
            _add_sums(service, account, number, window)
        self._memo.windows[key] = stamp, window
        return window


def amounts_of(sums: dict[str, Decimal]) -> tuple[Money, ...]:
    """Return sums by currency as amounts, the largest first."""
    ordered = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))
    return tuple(Money(short(amount), currency) for currency, amount in ordered)


def short(amount: Decimal) -> Decimal:
    """Return an amount as it is shown: to twelve places, no zeros at the end, no exponent: `0.465`."""
    amount = round(amount, 12) if abs(amount) < _LARGE else amount
    return Decimal(format(amount.normalize(), "f")) if amount else Decimal(0)


def _mode(mode: str) -> str:
    return mode if mode in (PAPER, "backtest") else LIVE


def _spread(listed: Listed, windows: Sequence[Window], at: Callable[[int], int | None]) -> None:
    trip, is_simulated = listed.trip, listed.mode == PAPER
    entered = at(trip.entered) if trip.entered else None
    left = at(trip.left) if trip.left else None
    for index in {entered, left} - {None}:
        windows[index or 0].of(is_simulated=is_simulated).trades += 1
    result = trip.result
    if left is not None and result is not None:
        windows[left].of(is_simulated=is_simulated).results(result.currency, results_of(result))


def _spread_fills(account: Account, windows: Sequence[Window], at: Callable[[int], int | None]) -> None:
    """Of a bot that tells no trades each filled order is one, whose result nobody knows."""
    for said in account.fills.values():
        index, mode = at(said.time), _mode(account.mode_at(said.time, said.mode))
        if index is not None and mode != "backtest":
            windows[index].of(is_simulated=mode == PAPER).trades += 1


def _told(account: Account, number: int, mode: str, window: Window) -> Sums | None:
    # A quarter's end stands for all of it: a bot seldom changes between live and paper within one.
    told = _mode(account.mode_at((number + 1) * QUARTER_NS - 1, mode))
    return None if told == "backtest" else window.of(is_simulated=told == PAPER)


def _count_trades(account: Account, number: int, window: Window) -> None:
    """Add the distinct trades of one quarter, of those that are no longer listed."""
    quarter = account.quarters[number]
    for counts, sign in (
        (quarter.entered, 1),
        (quarter.closed, 1),
        (quarter.filled, 1),
        (quarter.both, -1),
    ):
        for key, count in counts.items():
            mode, *distance = split(key)
            if distance and (number - int(distance[0])) * QUARTER_NS < window.start:
                continue
            if (sums := _told(account, number, mode, window)) is not None:
                sums.trades += sign * count


def _add_sums(service: str, account: Account, number: int, window: Window) -> None:
    quarter = account.quarters[number]
    for key, results in quarter.results.items():
        mode, currency = split(key)
        if (sums := _told(account, number, mode, window)) is not None:
            sums.results(currency, results)
    for key, calls in quarter.llm.items():
        mode, agent, provider, model = split(key)
        if (sums := _told(account, number, mode, window)) is not None:
            sums.llm.setdefault((agent, provider, model), Calls()).plus(calls)
            sums.services.setdefault(agent, set()).add(service)
    for key, credited in quarter.credits.items():
        mode, agent, currency, method = split(key)
        if (sums := _told(account, number, mode, window)) is not None:
            sums.credits.setdefault((agent, currency, method), Credited()).plus(credited)
            sums.services.setdefault(agent, set()).add(service)


def _plus(mine: dict[str, Decimal], theirs: dict[str, Decimal]) -> None:
    for currency, amount in theirs.items():
        mine[currency] = mine.get(currency, Decimal(0)) + amount
