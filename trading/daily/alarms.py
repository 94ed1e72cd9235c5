"""Tells the operator that a run failed; whatever goes wrong here is said and hides nothing."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

from trading.daily.planning import day_of
from trading.logs import BotLog
from trading.settings import TradingSettings

__all__ = ["alarm", "words_of"]

_WORDS = {
    "ko": ("일일 실행이 실패했습니다.", "끝난 단계는 보존되며, 다음 실행이 이어서 진행합니다."),
    "en": ("The daily run failed.", "Finished steps are kept; the next call goes on from there."),
}
"""What failed, and what happens by itself."""


def alarm(
    settings: TradingSettings,
    log: BotLog,
    clock: Callable[[], int],
    say: Callable[[str], None],
    *,
    where: str,
    why: str,
    as_of: date | None = None,
) -> None:
    """Send the message of a failure, once for each session, place and cause.

    Args:
        settings: `[notify]` and `[paths]`.
        log: Who speaks.
        clock: Unix ns.
        say: Takes each line for people.
        where: The step.
        why: The error's text.
        as_of: The session; `None` when it is not known yet.
    """
    notify = settings.notify
    if not notify.secret.exists():
        say(f"Nobody to tell: {notify.secret} is not there.")
        return
    what, done = _WORDS[notify.language]
    try:
        from trading.notify import messages
        from trading.notify.notifier import open_notifier

        message = messages.error(
            what,
            where=where,
            at_ns=clock(),
            as_of=as_of,
            why=why,
            key=f"error:daily:{as_of or day_of(clock(), ZoneInfo(notify.zone))}:{where}:{_cause(why)}",
            done=done,
            zone=notify.zone,
            language=notify.language,
        )
        notifier = open_notifier(settings, log=log, now=clock)
        try:
            outcome = notifier.send(message)
        finally:
            notifier.close()
    except Exception as error:  # noqa: BLE001 - the run's own error is what counts
        log.line("daily", logging.ERROR, "the operator could not be told: %s", str(error))
        say(f"The operator could not be told: {error}")
        return
    if outcome.duplicate:
        say(f"The operator was told before ({outcome.state}).")
    else:
        say(f"Message to the operator: {outcome.state}{f' ({outcome.detail})' if outcome.detail else ''}.")


def _cause(why: str) -> str:
    """Return what names a cause: the error's words without the numbers that differ from try to try."""
    return hashlib.sha256(re.sub(r"0x[0-9a-fA-F]+|\d+", "", why).encode()).hexdigest()[:12]


def words_of(error: Exception) -> str:
    """Return an error for people: its text, with its type when it is not one that names its mend."""
    from trading.errors import TradingError

    return str(error) if isinstance(error, TradingError) else f"{type(error).__name__}: {error}"
