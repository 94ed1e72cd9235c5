"""Silence: a bot that says nothing any more, and one that lives but does its work no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from obs.books import BotFacts
from obs.hazards.making import SECOND_NS, issue, shown
from obs.hazards.positions import exposure, open_positions
from obs.healthrows import clock
from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Category, Evidence, Issue, IssueSeverity
from obs.state import State
from obs.watch.beats import BotBeats
from obs.watch.cadence import (
    ALIVE_NS,
    NAMES,
    ORDER,
    RARE,
    Silence,
    duration,
    is_off,
    learn,
    open_time,
    patience,
    silences,
    told_age,
    usual,
    watched,
)
from obs.watch.expectations import Expectations
from obs.watch.sessions import Calendar

__all__ = ["find"]

RETIRED_NS = 7 * 24 * 60 * MINUTE_NS
"""A bot that has said nothing for so long is gone, not silent."""


def find(state: State, until: int | None, expected: Expectations) -> list[Issue]:
    """Return the issues that silences make.

    Args:
        state: The facts.
        until: Unix ns until which the bots were watched; None for a recording, in which each bot is known
            only to its own last word.
        expected: Session tables, set rhythms, limits.
    """
    found: list[Issue] = []
    for name, beats in sorted(state.beats.bots.items()):
        bot = state.books.bots.get(name, BotFacts())
        end = watched(name, bot, state, until)
        if not end:
            continue
        calendar = expected.calendar(name, beats)
        if not is_off(name, bot, state):
            silent = open_time(calendar, beats.spoke.last, end)
            if end - beats.spoke.last > RETIRED_NS:
                continue
            if silent >= patience(name, beats, expected, calendar):
                found.append(_unresponsive(name, bot, beats, silent, end, expected, calendar))
                continue
        stale = _stale(name, bot, beats, expected, calendar, end)
        if stale is not None:
            found.append(stale)
        else:
            found += _blind(name, bot, beats, expected, calendar, end)
    return found


def _unresponsive(
    name: str,
    bot: BotFacts,
    beats: BotBeats,
    silent: int,
    until: int,
    expected: Expectations,
    calendar: Calendar | None,
) -> Issue:
    money = exposure(bot)
    rhythm = learn(beats.spoke, calendar, rare=False)
    beat = beats.stages.get("heartbeats")
    last = [shown(beat.last)] if beat is not None and beat.last.quote else []
    session = (
        "" if calendar is None or calendar.is_always_open else f" of open market ({plain(calendar.name)})"
    )
    unknown = (
        f" No market is known for it, so nights and holidays count: set `[markets]` for {plain(name)} if it "
        "works in sessions only."
        if calendar is None
        else ""
    )
    return issue(
        ("unresponsive", name),
        Category.SYSTEM,
        IssueSeverity.CRITICAL if money else IssueSeverity.ERROR,
        f"The bot says nothing for {duration(silent)}",
        name,
        first=beats.spoke.last + (rhythm.every if rhythm is not None else 0),
        last=until,
        count=1,
        trend="worse",
        explanation=f"Not one record for {duration(silent)}{session}; limit "
        f"{duration(expected.limits.silence_s * SECOND_NS)}. It hangs, its process is gone, or its log no "
        f"longer reaches the sidecar; no end was seen.{unknown}",
        fix_in="host, then code",
        actions=(
            f"[read] Is the process of {plain(name)} alive, does it use CPU? Free disk space where it logs?",
            "[read] The exchange: open positions and orders, which nobody watches now.",
            "[code] When it hangs: a stack dump (py-spy dump, faulthandler) before it is killed.",
            "[restart] When positions and stops are known.",
        ),
        do_not="start a second one beside it: both would trade the same account",
        minutes=15,
        money=money,
        evidence=last,
        grouped_by=f"the silence of {plain(name)}",
    )


def _stale(
    name: str,
    bot: BotFacts,
    beats: BotBeats,
    expected: Expectations,
    calendar: Calendar | None,
    until: int,
) -> Issue | None:
    late = silences(name, beats, expected, until, calendar)
    told = told_age(name, bot, beats, expected, calendar)
    if told is not None and not any(one.stage == "candles" for one in late):
        late = sorted([told, *late], key=lambda one: ORDER.index(one.stage))
    halted = str(bot.state.values.get("bot.state") or "") in ("halted", "reducing", "paused")
    if halted:
        late = [one for one in late if one.stage not in RARE]
    if not late:
        return None
    root = late[0]
    money = exposure(bot)
    blind = root.stage in ("ticks", "candles")
    severity = IssueSeverity.ERROR if blind or root.stage == "heartbeats" or money else IssueSeverity.WARNING
    title = f"Alive but useless: no {NAMES[root.stage]} for {duration(root.missing)}"
    if blind:
        title = f"Alive but without data: no {NAMES[root.stage]} for {duration(root.missing)}"
    return issue(
        # A feed that stopped is the same trouble whether heartbeats or missing candles tell it.
        ("stale-feed" if blind else "silent-stage", name, *([] if blind else [root.stage])),
        Category.TRADING if root.stage != "answers" else Category.LLM,
        severity,
        title,
        name,
        first=root.since + root.rhythm.every if root.rhythm.every < root.missing else root.since,
        last=until,
        count=1,
        trend="worse",
        explanation=" ".join(_sentences(bot, beats, late, calendar)),
        fix_in="outside or the feed's reconnect code" if blind else "code or config: what feeds this stage",
        actions=_ACTIONS.get(root.stage, _ACTIONS["signals"]),
        do_not="trust RUNNING: the loop lives, its work does not",
        minutes=10 if blind else 20,
        money=money,
        evidence=_evidence(beats, late, bot),
        grouped_by=f"stages of {plain(name)} that are overdue by their rhythm",
    )


def _blind(
    name: str,
    bot: BotFacts,
    beats: BotBeats,
    expected: Expectations,
    calendar: Calendar | None,
    until: int,
) -> Iterator[Issue]:
    """A position whose own symbol has no candle any more, while those of others come.

    Without a position it is no fault: pairs leave a bot's list every day.
    """
    if expected.expected(name, "candles") == 0:
        return
    until = min(until, beats.spoke.last + ALIVE_NS)
    for key, position in open_positions(bot):
        symbol = str(position.values.get("symbol") or "")
        series = bot.feeds.get(f"market.bar {symbol}")
        rhythm = learn(series, calendar, rare=False) if series is not None else None
        if series is None or rhythm is None:
            continue
        since = max(series.last, beats.started)
        missing = open_time(calendar, since, until)
        if missing <= rhythm.patience:
            continue
        last = f"Last candle of {plain(symbol)} {clock(since)}, {usual(rhythm, calendar)}"
        yield issue(
            ("blind-position", name, symbol),
            Category.TRADING,
            IssueSeverity.ERROR,
            f"No candle of {plain(symbol)} for {duration(missing)}, and it is held",
            name,
            first=since + min(rhythm.every, missing),
            last=until,
            count=1,
            trend="worse",
            explanation=f"{last}. Others still come. Exits of this position stand on an old price.",
            fix_in="outside or the feed's subscription code",
            actions=(
                f"[read] The exchange: is {plain(symbol)} halted, renamed or delisted? Position and stop.",
                "[ask] Operator: close the position by hand while the bot cannot see it?",
                "[code] Subscribe again to what fell silent; never drop a symbol that is held.",
            ),
            minutes=10,
            money=exposure(bot, symbols=(symbol,)),
            evidence=[shown(position.last)],
            grouped_by=f"candles of {plain(symbol)} for the open position {plain(key)} of {plain(name)}",
        )


_ACTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("ticks", "candles"),
        (
            "[read] Does the feed deliver to another client? When did its connection last open?",
            "[ask] Should the bot hold open positions while it is blind?",
            "[restart] Reconnect the feed; candles must arrive within one interval.",
        ),
    ),
    "answers": (
        "[read] The last call of the model: error, limit, or an answer nobody waited for?",
        "[read] Does the provider answer another client with the same key?",
        "[config] What the bot does without answers: hold, or trade on rules alone?",
    ),
    "heartbeats": (
        "[read] Which of its threads still logs? A stack dump shows where the loop waits.",
        "[read] The exchange: positions and stops, which the loop no longer moves.",
        "[restart] When positions and stops are known.",
    ),
    "signals": (
        "[read] The newest signals and what stopped them: a gate, a lock, a filter that is always true?",
        "[read] Config and version since the last one: what changed?",
        "[code] Let each refusal be said with its reason (`signal.filtered`).",
    ),
}


def _sentences(
    bot: BotFacts, beats: BotBeats, late: Sequence[Silence], calendar: Calendar | None
) -> Iterator[str]:
    root = late[0]
    state = plain(str(bot.heartbeat.values.get("bot.state") or bot.state.values.get("bot.state") or ""))
    beat = beats.stages.get("heartbeats")
    beating = beat is not None and root.stage != "heartbeats" and all(s.stage != "heartbeats" for s in late)
    who = f"The bot reports {state}" if state else "The bot lives"
    alive = (
        f"{who}, last heartbeat {clock(beat.seen.last)}"
        if beating and beat
        else f"{who}, last word {clock(beats.spoke.last)}"
    )
    habit = usual(root.rhythm, calendar)
    yield f"{alive}; last {NAMES[root.stage]} {clock(root.since)} after {root.seen:,}, {habit}."
    if len(late) > 1:
        rest = ", ".join(f"no {NAMES[one.stage]} since {clock(one.since)}" for one in late[1:4])
        yield f"With it: {rest}."
    if root.stage in ("ticks", "candles"):
        yield "Signals and exits computed since then stand on old prices."
    if root.stage in RARE:
        fed = beats.stages.get("candles") or beats.stages.get("ticks")
        if fed is not None:
            fresh = clock(fed.seen.last)
            yield f"Data still comes, last {fresh}: the market gives no cause, or something refuses."
    if calendar is None:
        yield "No market is known for it, so nights count too: set `[markets]` if it works in sessions."


def _evidence(beats: BotBeats, late: Sequence[Silence], bot: BotFacts) -> list[Evidence]:
    found = [shown(one.last) for one in late[:2] if one.last.quote]
    beat = beats.stages.get("heartbeats")
    if beat is not None and beat.last.quote:
        found.append(shown(bot.heartbeat if bot.heartbeat.quote else beat.last))
    return found
