"""Templates of free text: what a program says, apart from the values it says it of.

Two steps. While streaming, `form` masks what has the shape of a value; equal forms count together, and the id
of a form is the same in every process for ever. When somebody asks, the forms are compared with one another
and words that stand where values stand become `*` too: the template. So store what `add` gives, and `resolve`
it when reading: as more is seen, more forms turn out to be one template.
"""

from __future__ import annotations

import msgspec

from obs.mining.kinds import Kinds, Template, given_form
from obs.mining.masks import form
from obs.mining.table import FormTable

__all__ = ["Template", "TemplateMiner", "form", "given_form"]


class TemplateMiner:
    """Learns the templates of a stream of messages, in bounded memory, and merges with others.

    What it returns depends on the messages alone: not on order, nor on how they were split among miners.
    """

    def __init__(self, table: FormTable | None = None) -> None:
        self.table = table if table is not None else FormTable()
        self._kinds: Kinds | None = None
        self._version = (0, 0)

    def add(
        self, message: str, *, template: str = "", component: str = "", time: int = 0, severity: int = 0
    ) -> str:
        """Take in one message.

        Args:
            message: What was logged; its first line counts.
            template: The template where the program told it (`record.msg` with arguments, structlog's event).
            component: The part of the program that said it; the same form of another part is another kind.
            time: Unix ns; 0 when unknown.
            severity: As `obs.events.Severity`.

        Returns:
            The id of the message's form: 16 hex digits, the same in every process and for ever.
        """
        text = given_form(template) if template else form(message)
        return self.table.add(
            text, component=component, given=bool(template), time=time, severity=severity, example=message
        )

    def resolve(self, identity: str) -> str:
        """Return the id of the template that a form belongs to, by what is known now.

        After new forms came they are compared once more, some ms for a hundred: ask when reading, not for
        every line. The id of a form that the bounds left out gives what most of its kind became, else itself.
        """
        found = self._now().find(identity)
        return found[0] if found is not None else identity

    def template(self, identity: str) -> str:
        """Return the text of the template of a form or template id; `*` when nothing like it is kept."""
        found = self._now().find(identity)
        return found[1] if found is not None else "*"

    def templates(self) -> list[Template]:
        """Return all templates, the most frequent first."""
        return self._now().templates()

    def get(self, identity: str) -> Template | None:
        """Return all that is known of the template of a form or template id; None when it is not kept."""
        return self._now().get(identity)

    @property
    def evicted(self) -> int:
        """Messages of forms that the bounds left out: counted, nothing else is known of them."""
        return self.table.evicted

    def merge(self, other: TemplateMiner) -> None:
        """Add all that `other` has seen; their messages must be disjoint."""
        self.table.merge(other.table)

    def encode(self) -> bytes:
        """Return all that is remembered, as MessagePack."""
        return msgspec.msgpack.encode(self.table)

    @classmethod
    def decode(cls, data: bytes) -> TemplateMiner:
        """Read back what `encode` wrote.

        Raises:
            msgspec.ValidationError: If the bytes are of another version.
        """
        return cls(msgspec.msgpack.decode(data, type=FormTable))

    def _now(self) -> Kinds:
        table = self.table
        version = (table.kept, table.checksum)
        if self._kinds is None or version != self._version:
            self._kinds, self._version = Kinds(table), version
        return self._kinds
