"""Kinds of messages: which forms of a table are one template, and what the template is called."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from obs.mining.masks import canonical, form
from obs.mining.slots import Mined, mine
from obs.mining.table import BUCKET_DIGITS, FormFacts, FormTable, form_id

__all__ = ["Kinds", "Template", "given_form"]

# Where a value goes in a template that the program gave: `%s`, `%(name)-5.2f`, `{name!r:>8}`, `${name}`.
_PLACES = re.compile(
    r"%%|%(?:\([^)\s]{1,64}\))?[#0 +-]{0,3}(?:\d{1,4}|\*)?(?:\.\d{1,3})?[hlLqjzt]{0,2}[diouxXeEfFgGcrsa]"
    r"|\$?\{[^{}\s]{0,64}\}"
)


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of message: all the forms that differ only in values."""

    id: str
    text: str
    """What is always said, `*` where a value stands. Foreign text: quote it."""
    component: str = ""
    """The part of the program that says it."""
    count: int = 0
    first: int = 0
    """Unix ns of the earliest message; 0 when none carried a time."""
    last: int = 0
    severity: int = 0
    """The gravest it was logged at, as `obs.events.Severity`."""
    example: str = ""
    """Its earliest message, cut. Foreign text."""
    words: tuple[str, ...] = ()
    """Some words that stand where `*` is and do not look like values: what made several forms one."""
    forms: tuple[str, ...] = ()
    """Ids of its forms, the earliest seen first; each of them resolves to this template."""
    given: bool = False
    """The program told the template; nothing was mined."""

    @property
    def why(self) -> str:
        """Why these messages are one kind, in our words."""
        if self.given:
            return "the program says they are"
        if len(self.forms) == 1:
            return "the same words around their values"
        return f"{len(self.forms)} forms that differ only where values stand"


class Kinds:
    """The templates of a table as it was when this was made."""

    def __init__(self, table: FormTable) -> None:
        self._table = table
        mined = _mined(frozenset(facts.form for _, facts in table if not facts.given))
        self._words = mined.words
        given = _given(table)
        self._text: dict[str, tuple[str, str]] = {}
        self._largest: dict[str, tuple[str, str] | None] = {}
        self._members: dict[str, list[str]] = defaultdict(list)
        for identity, facts in table:
            name, text = identity, facts.form
            if not facts.given:
                text = mined.templates[text]
                name = given.get((facts.component, text)) or form_id(text, facts.component)
            self._text[identity] = (name, text)
            self._members[name].append(identity)
        # A template's own id stands for it; the text that the program gave is the better one.
        for name in self._members:
            own = table.get(name)
            text = own.form if own is not None and own.given else self._text[self._members[name][0]][1]
            self._text[name] = (name, text)

    def find(self, identity: str) -> tuple[str, str] | None:
        """Return id and text of the template of a form; None when nothing like it is kept."""
        found = self._text.get(identity)
        if found is None:
            return self._nearest(identity)
        return self._text[found[0]]

    def get(self, identity: str) -> Template | None:
        """Return the template of a form, with what the table counts by now."""
        found = self.find(identity)
        return self._template(found[0], self._members[found[0]]) if found is not None else None

    def templates(self) -> list[Template]:
        """Return all templates with what the table counts by now, the most frequent first."""
        made = [self._template(name, members) for name, members in self._members.items()]
        return sorted(made, key=lambda one: (-one.count, one.text, one.component, one.id))

    def _template(self, name: str, members: Iterable[str]) -> Template:
        seen = [(identity, facts) for identity in members if (facts := self._table.get(identity)) is not None]
        seen.sort(key=lambda pair: (pair[1].first, pair[0]))
        whole = FormFacts("")
        for _, facts in seen:
            whole.merge(facts)
        text = self._text[name][1]
        return Template(
            id=name,
            text=text,
            component=seen[0][1].component,
            count=whole.count,
            first=whole.first,
            last=whole.last,
            severity=whole.severity,
            example=whole.example,
            words=self._words.get(text, ()),
            forms=tuple(identity for identity, _ in seen),
            given=any(facts.given for _, facts in seen),
        )

    def _nearest(self, identity: str) -> tuple[str, str] | None:
        """What most forms of its bucket became: a form is only left out where there are many like it."""
        bucket = identity[:BUCKET_DIGITS]
        if bucket not in self._largest:
            forms: dict[tuple[str, str], int] = defaultdict(int)
            for beside, _ in self._table.beside(identity):
                if (found := self._text.get(beside)) is not None:
                    forms[self._text[found[0]]] += 1
            self._largest[bucket] = min(forms, key=lambda one: (-forms[one], one), default=None)
        return self._largest[bucket]


def given_form(template: str) -> str:
    """Return a template that the program gave with `*` where values go, as a mined one is written."""
    return canonical(_PLACES.sub(_place, template.lstrip().split("\n", 1)[0][:400]))


def _place(found: re.Match[str]) -> str:
    return "%" if found[0] == "%%" else "*"


def _given(table: FormTable) -> dict[tuple[str, str], str]:
    """Mined text -> id of the one given template that makes such messages: the two are one kind."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for identity, facts in table:
        if facts.given:
            found[facts.component, form(facts.form)].append(identity)
    return {key: ids[0] for key, ids in found.items() if len(ids) == 1}


@lru_cache(maxsize=4)
def _mined(forms: frozenset[str]) -> Mined:
    return mine(forms)
