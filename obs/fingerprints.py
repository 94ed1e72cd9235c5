"""Which events are the same problem: explicit, exception and in-app frame, rule, form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from obs.events import Event
from obs.keeping.caching import SHARED
from obs.logs.tracebacks import Block, culprit, parse
from obs.patterns import form, given_form
from obs.quoting import function_name, plain

__all__ = ["Group", "by_event", "by_rule", "fingerprint_of", "form_of", "unwrapped"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_.][A-Za-z0-9]+)+")

SCOPE = ("host", "url_host", "port", "database", "module", "key", "channel")
"""Values of a match that make two problems of the same rule two issues: another host is another fault."""


class Group(msgspec.Struct, frozen=True):
    """The issue that an event belongs to, and why."""

    fingerprint: str
    rule: str = ""
    reason: str = ""
    """Why these records are one issue, in our words."""
    title: str = ""
    """A title for issues that no rule names."""
    category: str = ""
    form: str = ""
    """The form of the message, when it is what decided."""


def fingerprint_of(*parts: str) -> str:
    """Return 16 hex digits that stand for the parts, the same in every run and on every machine."""
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def by_rule(rule_id: str, values: Mapping[str, str], place: str = "") -> Group:
    """Group by a rule and, where the text names them, by the host or thing concerned.

    Args:
        rule_id: The rule that matched.
        values: What its pattern caught.
        place: File and function of the bot's own code, for rules about code.
    """
    scope = [values[key] for key in SCOPE if values.get(key)]
    if place:
        scope.append(place)
    about = f" about {' '.join(scope)}" if scope else ""
    return Group(
        fingerprint_of("rule", rule_id, *scope), rule_id, f"all records that rule {rule_id} names{about}"
    )


def by_event(event: Event) -> Group:
    """Group an event that no rule names: explicit fingerprint, then exception and frame, then the form."""
    explicit = event.attributes.get("fingerprint")
    if explicit:
        return Group(
            fingerprint_of("explicit", str(explicit)), reason=f"the bot set fingerprint {plain(explicit)}"
        )
    if event.exception is not None and event.exception.type:
        return _by_exception(event)
    text = event.template or event.body
    masked = form_of(event)
    logger = plain(event.component)
    # A structured log names its events with one word: the programmer's own name for what went wrong.
    named = f"Error `{text}`" if _NAME.fullmatch(text) else "Unknown error"
    return Group(
        fingerprint_of("form", logger, masked),
        reason=f"same message form from {logger or 'the program'}",
        title=f"{named} in {logger}" if logger else named,
        category="SYSTEM",
        form=masked,
    )


def form_of(event: Event) -> str:
    """Return what an event says apart from values: the template its program gave, else its text masked."""
    return given_form(event.template) if event.template else form(event.body)


def unwrapped(event: Event) -> tuple[Block, ...]:
    """Return the event's exceptions, the first cause first; parsed once for equal texts."""
    if event.exception is None or not event.exception.stacktrace:
        return ()
    return _parsed(event.exception.stacktrace)


@SHARED.cached_function("tracebacks", max_size=256, ttl=3_600)
def _parsed(stacktrace: str) -> tuple[Block, ...]:
    return parse(stacktrace)


def _by_exception(event: Event) -> Group:
    assert event.exception is not None
    blocks = unwrapped(event)
    root = blocks[0].type if blocks and blocks[0].type else event.exception.type
    frame = culprit(blocks)
    short = plain(root).rsplit(".", 1)[-1]
    speaker = plain(event.component)
    if frame is not None:
        place = f"{frame.file}:{frame.function}"
        # Code in no function is known by its file.
        nameless = frame.function == "<module>"
        where = plain(Path(frame.file).name) if nameless else function_name(frame.function)
        return Group(
            fingerprint_of("exception", short, place),
            reason=f"same exception {short} from the same function of the bot",
            title=f"{short} in `{where}`",
            category="CODE",
        )
    return Group(
        fingerprint_of("exception", short, speaker),
        reason=f"same exception {short} from {speaker or 'the program'}",
        title=f"{short} in {speaker}" if speaker else f"{short} raised",
        category="CODE" if "." not in root else "SYSTEM",
    )
