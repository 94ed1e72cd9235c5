"""What a message says: id, since when, what money, what first; from the same facts as the briefing.

Plain text, English or Korean. Titles and steps are our own words; names in them are validated identifiers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from obs.page.phrasebook import say
from obs.page.telling import brief_step, risk
from obs.quoting import plain
from obs.redaction import redact
from obs.snapshot import Issue, IssueSeverity

__all__ = ["Note", "instead", "message", "note_of", "repeated", "test_message"]

SHOWN = 8
"""Issues of which a message tells more than a count."""
MOST_TITLE = 120
_WORDS = {
    "en": {
        "new": "", "worse": "worse: ", "again": "back: ", "over": "over: ", "brief": "began and ended: ",
        "since": "since {time}", "times": "{n}×", "risk": "at risk {money}", "first": "First: {step}",
        "many": "{n} issues, worst {severity}: {title}", "more": "… and {n} more: `obs issues`",
        "look": "obs show {id}", "repeat": "Perhaps a repeat: whether this arrived before is not known.",
        "instead": "Sent here because channel {channel} failed.",
        "perhaps": "Sent here because it is not known whether channel {channel} took it.",
        "test_title": "obs: test of {channel}", "test": "This channel works; nothing is wrong.",
        "info": "info", "warning": "warning", "error": "ERROR", "critical": "CRITICAL",
    },
    "ko": {
        "new": "", "worse": "악화: ", "again": "재발: ", "over": "해결: ", "brief": "발생 후 해결: ",
        "since": "{time}부터", "times": "{n}회", "risk": "위험 금액 {money}", "first": "먼저: {step}",
        "many": "이슈 {n}건, 최고 {severity}: {title}", "more": "… 외 {n}건: `obs issues`",
        "look": "obs show {id}", "repeat": "중복일 수 있음: 앞서 도착했는지 알 수 없음.",
        "instead": "채널 {channel} 전송이 실패해 여기로 보냄.",
        "perhaps": "채널 {channel}이(가) 받았는지 알 수 없어 여기로 보냄.",
        "test_title": "obs: {channel} 시험", "test": "이 채널은 작동한다. 시험 메시지이며 문제는 없다.",
        "info": "정보", "warning": "경고", "error": "오류(ERROR)", "critical": "치명(CRITICAL)",
    },
}  # fmt: skip


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell of one issue."""

    issue: str
    """Fingerprint."""
    id: str
    kind: str
    """`new`, `worse`, `again`, `over`, or `brief`: over before it was told."""
    severity: IssueSeverity
    title: str
    """English; told in the reader's language."""
    bots: tuple[str, ...]
    since: int
    count: int
    money: str
    first: str


def note_of(issue: Issue, kind: str) -> Note:
    """Return what is told of an issue."""
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
    )


def message(notes: Sequence[Note], *, lang: str, zone: ZoneInfo) -> tuple[str, str]:
    """Return title and text of a message about one or many issues, the gravest first.

    Args:
        notes: What to tell; at least one.
        lang: `en` or `ko`.
        zone: Of the times.
    """
    words = _WORDS[lang]
    ordered = sorted(
        notes, key=lambda note: (-note.severity.rank, note.kind in ("over", "brief"), note.since)
    )
    worst = ordered[0]
    if len(ordered) == 1:
        return f"obs: {_headline(worst, lang)}"[:MOST_TITLE], _one(worst, lang, zone, with_step=True)
    head = words["many"].format(n=len(ordered), severity=words[worst.severity], title=say(worst.title, lang))
    parts = [
        f"{_headline(note, lang)}\n{_one(note, lang, zone, with_step=note is worst)}"
        for note in ordered[:SHOWN]
    ]
    if len(ordered) > SHOWN:
        parts.append(words["more"].format(n=len(ordered) - SHOWN))
    return redact(f"obs: {head}")[:MOST_TITLE], "\n\n".join(parts)


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


def _headline(note: Note, lang: str) -> str:
    words = _WORDS[lang]
    bots = ", ".join(map(plain, note.bots[:3])) + (", …" if len(note.bots) > 3 else "")
    text = f"{words[note.kind]}{words[note.severity]} · " + (f"{bots} · " if bots else "")
    return redact(text + say(note.title, lang))


def _one(note: Note, lang: str, zone: ZoneInfo, *, with_step: bool) -> str:
    words = _WORDS[lang]
    facts = [note.id]
    if note.since:
        moment = datetime.fromtimestamp(note.since / 1e9, UTC).astimezone(zone)
        facts.append(words["since"].format(time=f"{moment:%m-%d %H:%M %Z}"))
    if note.count > 1:
        facts.append(words["times"].format(n=f"{note.count:,}"))
    if note.money:
        facts.append(words["risk"].format(money=note.money))
    lines = [" · ".join(facts)]
    if with_step and note.first and note.kind not in ("over", "brief"):
        lines.append(words["first"].format(step=brief_step(say(note.first, lang))))
        lines.append(words["look"].format(id=note.id))
    return redact("\n".join(lines))
