"""Forms and how often each was seen: bounded memory that merges exactly.

Of each bucket (how many words, which one first) the forms of smallest hash stay, and of all buckets together
those below a level that is halved when they become too many. Both bounds are functions of the set of forms
ever seen: a form once out never returns, and any split of a stream, merged in any order, gives the same
table; forgetting the longest unused or the rarest would not. What is out is still counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

import msgspec

__all__ = ["BUCKET_DIGITS", "MAX_EXAMPLE", "FormFacts", "FormTable", "bucket_of", "form_id"]

BUCKET_FORMS = 64
"""Forms of one length and first word that are kept."""
MAX_FORMS = 4_096
"""Forms that are kept in all."""
MAX_EXAMPLE = 400
BUCKET_DIGITS = 6
HASH_BITS = 40
_FULL = 1 << HASH_BITS


class FormFacts(msgspec.Struct):
    """What is remembered of one form."""

    form: str
    """The masked text; of a given template that template, its places for values written as `*`."""
    component: str = ""
    """The part of the program that says it."""
    given: bool = False
    """The program told its template, so nothing had to be mined."""
    count: int = 0
    first: int = 0
    """Unix ns of the earliest; 0 when none carried a time."""
    last: int = 0
    severity: int = 0
    """The gravest it was logged at."""
    example_time: int = 0
    example: str = ""
    """The earliest message of this form, then the least by text; cut."""

    def add(self, time: int, severity: int, example: str) -> None:
        """Count one more message."""
        if not self.count or (time, example) < (self.example_time, self.example):
            self.example_time, self.example = time, example
        self.count += 1
        if severity > self.severity:
            self.severity = severity
        if time:
            if time > self.last:
                self.last = time
            if not self.first or time < self.first:
                self.first = time

    def merge(self, other: FormFacts) -> None:
        """Add what was seen elsewhere of the same form."""
        theirs = (other.example_time, other.example)
        if other.count and (not self.count or theirs < (self.example_time, self.example)):
            self.example_time, self.example = theirs
        self.count += other.count
        self.severity = max(self.severity, other.severity)
        self.last = max(self.last, other.last)
        self.first = min(self.first, other.first) if self.first and other.first else self.first or other.first


class FormTable(msgspec.Struct):
    """Forms by bucket and hash. A monoid: `merge` of two tables is the table of all their messages."""

    most: int = MAX_FORMS
    """Forms that are kept in all; the same in tables that are merged."""
    level: int = 0
    """How often the room for hashes was halved."""
    kept: int = 0
    checksum: int = 0
    """Of the ids of the kept forms: another when they are others."""
    buckets: dict[int, dict[int, FormFacts]] = {}
    evicted: int = 0
    """Messages whose form is not kept: counted here, and nothing else is known of them."""

    def add(
        self,
        form: str,
        *,
        component: str = "",
        given: bool = False,
        time: int = 0,
        severity: int = 0,
        example: str = "",
    ) -> str:
        """Count one message of a form.

        Args:
            form: What `obs.patterns.form` makes of the message, or the template that the program gave.
            component: The part of the program that said it; the same form elsewhere is another.
            given: The program gave the template.
            time: Unix ns; 0 when unknown.
            severity: As `obs.events.Severity`.
            example: The message.

        Returns:
            The id of the form, the same in every process for ever.
        """
        identity, bucket, number = _place(form, component, given)
        facts = self._facts(bucket, number, form, component, given)
        if facts is None:
            self.evicted += 1
        else:
            facts.add(time, severity, example[:MAX_EXAMPLE])
        return identity

    def _facts(self, bucket: int, number: int, form: str, component: str, given: bool) -> FormFacts | None:
        """Return the facts of a form, made when it is new; None when the bounds leave it out."""
        forms = self.buckets.get(bucket)
        if forms is not None:
            facts = forms.get(number)
            if facts is not None:
                return facts
            if len(forms) >= BUCKET_FORMS and number > max(forms):
                return None
        if number >= _FULL >> self.level:
            return None
        facts = FormFacts(form, component, given)
        self._put(bucket, number, facts)
        return facts if number < _FULL >> self.level else None

    def merge(self, other: FormTable) -> None:
        """Add all that another table has seen; their messages must be disjoint."""
        self.evicted += other.evicted
        while self.level < other.level:
            self._halve()
        for bucket, forms in other.buckets.items():
            for number, facts in forms.items():
                known = self.buckets.get(bucket, {}).get(number)
                if known is not None:
                    known.merge(facts)
                else:
                    self._put(bucket, number, msgspec.structs.replace(facts))

    def __iter__(self) -> Iterator[tuple[str, FormFacts]]:
        """Every kept form with its id."""
        for bucket, forms in self.buckets.items():
            for number, facts in forms.items():
                yield joined(bucket, number), facts

    def get(self, identity: str) -> FormFacts | None:
        """Return what is known of a form, None when it was never seen or is not kept."""
        bucket, number = split(identity)
        return self.buckets.get(bucket, {}).get(number)

    def beside(self, identity: str) -> Iterator[tuple[str, FormFacts]]:
        """The kept forms of the bucket in which a form is, or would be."""
        bucket, _ = split(identity)
        for number, facts in self.buckets.get(bucket, {}).items():
            yield joined(bucket, number), facts

    def _put(self, bucket: int, number: int, facts: FormFacts) -> None:
        if number >= _FULL >> self.level:
            self.evicted += facts.count
            return
        forms = self.buckets.setdefault(bucket, {})
        forms[number] = facts
        self.kept += 1
        self.checksum ^= bucket << HASH_BITS | number
        if len(forms) > BUCKET_FORMS:
            last = max(forms)
            self.evicted += forms.pop(last).count
            self.kept -= 1
            self.checksum ^= bucket << HASH_BITS | last
        while self.kept > self.most:
            self._halve()

    def _halve(self) -> None:
        self.level += 1
        limit = _FULL >> self.level
        kept: dict[int, dict[int, FormFacts]] = {}
        for bucket, forms in self.buckets.items():
            self.evicted += sum(facts.count for number, facts in forms.items() if number >= limit)
            if below := {number: facts for number, facts in forms.items() if number < limit}:
                kept[bucket] = below
        self.buckets = kept
        self.kept = sum(map(len, kept.values()))
        self.checksum = 0
        for bucket, forms in kept.items():
            for number in forms:
                self.checksum ^= bucket << HASH_BITS | number


def bucket_of(form: str) -> str:
    """Return what forms of one template have in common: how many words, and the first."""
    return f"{form.count(' ')} {form.partition(' ')[0]}"


def form_id(form: str, component: str = "", *, given: bool = False) -> str:
    """Return 16 hex digits that name a form: 6 of its bucket, 10 of its own."""
    kind = f"{component}\x1f{'given' if given else ''}\x1f"
    return f"{_digest(kind + bucket_of(form), BUCKET_DIGITS // 2)}{_digest(kind + form, HASH_BITS // 8)}"


@lru_cache(maxsize=8_192)
def _place(form: str, component: str, given: bool) -> tuple[str, int, int]:
    identity = form_id(form, component, given=given)
    return identity, *split(identity)


def split(identity: str) -> tuple[int, int]:
    """Return bucket and number of an id."""
    return int(identity[:BUCKET_DIGITS], 16), int(identity[BUCKET_DIGITS:], 16)


def joined(bucket: int, number: int) -> str:
    """Return the id of bucket and number."""
    return f"{bucket:06x}{number:010x}"


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=size).hexdigest()
