"""Event rows as lines of a terminal: foreign text that cannot act on it, coloured where a person looks."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from obs.events import Severity, severity_of
from obs.quoting import quote
from obs.web.model import EventRow

__all__ = ["FORMS", "Printer"]

FORMS = ("text", "json")
STYLES = {
    Severity.FATAL: "bold red",
    Severity.ERROR: "red",
    Severity.WARN: "yellow",
    Severity.DEBUG: "dim",
    Severity.TRACE: "dim",
}


class Printer:
    """Prints rows as they come: coloured on a terminal, plain into a pipe, or as one JSON object a line."""

    def __init__(self, form: str, timezone: str) -> None:
        self._form = form
        self._zone = ZoneInfo(timezone)
        self._console = None
        if form == "text" and sys.stdout.isatty():
            from rich.console import Console

            self._console = Console(highlight=False, markup=False, soft_wrap=True)

    def print(self, rows: Iterable[EventRow]) -> None:
        """Print rows, and push them out at once."""
        for row in rows:
            self._line(row)
        sys.stdout.flush()

    def _line(self, row: EventRow) -> None:
        if self._form == "json":
            self._write(msgspec.json.encode(row).decode())
            return
        moment = self._moment(row.at)
        head = f"{moment} {_word(row.severity):5}"
        name = _visible(" ".join(part for part in (row.service, row.component) if part))
        text = _visible("".join(span.text for span in row.text))
        tail = " ".join(_visible(part) for part in (row.id, row.issue) if part)
        if self._console is None:
            self._write("  ".join(part for part in (head, name, text, tail) if part))
            return
        from rich.text import Text

        style = STYLES.get(severity_of(row.severity), "")
        line = Text.assemble(
            (moment, "dim"), " ", (f"{_word(row.severity):5}", style), "  ", (name, "cyan"), "  "
        )
        line.append(text, style)
        line.append(f"  {tail}", "dim")
        self._console.print(line)

    def _moment(self, at: int) -> str:
        if not at:
            return "-" * 23
        moment = datetime.fromtimestamp(at / 1_000, self._zone)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{at % 1_000:03d}"

    def _write(self, text: str) -> None:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")


def _word(severity: str) -> str:
    return severity if severity.isalpha() and len(severity) < 12 else "-"


def _visible(text: str) -> str:
    """The text with every control, bidi and invisible character escaped; quotes stay as they are."""
    if text.isascii() and text.isprintable():
        return text
    return quote(text)[1:-1].replace('\\"', '"').replace(":\\/\\/", "://")
