"""Bots and their rhythm: each stage of each bot over three hours, hatched where due work did not come."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Issue, Snapshot
from obs.standing import BAR_MINUTES, BARS, BotStanding, Pulse
from obs.web.exposure import open_amounts
from obs.web.model import Cell, Mark, Rhythm, RhythmRow, Rich, Span, Style
from obs.web.numbers import ms
from obs.web.reader import Reader
from obs.web.rows import is_open, mark_of, worst

__all__ = ["mode", "rhythm"]

MOST = 50
"""Bots that have a row."""
STAGES = ("heartbeats", "records", "ticks", "candles", "signals", "answers", "orders")
ALWAYS = ("heartbeats", "candles", "signals", "orders")
"""Columns that stand as soon as any bot speaks of its work."""
WINDOW_NS = BARS * BAR_MINUTES * MINUTE_NS
_LATE = {
    "unresponsive": ("heartbeats", "records"),
    "stale-feed": ("ticks", "candles"),
    "silent-stage": ("heartbeats", "signals", "answers", "orders"),
}
"""Issue -> the stages of which it says that they are late."""
_ONE_UNIT = re.compile(r"([\d.,]+)(\D+)")
_REFUSED = ("rejected", "exit-refused")
_TELLING = frozenset({*_LATE, *_REFUSED, "llm-loop"})


def rhythm(snapshot: Snapshot, marks: Mapping[str, Mark], reader: Reader) -> Rhythm:
    """Return the rhythm of all bots.

    Args:
        snapshot: The picture.
        marks: Bot -> the gravest mark of its issues; those without are well.
        reader: For whom.
    """
    bots = [bot for bot in snapshot.standings if bot.name in snapshot.bots][:MOST]
    told = {pulse.stage for bot in bots for pulse in bot.pulses}
    works = told - {"records"}
    stages = [stage for stage in STAGES if stage in told or (works and stage in ALWAYS)]
    issues = _by_bot(snapshot)
    end = (snapshot.taken_at // MINUTE_NS + 1) * MINUTE_NS
    return Rhythm(
        stages=tuple((stage, reader.say(f"stage.{stage}")) for stage in stages),
        rows=tuple(
            _row(bot, marks.get(bot.name, Mark.OK), stages, issues.get(bot.name, []), snapshot, reader)
            for bot in bots
        ),
        bar_ms=BAR_MINUTES * 60_000,
        end=ms(end),
        empty=() if bots else reader.say.rich("rhythm.empty"),
    )


def mode(bot: BotStanding, reader: Reader) -> str:
    """Return in words how a bot trades, and that it does not run when it does not."""
    told = reader.say(f"mode.{bot.mode.replace(' ', '_')}") if bot.mode else ""
    stands = reader.say(f"mode.{bot.state}") if bot.state in ("stopped", "ended", "died") else ""
    return " · ".join(part for part in (told, stands) if part)


def _by_bot(snapshot: Snapshot) -> dict[str, list[Issue]]:
    """The open issues of each bot that say something of its rhythm."""
    found: dict[str, list[Issue]] = {}
    for issue in snapshot.issues:
        if issue.rule in _TELLING and is_open(issue):
            for name in issue.services:
                found.setdefault(name, []).append(issue)
    return found


def _row(
    bot: BotStanding,
    mark: Mark,
    stages: Sequence[str],
    issues: Sequence[Issue],
    snapshot: Snapshot,
    reader: Reader,
) -> RhythmRow:
    held = open_amounts(one for one in snapshot.held if one.service == bot.name)
    detail = " · ".join(part for part in (mode(bot, reader), reader.money(*held)) if part)
    pulses = {pulse.stage: pulse for pulse in bot.pulses}
    return RhythmRow(
        bot=plain(bot.name),
        mark=mark,
        detail=detail,
        cells=tuple(_cell(stage, pulses, bot, issues, reader) for stage in stages),
    )


def _cell(
    stage: str,
    pulses: Mapping[str, Pulse],
    bot: BotStanding,
    issues: Sequence[Issue],
    reader: Reader,
) -> Cell:
    pulse = pulses.get(stage)
    if pulse is None:
        return _idle(stage, pulses, bot, reader)
    every = _every(pulse, reader)
    state, label, mark = _state(pulse, bot, issues, reader)
    return Cell(
        stage=stage,
        state=state,
        last=ms(pulse.last),
        every=every,
        label=label,
        mark=mark,
        bars=pulse.bars,
        spoken=_spoken(pulse, state, label, bot, reader),
    )


def _idle(stage: str, pulses: Mapping[str, Pulse], bot: BotStanding, reader: Reader) -> Cell:
    """A stage that was never seen: not used, not told, or one that waits for another."""
    key = "untold"
    state = "unknown"
    if stage == "answers":
        key, state = "unused", "unused"
    elif stage == "orders" and ("signals" in pulses or "candles" in pulses):
        key, state = "waiting", "waiting"
    if bot.is_market_open is False and key == "waiting":
        key, state = "closed", "closed"
    label = reader.say(f"cell.{key}")
    name = reader.say(f"stage.{stage}")
    return Cell(stage=stage, state=state, label=(Span(label),), spoken=f"{name}: {label}")


def _state(
    pulse: Pulse, bot: BotStanding, issues: Sequence[Issue], reader: Reader
) -> tuple[str, Rich, Mark | None]:
    """The state of a stage, what stands instead of its age, and the mark of the issue that says so."""
    by_rule = {issue.rule: issue for issue in reversed(issues)}
    loop = by_rule.get("llm-loop") if pulse.stage == "answers" else None
    if loop is not None:
        span = reader.length(max(loop.last_seen - loop.first_seen, MINUTE_NS))
        text = reader.say("cell.often", count=loop.count, span=span)
        return "often", (Span(text, Style.STRONG),), mark_of(loop)
    refused = [by_rule[rule] for rule in _REFUSED if rule in by_rule] if pulse.stage == "orders" else []
    refused = [issue for issue in refused if reader.now - issue.last_seen < WINDOW_NS]
    if refused:
        count = sum(issue.count for issue in refused)
        return "failed", (Span(reader.say("cell.refused", n=count), Style.STRONG),), worst(refused)
    if pulse.state == "late":
        found = [by_rule[rule] for rule, stages in _LATE.items() if pulse.stage in stages and rule in by_rule]
        mark = worst(found) if found else Mark.WARNING
        if not pulse.last:
            return "late", (Span(reader.say("cell.none_yet"), Style.STRONG),), mark
        if pulse.last < reader.midnight() and reader.now - pulse.last < 2 * 86_400 * 10**9:
            return "late", (Span(reader.say("cell.none_today"), Style.STRONG),), mark
        return "late", (Span(style=Style.STRONG, since=ms(pulse.last)),), mark
    if pulse.state == "closed":
        if not bot.opens_at:
            return "closed", (Span(reader.say("cell.closed")),), None
        return "closed", reader.say.rich("cell.opens", time=Span(clock=ms(bot.opens_at))), None
    if pulse.state == "off":
        word = bot.state if bot.state in ("stopped", "ended", "died") else "stopped"
        return "unused", (Span(reader.say(f"mode.{word}")),), None
    return ("on_time" if pulse.state == "on_time" else "unknown"), (), None


def _every(pulse: Pulse, reader: Reader) -> str:
    if pulse.longest:
        return _between(pulse.shortest, pulse.longest, reader)
    return reader.say("cell.every", every=reader.length(pulse.every)) if pulse.every else ""


def _between(low: int, high: int, reader: Reader) -> str:
    """A range in one unit where both have the same: `3–9 min`."""
    first, last = reader.length(low), reader.length(high)
    number, unit = _parted(first)
    return f"{number}–{last}" if unit and unit == _parted(last)[1] else f"{first}–{last}"


def _parted(length: str) -> tuple[str, str]:
    """Number and unit of a length of time in one unit; no unit for one of two."""
    found = _ONE_UNIT.fullmatch(length)
    return (found[1], found[2]) if found else (length, "")


def _spoken(pulse: Pulse, state: str, label: Rich, bot: BotStanding, reader: Reader) -> str:
    """The cell as one sentence: what, since when nothing, how often it was expected, whether it was due."""
    name = reader.say(f"stage.{pulse.stage}")
    parts = []
    if state == "late":
        parts.append(reader.say("spoken.none", span=reader.length(pulse.missing // MINUTE_NS * MINUTE_NS)))
    elif label:
        parts.append("".join(span.text or reader.clock(span.clock * 1_000_000) for span in label))
    else:
        parts.append(reader.say("spoken.on_time" if state == "on_time" else "spoken.unknown"))
    if pulse.every and state in ("late", "on_time"):
        parts.append(reader.say("spoken.every", every=reader.length(pulse.every)))
    if state == "late" and bot.is_market_open and bot.closes_at:
        parts.append(reader.say("spoken.open"))
    return f"{name}: {', '.join(parts)}"
