"""What a message says: who, what, what money, since when, what first; from the same facts as the briefing.

Plain text, English or Korean, as long as its channel takes. Titles and steps are our own words; names in them
are validated identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec

from obs.alerts.fitting import CHAT, Form, as_sms, fit
from obs.page.phrasebook import say
from obs.page.telling import brief_step, risk
from obs.quoting import plain
from obs.redaction import redact
from obs.snapshot import Issue, IssueSeverity

__all__ = [
    "Note",
    "alive",
    "instead",
    "is_over",
    "message",
    "note_of",
    "repeated",
    "test_message",
    "title_of",
]

SHOWN = 8
"""Issues of which a message tells more than a count."""
MOST_TITLE = 120
MOST_BOTS = 3
SIMULATED = ("dry run", "paper", "backtest")
MOST_STEP = 200
_NO_MODES: Mapping[str, str] = MappingProxyType({})
_GATE = re.compile(r"^\[\w+\] ")
_WORDS = {
    "en": {
        "new": "", "worse": "worse: ", "again": "back: ", "still": "still: ", "over": "over: ",
        "brief": "began and ended: ",
        "since": "since {time}", "span": "{begin} to {end}", "times": "{n}×", "risk": "at risk {money}",
        "risk_simulated": "at risk {money}, simulated",
        "returns": "came back {n}× in a day", "first": "First: {step}",
        "many": "{n} issues, worst {severity}", "all_over": "{n} issues over",
        "more": "… and {n} more: `obs issues`", "more_sms": "+{n} more",
        "look": "obs show {id}", "repeat": "Perhaps a repeat: whether this arrived before is not known.",
        "instead": "Sent here because channel {channel} failed.",
        "perhaps": "Sent here because it is not known whether channel {channel} took it.",
        "test_title": "obs: test of {channel}", "test": "This channel works; nothing is wrong.",
        "alive": "obs watches", "alive_bots": "{n} bots: {names}", "no_bots": "no bot has been heard of",
        "health": "health {health}, {score} of 100", "open": "{n} open: {parts}",
        "none_open": "no open issue",
        "last": "last record {time}", "silent": "silence of this message means that nobody watches",
        "info": "info", "warning": "warning", "error": "ERROR", "critical": "CRITICAL",
    },
    "ko": {
        "new": "", "worse": "악화: ", "again": "재발: ", "still": "계속: ", "over": "해결: ",
        "brief": "발생 후 해결: ",
        "since": "{time}부터", "span": "{begin}~{end}", "times": "{n}회", "risk": "위험 금액 {money}",
        "risk_simulated": "위험 금액 {money}(모의)",
        "returns": "하루 사이 {n}회 재발", "first": "먼저: {step}",
        "many": "이슈 {n}건, 최고 {severity}", "all_over": "이슈 {n}건 해결",
        "more": "… 외 {n}건: `obs issues`", "more_sms": "외 {n}건",
        "look": "obs show {id}", "repeat": "중복일 수 있음: 앞서 도착했는지 알 수 없음.",
        "instead": "채널 {channel} 전송이 실패해 여기로 보냄.",
        "perhaps": "채널 {channel}의 수신 여부를 알 수 없어 여기로 보냄.",
        "test_title": "obs: {channel} 시험", "test": "이 채널은 작동한다. 시험 메시지이며 문제는 없다.",
        "alive": "obs 감시 중", "alive_bots": "봇 {n}개: {names}", "no_bots": "아직 봇 기록 없음",
        "health": "상태 {health}, {score}/100", "open": "미해결 {n}건: {parts}",
        "none_open": "미해결 이슈 없음",
        "last": "마지막 기록 {time}", "silent": "이 메시지가 오지 않으면 감시가 멈춘 것이다",
        "info": "정보", "warning": "경고", "error": "오류(ERROR)", "critical": "치명(CRITICAL)",
    },
}  # fmt: skip


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell of one issue."""

    issue: str
    """Fingerprint."""
    id: str
    kind: str
    """`new`, `worse`, `again`, `still`, `over`, or `brief`: over before it was told."""
    severity: IssueSeverity
    title: str
    """English; told in the reader's language."""
    bots: tuple[str, ...]
    since: int
    count: int
    money: str
    first: str
    at: int = 0
    """Unix ns of the news."""
    was: int = -1
    """Rank that was told before it got worse; -1: none."""
    returns: int = 0
    """How often it came back within a day."""
    is_simulated: bool = False
    """Whether its money is none: a dry run, paper trading."""


