"""Secrets that the bot wrote into its log: what kind, how often, since when."""

from __future__ import annotations

from collections.abc import Iterator

from obs.fingerprints import fingerprint_of
from obs.issues import evidence_of
from obs.snapshot import Category, Issue, IssueSeverity, IssueStatus
from obs.state import State

__all__ = ["leaks"]

_ROTATE = (
    "[ask] Create a new key, switch the bot to it, then revoke the old one.",
    "[read] Which files and chats hold the lines; who could read them.",
    "[code] Keep headers, signed URLs and credentials out of error texts.",
)


_MOVE = (
    "[ask] Move the funds to a new wallet now: a seed phrase or private key cannot be revoked.",
    "[read] Which files and chats hold the lines; who could read them.",
    "[code] Keep keys out of log texts.",
)
_MESSENGERS = ("telegram", "discord", "slack", "webhook")


def _noun(kind: str) -> str:
    """What a reader calls it: the last word of a kind that is one, else `secret`."""
    nouns = ("key", "token", "password", "mnemonic", "signature", "cookie")
    return next((noun for noun in nouns if noun in kind), "secret")


def leaks(state: State) -> Iterator[Issue]:
    for joined, facts in sorted(state.leaks.items()):
        kind = joined.replace("+", ", ")
        wallet = any(word in kind for word in ("mnemonic", "seed", "private", "wallet"))
        grave = any(word in kind for word in ("key", "secret", "token", "password", "private", "mnemonic"))
        # With a messenger's token alone nobody reaches the exchange: what stops the bot comes first.
        messages = grave and all(any(word in one for word in _MESSENGERS) for one in joined.split("+"))
        gravest = IssueSeverity.ERROR if messages else IssueSeverity.CRITICAL
        yield Issue(
            fingerprint=(digest := fingerprint_of("leak", joined)),
            id=f"I-{digest[:6]}",
            rule="leak",
            category=Category.SYSTEM,
            severity=gravest if grave else IssueSeverity.WARNING,
            status=IssueStatus.ONGOING,
            component=min(facts.components, default=""),
            services=tuple(sorted(name for name in facts.services if name)),
            title=f"Secret in the log: {kind.replace('_', ' ')}",
            explanation=f"Masked here, not where the bot wrote it: treat the {_noun(kind)} as burnt.",
            fix_in="a person: rotate it; then code",
            actions=_MOVE if wallet else _ROTATE,
            do_not="paste the original line anywhere",
            expected_minutes=20,
            count=facts.seen.count,
            first_seen=facts.seen.first,
            last_seen=facts.seen.last,
            evidence=evidence_of(facts),
            grouped_by=f"masked secrets of kind {kind}, found in one line",
        )
