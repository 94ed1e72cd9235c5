"""What a bot's own check of its market data found: an issue for each fault, whatever its words.

A refused symbol is left out and is an error; what was dropped, mended or kept is a warning. Faults of the way
to the data (no login, no answer, no universe) are left to the rules: the text names a cause nearer the mend.
"""

from __future__ import annotations

from collections.abc import Iterator

from obs.books import BotFacts, Thing
from obs.hazards.making import issue, shown
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity

__all__ = ["bad_data"]

MOST_NAMED = 3
"""Symbols that a title names."""
_AGAIN = "[config] Fetch these bars again, or from another source."
_ELSEWHERE = "[read] The price of that day at another source."
_FAULTS = {
    "crossed": ("Highs below lows", _AGAIN),
    "damaged": ("Damaged data", _AGAIN),
    "dividend": ("Dividends in doubt", "[config] Are dividends in the source's prices already?"),
    "duplicate": ("Two bars of one time", "[config] Do two files or feeds write the same bars?"),
    "empty": ("No bar", "[config] Is the symbol still listed, and spelt as the source spells it?"),
    "flat": ("Prices that stand still", "[read] Does the market trade, or is the feed stuck?"),
    "future": ("Bars of the future", "[read] The clock of this host and the zone of the source."),
    "halted": ("Trading halt", "[read] The exchange's notice on the halt."),
    "jump": ("Price jump", "[config] A split or a crash? Name a split where instruments are listed."),
    "missing": ("Missing bars", _AGAIN),
    "not_a_number": ("Prices that are no numbers", _AGAIN),
    "not_positive": ("Prices of zero or below", _AGAIN),
    "off_session": (
        "Bars on closed days",
        "[config] The market's calendar, and whether the symbol is of it.",
    ),
    "rewritten": ("Rewritten history", "[read] A split or a dividend? What is held must follow."),
    "short": ("Too short a history", "[config] A longer history: the line says how long."),
    "spike": ("Price far from both neighbours", _ELSEWHERE),
    "split": ("Split", "[read] Were units and average price of what is held changed along with it?"),
    "stale": ("Bars that end too early", "[read] Has the source published the newest session?"),
    "unfinished": ("Bars that had not ended", "[config] Ask the source after the close."),
    "unreadable": ("Unreadable file", "[read] The file: format, encoding, columns."),
    "unsorted": ("Bars out of order", _AGAIN),
    "unusable": ("Bars of no use", "[config] The interval, and the unit of the source's times."),
    "volume": ("No volume", _AGAIN),
    "wrong_zone": ("Wrong time zone", "[config] The time zone of the source's times."),
}
"""`data.fault` -> what a title calls it, and the step that mends it."""


def bad_data(name: str, bot: BotFacts) -> Iterator[Issue]:
    """Yield an issue for each fault that a bot's data check told, refused symbols apart."""
    kinds: dict[tuple[str, bool], list[Thing]] = {}
    for thing in bot.faults.values():
        fault = str(thing.values.get("data.fault"))
        kinds.setdefault((fault, thing.values.get("action") == "refused"), []).append(thing)
    for (fault, is_refused), things in sorted(kinds.items()):
        yield _issue(name, fault, things, is_refused=is_refused)


def _issue(name: str, fault: str, things: list[Thing], *, is_refused: bool) -> Issue:
    things = sorted(things, key=lambda thing: (thing.last.time, thing.last.order))
    words, step = _FAULTS.get(fault, (f"Fault {plain(fault)}", "[read] What the check says of it."))
    symbols = sorted({str(thing.values["symbol"]) for thing in things if thing.values.get("symbol")})
    named = " ".join(map(plain, symbols[:MOST_NAMED]))
    if len(symbols) > MOST_NAMED:
        named += f" +{len(symbols) - MOST_NAMED}"
    told = sum(sum(thing.said.values()) for thing in things)
    done = ", ".join(sorted({plain(thing.values.get("action") or "nothing said") for thing in things}))
    place = f" of {named}" if named else ""
    return issue(
        ("data-fault", name, fault, "refused" if is_refused else ""),
        Category.TRADING,
        IssueSeverity.ERROR if is_refused else IssueSeverity.WARNING,
        f"{words} in market data{place}{': left out' if is_refused else ''}",
        name,
        first=min(thing.began for thing in things),
        last=things[-1].last.time,
        count=told,
        explanation="The bot's data check refused it: no signal is made, and what is held is not judged."
        if is_refused
        else f"The bot's data check found it ({done}); signals rest on what is left.",
        fix_in="outside: the data source; or config: the symbol",
        actions=(
            f"[read] Days and figures{place} in the bot's own line.",
            step,
        ),
        do_not="trade it by hand on these prices before they are read elsewhere" if is_refused else "",
        minutes=20,
        evidence=[shown(thing.last) for thing in (things[0], *things[-3:])],
        grouped_by=f"data.fault {plain(fault)} of {plain(name)}" + (", refused" if is_refused else ""),
    )