def note_of(
    issue: Issue,
    kind: str,
    *,
    at: int = 0,
    was: int = -1,
    returns: int = 0,
    modes: Mapping[str, str] = _NO_MODES,
) -> Note:
    """Return what is told of an issue.

    Args:
        issue: Which.
        kind: As in `Note`.
        at: Unix ns.
        was: Rank that was told before.
        returns: How often it came back.
        modes: Bot -> how it trades, as `BotStanding.mode` has it.
    """
    return Note(
        issue=issue.fingerprint,
        id=issue.id,
        kind=kind,
        severity=issue.severity,
        title=issue.title,
        bots=issue.services,
        since=issue.first_seen,
        count=issue.count,
        money=risk(issue),
        first=issue.actions[0] if issue.actions else "",
        at=at,
        was=was,
        returns=returns,
        is_simulated=bool(issue.services) and all(modes.get(bot, "") in SIMULATED for bot in issue.services),
    )


def title_of(notes: Sequence[Note], lang: str) -> str:
    """Return the title of a message: what a locked phone shows."""
    words, ordered = _WORDS[lang], _ordered(notes)
    worst = ordered[0]
    if len(ordered) == 1:
        return redact(f"obs: {_headline(worst, lang)}")[:MOST_TITLE]
    if all(is_over(note) for note in ordered):
        head = words["all_over"].format(n=len(ordered))
    else:
        head = words["many"].format(n=len(ordered), severity=words[worst.severity])
    parts = [f"obs: {head}", *([_bots(worst.bots)] if worst.bots else []), say(worst.title, lang)]
    return redact(" · ".join(parts))[:MOST_TITLE]


def message(notes: Sequence[Note], *, lang: str, zone: ZoneInfo, form: Form = CHAT) -> tuple[str, str]:
    """Return title and text of a message about one or many issues, the gravest first.

    Args:
        notes: What to tell; at least one.
        lang: `en` or `ko`.
        zone: Of the times.
        form: What the channel takes; an SMS has no title.
    """
    ordered = _ordered(notes)
    counts = range(min(len(ordered), SHOWN), 0, -1)
    if form.is_sms:
        return "", fit(lambda count: _short(ordered, count, lang, zone), counts, form)
    title = title_of(ordered, lang)
    return title, fit(lambda count: _long(ordered, count, lang, zone), counts, form)


def repeated(text: str, lang: str) -> str:
    """Return a text marked as one that may have arrived before."""
    return f"{_WORDS[lang]['repeat']}\n{text}"


def instead(text: str, lang: str, channel: str, *, perhaps: bool) -> str:
    """Return a text with the reason why it comes by this channel.

    Args:
        text: The text.
        lang: `en` or `ko`.
        channel: The one that failed.
        perhaps: It is not known whether that one took it.
    """
    return f"{_WORDS[lang]['perhaps' if perhaps else 'instead'].format(channel=channel)}\n{text}"


def test_message(channel: str, lang: str) -> tuple[str, str]:
    """Return title and text of a channel's test."""
    words = _WORDS[lang]
    return words["test_title"].format(channel=channel), words["test"]


def alive(
    lang: str,
    zone: ZoneInfo,
    *,
    bots: Sequence[str],
    health: str,
    score: int,
    last: int,
    counts: dict[str, int],
) -> tuple[str, str]:
    """Return title and text of the daily sign of life.

    Args:
        lang: `en` or `ko`.
        zone: Of the times.
        bots: Those that were heard of.
        health: Of the whole, its word.
        score: 0 to 100.
        last: Unix ns of the newest record; 0: none came.
        counts: Severity, the gravest first -> open issues.
    """
    words = _WORDS[lang]
    known = words["alive_bots"].format(n=len(bots), names=_bots(bots)) if bots else words["no_bots"]
    parts = ", ".join(f"{n} {words[severity]}" for severity, n in counts.items() if n)
    total = sum(counts.values())
    lines = [words["open"].format(n=total, parts=parts) if parts else words["none_open"]]
    lines.append(words["health"].format(health=health, score=score))
    if last:
        lines.append(words["last"].format(time=_time(last, zone)))
    return f"{words['alive']}: {known}"[:MOST_TITLE], redact(" · ".join(lines)) + f"\n({words['silent']})"


