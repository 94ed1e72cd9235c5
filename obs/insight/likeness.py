"""Issues that no rule names, made one where their messages turn out to be one template.

While a stream is read, two messages are the same problem when their forms are equal. More is known when a
Snapshot is made: `user alice refused` and `user bob refused`, with enough others, are one kind. The issue
seen first lends its fingerprint, so that decisions about it hold when more forms join.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from obs.events import Severity
from obs.fingerprints import fingerprint_of
from obs.mining.kinds import Template
from obs.quoting import plain
from obs.snapshot import MessageKind
from obs.state import IssueFacts, State

__all__ = ["by_likeness", "message_kinds"]

MOST_KINDS = 20
"""Kinds of messages that a Snapshot lists as the most frequent, and as many again as the newest."""
SHOWN_WORDS = 4


def by_likeness(state: State, kinds: Iterable[Template]) -> State:
    """Return the state with issues of one template made one; itself when there are none.

    Args:
        state: The facts; not changed.
        kinds: What its `templates` turn out to be.
    """
    joined: dict[str, IssueFacts] = {}
    standing_for: dict[str, str] = {}
    for kind in kinds:
        found = [one for one in _fingerprints(kind, state) if one in state.issues]
        if len(found) < 2:
            continue
        first = min(found, key=lambda one: (state.issues[one].seen.first, one))
        joined[first] = _together(state, found, kind)
        standing_for.update(dict.fromkeys(found, first))
    if not joined:
        return state
    issues = {
        fingerprint: joined.get(fingerprint, facts)
        for fingerprint, facts in state.issues.items()
        if standing_for.get(fingerprint, fingerprint) == fingerprint
    }
    for fingerprint, facts in issues.items():
        if not standing_for.keys().isdisjoint(facts.causes):
            issues[fingerprint] = msgspec.structs.replace(facts, causes=_renamed(facts.causes, standing_for))
    return msgspec.structs.replace(state, issues=issues)


def message_kinds(kinds: Sequence[Template]) -> tuple[MessageKind, ...]:
    """Return the most frequent and the newest kinds of messages without a rule, the most frequent first."""
    newest = sorted(kinds, key=lambda kind: (-kind.first, kind.id))[:MOST_KINDS]
    chosen = {kind.id for kind in (*kinds[:MOST_KINDS], *newest)}
    return tuple(
        MessageKind(
            id=kind.id,
            text=kind.text,
            component=kind.component,
            severity=Severity(kind.severity).name,
            count=kind.count,
            first_seen=kind.first,
            last_seen=kind.last,
            example=kind.example,
            grouped_by=_why(kind),
        )
        for kind in kinds
        if kind.id in chosen
    )


def _fingerprints(kind: Template, state: State) -> list[str]:
    """The fingerprints that `obs.fingerprints.by_event` gives messages of this kind."""
    forms = [state.templates.get(identity) for identity in kind.forms]
    return list(
        dict.fromkeys(
            fingerprint_of("form", facts.component, facts.form) for facts in forms if facts is not None
        )
    )


def _together(state: State, fingerprints: Iterable[str], kind: Template) -> IssueFacts:
    whole = IssueFacts()
    for fingerprint in sorted(fingerprints):
        whole.merge(state.issues[fingerprint])
    whole.grouped_by = f"{_why(kind)}, from {kind.component or 'the program'}"
    return whole


def _why(kind: Template) -> str:
    words = [name for word in kind.words if (name := plain(word)) and "…" not in name][:SHOWN_WORDS]
    return f"{kind.why} ({', '.join(words)} …)" if words else kind.why


def _renamed(causes: Mapping[str, int], standing_for: Mapping[str, str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for fingerprint, count in causes.items():
        name = standing_for.get(fingerprint, fingerprint)
        counts[name] = counts.get(name, 0) + count
    return counts
