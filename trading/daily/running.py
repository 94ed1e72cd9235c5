"""The daily run: what is due is done session by session, step by step, each noted in the journal.

Whoever starts it reads lines on the standard output and an exit code:

==== ============================================================================================
0    done, or nothing to do (the lines say why)
1    a step failed, or a message did not get out
2    wrong usage, or settings that cannot be read
75   try again later: the source has not published the session yet, or another run is at work
==== ============================================================================================
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date

import msgspec

from trading.bars import SECOND_NS
from trading.daily.alarms import alarm, words_of
from trading.daily.desk import BOT, Desk
from trading.daily.errors import NoSessionError, NotPublishedError
from trading.daily.planning import Plan, PlanError, clock_of, plan
from trading.daily.products import Ended, Told
from trading.daily.steps import STEPS, Products
from trading.daily.wording import worded
from trading.errors import TradingError
from trading.logs import BotLog
from trading.sessions import SessionsError, load_sessions
from trading.settings import TradingSettings
from trading.store.locks import TakenError, locked
from trading.store.store import open_store

__all__ = ["FAILED", "LATER", "OK", "run_daily"]

OK, FAILED, LATER = 0, 1, 75
"""Exit codes; 75 is `EX_TEMPFAIL` of sysexits.h."""

Say = Callable[[str], None]


def run_daily(
    settings: TradingSettings,
    clock: Callable[[], int],
    say: Say,
    *,
    as_of: date | None = None,
    again: bool = False,
) -> int:
    """Do what is due; return the exit code.

    Args:
        settings: Of `trading.toml`.
        clock: Unix ns; the wall's clock, or one that stands still.
        say: Takes each line for people.
        as_of: A session day, instead of the newest one whose close has passed.
        again: Do it again although it is finished; messages are not sent twice.

    Raises:
        TradingError: If the calendar or the store cannot be used, or the session cannot be asked for.
    """
    try:
        sessions = load_sessions(settings.market.calendar, settings.market.overrides)
        with (
            locked(settings.paths.store / "daily.lock", "a daily run"),
            open_store(settings.paths.store) as store,
        ):
            desk = Desk(settings, store, sessions, clock)
            try:
                return _work(desk, say, as_of, again=again)
            finally:
                desk.close()
    except TakenError as error:
        say(str(error))
        return LATER
    except PlanError:
        # Somebody is at the keyboard who asked for a day that cannot be done.
        raise
    except Exception as error:
        # Store or calendar fail: no step can note it, but the operator can hear of it.
        log = BotLog(BOT, "maps")
        log.line("daily", logging.ERROR, "the daily run failed: %s", words_of(error), error=error)
        where = "calendar" if isinstance(error, SessionsError) else "store"
        alarm(settings, log, clock, say, where=where, why=words_of(error))
        raise


def _work(desk: Desk, say: Say, as_of: date | None, *, again: bool) -> int:
    journal, sessions, now = desk.store.journal, desk.sessions, desk.clock()
    runs = journal.runs()
    ended = [row["session"] for row in runs if row["status"] in ("done", "skipped")]
    todo = plan(
        sessions,
        now,
        date.fromisoformat(ended[0]) if ended else None,
        as_of=as_of,
        again=again,
        most=desk.settings.daily.catch_up,
        unfinished=[
            date.fromisoformat(row["session"]) for row in runs if row["status"] in ("running", "failed")
        ],
    )
    say(f"Now {clock_of(now, sessions.zone)}, calendar {sessions.name}.")
    for note in todo.notes:
        say(note)
    if todo.left_out:
        say(
            f"Left out: {len(todo.left_out)} sessions from {todo.left_out[0]} to {todo.left_out[-1]} "
            f"([daily] catch_up = {desk.settings.daily.catch_up})."
        )
    if not todo.due:
        return _settle(desk, say)
    return _chain(desk, todo, say)


def _chain(desk: Desk, todo: Plan, say: Say) -> int:
    """Do the sessions that are due, in order; a session that fails ends the run."""
    desk.chain = todo.due
    if todo.anew:
        # Later accounts stand on earlier ones: all of them go, and are made again in order.
        for day in todo.due:
            desk.store.journal.forget(day)
    code = OK
    for day in todo.due:
        code = max(code, _session(desk, day, say))
        if code != OK and desk.store.journal.run(day)["status"] not in ("done", "skipped"):  # type: ignore[index]
            break
    return code


def _session(desk: Desk, day: date, say: Say) -> int:
    journal = desk.store.journal
    attempt = journal.begin(day, desk.clock())
    finished = {row["step"]: row["produced"] for row in journal.steps(day) if row["status"] == "done"}
    if finished:
        say(f"as of {day}: going on after {len(finished)} of {len(STEPS)} steps (attempt {attempt}).")
    made, currency = Products(), desk.settings.market.currency
    for number, step in enumerate(STEPS, 1):
        if step.name in finished:
            made.put(msgspec.json.decode(finished[step.name], type=step.product))
            continue
        journal.begin_step(day, number, step.name, desk.clock())
        try:
            product = step.work(desk, day, made)
        except NoSessionError as error:
            return _skipped(desk, day, step.name, error, say)
        except Exception as error:  # noqa: BLE001 - whatever failed, the operator must hear of it
            return _failed(desk, day, number, error, say)
        produced = msgspec.json.encode(product).decode()
        journal.end_step(day, step.name, desk.clock(), produced=produced)
        made.put(product)
        say(f"as of {day}: {number:2}/{len(STEPS)} {step.name}: {worded(product, currency)}")
    told = made.get(Told)
    journal.end(day, "done", desk.clock(), told_with=str(told.told_with or ""))
    say(f"Done, {made.get(Ended).line}.")
    return _judged(told, say)


def _skipped(desk: Desk, day: date, step: str, error: NoSessionError, say: Say) -> int:
    journal, now = desk.store.journal, desk.clock()
    journal.end_step(day, step, now, error=str(error))
    newest = desk.chain[-1]
    journal.end(day, "skipped", now, error=str(error), told_with=str(newest) if day != newest else "")
    say(f"Skipped: {error}")
    return OK


def _failed(desk: Desk, day: date, number: int, error: Exception, say: Say) -> int:
    journal, now, step = desk.store.journal, desk.clock(), STEPS[number - 1]
    text = words_of(error)
    journal.end_step(day, step.name, now, error=text)
    journal.end(day, "failed", now, error=text)
    is_early = isinstance(error, NotPublishedError)
    where = f"step {number}, {step.name}"
    if is_early:
        say(f"Not yet: {text} Tried again at the next call.")
    else:
        say(f"Failed: {where} of {day}: {text}")
        expected = error if isinstance(error, TradingError) else None
        desk.say(
            logging.ERROR, "%s of %s failed: %s", where, str(day), text, error=None if expected else error
        )
    late = (now - desk.sessions.close_of(day)) / SECOND_NS / 60
    if not is_early or late >= desk.settings.daily.patience_minutes:
        alarm(desk.settings, desk.log, desk.clock, say, where=where, why=text, as_of=day)
    return LATER if is_early else FAILED


def _settle(desk: Desk, say: Say) -> int:
    """Give messages that wait their turn, though nothing else is due."""
    lost = [outcome for outcome in desk.flush() if not outcome.ok]
    for outcome in lost:
        say(f"A message that waited is {outcome.state}: {outcome.detail}.")
    return FAILED if lost else OK


def _judged(told: Told, say: Say) -> int:
    lost = [message for message in told.messages if not message.ok]
    for message in lost:
        why = message.detail or "see `trading notify status`"
        say(f"The {message.kind} message is {message.state}: {why}.")
    return FAILED if lost else OK
