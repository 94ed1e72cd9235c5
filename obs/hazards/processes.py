"""How processes end."""

from __future__ import annotations

from collections.abc import Iterator

from obs.books import BotFacts
from obs.hazards.making import issue, shown
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity

__all__ = ["ended"]


def ended(name: str, bot: BotFacts) -> Iterator[Issue]:
    if bot.process.name != "process.exited":
        return
    values = bot.process.values
    signal, code = str(values.get("process.signal") or ""), values.get("process.exit_code")
    asked = signal in ("SIGTERM", "SIGINT", "SIGHUP")
    # Without a supervisor nobody knows code or signal: only that the last word is missing.
    unknown = code is None and not signal and values.get("process.clean") is False
    if not signal and not code and not unknown:
        return
    if values.get("process.oom"):
        how, why = "was killed: out of memory", "The system had no memory left and killed the process."
    elif unknown:
        how, why = "ended without a last word", "Killed, crashed or left abruptly; no supervisor saw how."
    elif signal:
        how, why = f"ended by {plain(signal)}", f"The process got {plain(signal)}."
    else:
        how, why = f"ended with exit code {plain(str(code))}", "The process left with an error code."
    if values.get("faulthandler.stacktrace"):
        why += " The interpreter's own crash dump is in the evidence."
    category = Category.MEMORY if values.get("process.oom") else Category.SYSTEM
    yield issue(
        ("ended", name),
        category,
        IssueSeverity.INFO if asked else IssueSeverity.CRITICAL,
        f"The bot {how}",
        name,
        first=bot.process.time,
        last=bot.process.time,
        count=1,
        explanation=why,
        fix_in="host" if signal or values.get("process.oom") else "code or config",
        actions=(
            "[read] The last lines before the end, and any other issue of that minute.",
            "[restart] When the cause is known.",
        ),
        minutes=15,
        evidence=[shown(bot.process)],
        grouped_by=f"the end of the process of {plain(name)}",
    )