def _ordered(notes: Sequence[Note]) -> list[Note]:
    return sorted(notes, key=lambda note: (is_over(note), -note.severity.rank, note.since))


def is_over(note: Note) -> bool:
    """Whether it tells an end."""
    return note.kind in ("over", "brief")


def _long(notes: Sequence[Note], count: int, lang: str, zone: ZoneInfo) -> str:
    if len(notes) == 1:
        return redact(_facts(notes[0], lang, zone, with_step=True))
    parts = [
        f"{_headline(note, lang)}\n{_facts(note, lang, zone, with_step=note is notes[0])}"
        for note in notes[:count]
    ]
    if len(notes) > count:
        parts.append(_WORDS[lang]["more"].format(n=len(notes) - count))
    return redact("\n\n".join(parts))


def _short(notes: Sequence[Note], count: int, lang: str, zone: ZoneInfo) -> str:
    words = _WORDS[lang]
    first = notes[0]
    parts = [f"obs {_headline(first, lang)}"]
    if first.money and not is_over(first):
        parts.append(_risk(first, lang))
    if first.since:
        parts.append(_since(first, lang, zone))
    parts.append(first.id)
    lines = [", ".join(parts), *(_headline(note, lang) for note in notes[1:count])]
    if len(notes) > count:
        lines.append(words["more_sms"].format(n=len(notes) - count))
    return as_sms(redact("\n".join(lines)))


def _headline(note: Note, lang: str) -> str:
    words = _WORDS[lang]
    severity = words[note.severity]
    if note.kind == "worse" and 0 <= note.was < note.severity.rank:
        severity = f"{words[tuple(IssueSeverity)[note.was]]} → {severity}"
    return (
        f"{words[note.kind]}{severity} · "
        + (f"{_bots(note.bots)} · " if note.bots else "")
        + say(note.title, lang)
    )


def _facts(note: Note, lang: str, zone: ZoneInfo, *, with_step: bool) -> str:
    words, facts = _WORDS[lang], []
    if note.money and not is_over(note):
        facts.append(_risk(note, lang))
    if note.since:
        facts.append(_since(note, lang, zone))
    if note.count > 1:
        facts.append(words["times"].format(n=f"{note.count:,}"))
    if note.returns:
        facts.append(words["returns"].format(n=note.returns))
    lines = [" · ".join((*facts, note.id))]
    if with_step and note.first and not is_over(note):
        lines.append(words["first"].format(step=_step(note.first, lang)))
        lines.append(words["look"].format(id=note.id))
    return "\n".join(lines)


def _step(text: str, lang: str) -> str:
    """The first step without its gate: who holds a phone asks nobody."""
    step = _GATE.sub("", say(text, lang))
    return step if len(step) <= MOST_STEP else brief_step(step)[:MOST_STEP]


def _risk(note: Note, lang: str) -> str:
    return _WORDS[lang]["risk_simulated" if note.is_simulated else "risk"].format(money=note.money)


def _since(note: Note, lang: str, zone: ZoneInfo) -> str:
    words = _WORDS[lang]
    if not is_over(note) or note.at <= note.since:
        return words["since"].format(time=_time(note.since, zone))
    begin, end = (datetime.fromtimestamp(at / 1e9, UTC).astimezone(zone) for at in (note.since, note.at))
    same_day = begin.date() == end.date()
    return words["span"].format(
        begin=f"{begin:%m-%d %H:%M}", end=f"{end:%H:%M %Z}" if same_day else f"{end:%m-%d %H:%M %Z}"
    )


def _bots(bots: Sequence[str]) -> str:
    more = f" +{len(bots) - MOST_BOTS}" if len(bots) > MOST_BOTS else ""
    return ", ".join(map(plain, bots[:MOST_BOTS])) + more


def _time(time_ns: int, zone: ZoneInfo) -> str:
    moment = datetime.fromtimestamp(time_ns / 1e9, UTC).astimezone(zone)
    return f"{moment:%m-%d %H:%M %Z}"
