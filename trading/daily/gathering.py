"""What the steps of a session look up: its bars, the account before it, what was found in its data."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from trading.bars import Bar, time_of
from trading.daily.book import Book, Split, new_book
from trading.daily.desk import Desk
from trading.daily.errors import NoSessionError, NotPublishedError
from trading.logs import Value
from trading.reporting.facts import FailureFacts, FindingFacts
from trading.signals.fitting import history_word, mend_of
from trading.signals.params import Params

__all__ = [
    "bars_of_session",
    "book_before",
    "findings_of",
    "short_finding",
    "split_finding",
    "unnamed_before",
]


def bars_of_session(desk: Desk, day: date, symbols: Sequence[str]) -> Mapping[str, Bar]:
    """Return the session's bars.

    Raises:
        NotPublishedError: If too few of the symbols have one, and none will be newer.
        NoSessionError: If there is none, though there are newer ones.
    """
    bars = desk.tape.bars_of(day)
    share = sum(symbol in bars for symbol in symbols) / len(symbols)
    if bars and (share >= desk.settings.daily.least_share or desk.tape.is_hole(day)):
        return bars
    about: dict[str, Value] = {
        "data.source": desk.market.source.name,
        "interval": "1d",
        "data.rows": len(bars),
    }
    if desk.tape.is_hole(day):
        text = (
            f"{day}: not one bar, though there are later ones. Was the exchange closed? "
            "Then name the day in a table of your own ([market] overrides)."
        )
        desk.log.event("data.collected", about, "%s", text, level=logging.ERROR)
        raise NoSessionError(text)
    missing = [symbol for symbol in symbols if symbol not in bars]
    named = f"{', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}"
    text = (
        f"{day}: {len(symbols) - len(missing)} of {len(symbols)} symbols have a bar (no: {named}); "
        f"the newest bar is of {desk.tape.newest}. The source has not published the session yet."
    )
    desk.log.event("data.collected", about, "%s", text, level=logging.ERROR)
    raise NotPublishedError(text)


def book_before(desk: Desk, day: date) -> Book:
    """Return the account as it stood before a session."""
    found = desk.store.ledger.state_before(day)
    if found is None:
        return new_book(desk.settings.account, desk.settings.market.currency)
    stood_at, text = found
    book = msgspec.json.decode(text, type=Book)
    between = desk.sessions.between(desk.sessions.next(stood_at), desk.sessions.previous(day))
    runs = [desk.store.journal.run(each) for each in between]
    if all(run is not None and run["status"] == "skipped" for run in runs):
        return book
    # Sessions were left out: what was to be bought at an open long gone is not bought at another one.
    exits = tuple(action for action in book.pending if action.kind == "close")
    return msgspec.structs.replace(book, pending=exits)


def findings_of(desk: Desk, day: date) -> tuple[FindingFacts, ...]:
    """Return what was found in the data that concerns this session, not the years before it."""
    begin = time_of(day)
    return tuple(
        FindingFacts(
            symbol=finding.symbol,
            kind=finding.fault,
            action=finding.action,
            count=finding.count,
            detail=finding.text,
        )
        for finding in desk.market.findings
        if finding.until is None or finding.until >= begin or finding.action == "refused"
    )


def split_finding(split: Split) -> FindingFacts:
    """Return what the report says of a split that the account followed."""
    return FindingFacts(
        symbol=split.symbol,
        kind="split",
        action="adjusted",
        detail=f"its history was rewritten by {split.ratio:.6g}: units and prices of the holding follow",
    )


def short_finding(desk: Desk, day: date, params: Params) -> tuple[FindingFacts, ...]:
    """Return, and log, what is to be said of a history that is too short for the parameters; else nothing."""
    have = desk.tape.count_until(day)
    needed = max(params.score_sessions, params.market_sessions)
    mend = mend_of(desk.sessions, day, desk.settings.data.days, needed) if have < needed else ""
    text = history_word(params, have, mend)
    if not text:
        return ()
    about: dict[str, Value] = {
        "data.source": desk.market.source.name,
        "interval": "1d",
        "data.fault": "short",
        "sample.count": have,
        "value": needed,
        "action": "kept",
    }
    desk.log.event("data.checked", about, "short (kept) in the bars of all symbols: %s", text)
    return (FindingFacts(symbol="", kind="short", action="kept", count=have, detail=text),)


def unnamed_before(desk: Desk, day: date) -> tuple[tuple[date, ...], tuple[FailureFacts, ...]]:
    """Return the sessions right before this one that no message has named: caught up, and skipped."""
    if day != desk.chain[-1]:
        return (), ()
    ended = {row["session"]: row for row in desk.store.journal.runs() if row["status"] in ("done", "skipped")}
    told = {session: row["told_with"] for session, row in ended.items()}
    found = []
    earlier = sorted((session for session in told if session < str(day)), reverse=True)
    for session in earlier:
        named_in = told[session]
        if not named_in or (named_in != str(day) and named_in in told and not told[named_in]):
            break
        found.append(ended[session])
    found.reverse()
    caught_up = tuple(date.fromisoformat(row["session"]) for row in found if row["status"] == "done")
    skipped = tuple(
        FailureFacts(step="signals", error=row["error"], day=date.fromisoformat(row["session"]))
        for row in found
        if row["status"] == "skipped"
    )
    return caught_up, skipped
