"""The store read like a book: what it holds of trades, model calls and credits, spread over windows of time.

The book in memory reaches back a month; for longer windows the same figures are computed from this.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from obs.history.queries import History, HistoryError
from obs.money.book import MoneyBook
from obs.money.entries import SIMULATED, LlmCall
from obs.money.quarters import Calls, Credited, Results
from obs.money.windows import Ledger, Sums, Window

__all__ = ["StoredLedger"]

PAGE = 10_000
MOST_PAGES = 30
"""More rows than this are no answer that anybody waits for."""
Row = Mapping[str, Any]


class StoredLedger(Ledger):
    """A ledger over the rows of a store; it lists no trade one by one."""

    def __init__(self, history: History, since: int, until: int) -> None:
        """Read what the store holds of a span.

        Args:
            history: The store.
            since: Unix ns, from then on.
            until: Unix ns, before it.

        Raises:
            HistoryError: If the store cannot be read, or holds too much of that time.
        """
        super().__init__(MoneyBook())
        self._history = history
        self._trade_rows = list(_pages(lambda before: self._trades(since, before), until))
        self._call_rows = list(_pages(lambda before: self._calls(since, before), until))

    @property
    def is_simulated(self) -> bool:
        """Whether every trade is of simulated money; without any trade, whether every model call is."""
        return {_is_simulated(row) for row in (self._trade_rows or self._call_rows)} == {True}

    def windows(self, edges: Sequence[int]) -> list[Window]:
        """Return the sums of adjoining windows.

        Args:
            edges: Where each begins and where the last ends, Unix ns.
        """
        windows = [Window(start, end) for start, end in pairwise(edges)]

        def at(time: int, row: Row) -> Sums | None:
            index = bisect_right(edges, time) - 1
            return windows[index].of(is_simulated=_is_simulated(row)) if 0 <= index < len(windows) else None

        told = [row for row in self._trade_rows if row["kind"] == "closed"]
        closed = {(row["service"], row["position"]) for row in told}
        for row in self._trade_rows:
            if row["kind"] == "opened" and (row["service"], row["position"]) not in closed:
                _enter(row, at)
        for row in told:
            _close(row, at)
        for row in self._call_rows:
            if (sums := at(row["time"], row)) is not None:
                key = row["agent"], row["provider"], row["model"]
                sums.llm.setdefault(key, Calls()).add(_call(row))
                sums.services.setdefault(row["agent"], set()).add(row["service"])
        return windows

    def whole(self, windows: Sequence[Window]) -> Window:
        """Return adjoining windows as one."""
        return self.windows((windows[0].start, windows[-1].end))[0]

    def _trades(self, since: int, until: int) -> list[dict[str, Any]]:
        return self._history.trades(since=since, until=until, kind=None, limit=PAGE)

    def _calls(self, since: int, until: int) -> list[dict[str, Any]]:
        return self._history.llm_calls(since=since, until=until, limit=PAGE)


At = Callable[[int, Row], Sums | None]


def _enter(row: Row, at: At) -> None:
    if (sums := at(row["entered"] or row["time"], row)) is not None:
        sums.trades += 1


def _close(row: Row, at: At) -> None:
    left = at(row["closed"] or row["time"], row)
    entered = at(row["entered"], row) if row["entered"] else None
    for sums in {id(one): one for one in (left, entered) if one is not None}.values():
        sums.trades += 1
    if left is None:
        return
    won = False
    if row["pnl"] is not None:
        pnl = Decimal(row["pnl"])
        won = pnl > 0
        left.results(row["currency"], Results(1, int(won), int(pnl < 0), pnl))
    for part in row["contributions"]:
        key = part["agent"], part["currency"], part["method"]
        left.credits.setdefault(key, Credited()).plus(Credited(1, int(won), Decimal(part["amount"])))
        left.services.setdefault(part["agent"], set()).add(row["service"])


def _pages(ask: Callable[[int], list[dict[str, Any]]], until: int) -> Iterator[Row]:
    """Yield all rows before `until`, the newest first; of rows at one moment none twice."""
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        rows = ask(until)
        fresh = [row for row in rows if row["uid"] not in seen]
        yield from fresh
        if len(rows) < PAGE or not fresh:
            return
        until = rows[-1]["time"] + 1
        seen = {row["uid"] for row in rows if row["time"] == rows[-1]["time"]}
    raise HistoryError(f"over {MOST_PAGES * PAGE:,} rows lie in this time: ask for a shorter one")


def _is_simulated(row: Row) -> bool:
    return row["mode"] == "paper" or row["mode"] in SIMULATED


def _call(row: Row) -> LlmCall:
    return LlmCall(
        service=row["service"],
        uid=row["uid"],
        time=row["time"],
        agent=row["agent"],
        provider=row["provider"],
        model=row["model"],
        input_tokens=row["input_tokens"],
        cached_tokens=row["cached_tokens"],
        output_tokens=row["output_tokens"],
        reasoning_tokens=row["reasoning_tokens"],
        duration_ms=row["duration_ms"],
        error=row["error"],
        is_cut=bool(row["is_cut"]),
        cost=Decimal(row["cost"]) if row["cost"] is not None else None,
        currency=row["currency"],
        basis=row["basis"],
    )
