"""`obs export`: what is known, as a file for other programs: JSON or a table in CSV.

Times are RFC 3339 in UTC, amounts are decimal text beside their currency. In CSV a foreign text that a
spreadsheet would take for a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from obs.commands.shell import Dir, chosen, configured, say, told

if TYPE_CHECKING:
    from obs.history.queries import History
    from obs.snapshot import Snapshot

__all__ = ["export"]

WHATS = ("snapshot", "trades", "llm", "events", "issues")
PAGE = 10_000
_TIMES = frozenset(("time", "entered", "closed", "first_seen", "last_seen", "until"))
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$")

Row = Mapping[str, Any]


def export(
    what: Annotated[
        str, typer.Option(help="`snapshot`, `trades`, `llm`, `events` or `issues`.")
    ] = "snapshot",
    form: Annotated[str, typer.Option("--format", help="`json` or `csv`.")] = "json",
    out: Annotated[Path | None, typer.Option(help="File to write [standard output].")] = None,
    since: Annotated[str, typer.Option(help="From then on: `30m`, `10:30` or a time.")] = "",
    until: Annotated[str, typer.Option(help="Before then.")] = "",
    directory: Dir = None,
) -> None:
    """Write what is known for other programs: the picture, trades, LLM calls, events or issues."""
    with told():
        chosen(what, "--what", *WHATS)
        chosen(form, "--format", "json", "csv")
        if what == "snapshot" and form == "csv":
            raise ValueError("--format csv: a snapshot is no table: use json, or --what issues")
        if what in ("snapshot", "issues") and (since or until):
            raise ValueError(f"--since, --until: {what} are of now: use them with trades, llm or events")
        settings = configured(dir=directory).settings
        text = _text(settings.dir, what, form, since, until)
        if out is None:
            say(text)
        else:
            _write(out, text)
            typer.echo(f"obs: wrote {out}, {out.stat().st_size:,} bytes", err=True)


def _text(directory: Path, what: str, form: str, since: str, until: str) -> str:
    from obs import looking
    from obs.commands.stored import history, span

    if what == "snapshot":
        return looking.current(directory).to_json()
    if what == "issues":
        rows = list(_issues(looking.current(directory)))
    else:
        first, last = span(since, until)
        with history(directory) as stored:
            rows = list(_stored(stored, what, first, last))
    if form == "csv":
        return _csv(rows, COLUMNS[what])
    return msgspec.json.encode([dict(row) for row in rows]).decode()


def _stored(stored: History, what: str, since: int | None, until: int | None) -> Iterator[Row]:
    if what == "events":
        yield from _events(stored, since, until)
        return

    def trades(before: int | None) -> list[dict[str, Any]]:
        return stored.trades(since=since, until=before, kind=None, limit=PAGE)

    def calls(before: int | None) -> list[dict[str, Any]]:
        return stored.llm_calls(since=since, until=before, limit=PAGE)

    for row in _paged(trades if what == "trades" else calls, until):
        yield {key: _moment(value) if key in _TIMES else value for key, value in row.items()}


def _paged(read: Callable[[int | None], list[dict[str, Any]]], until: int | None) -> Iterator[Row]:
    """All rows, page by page, the newest first; rows of the same instant at a page's edge come once."""
    seen: set[str] = set()
    while True:
        page = read(until)
        fresh = [row for row in page if row["uid"] not in seen]
        yield from fresh
        if len(page) < PAGE or not fresh:
            return
        until = page[-1]["time"] + 1
        seen = {row["uid"] for row in page if row["time"] == page[-1]["time"]}


def _events(stored: History, since: int | None, until: int | None) -> Iterator[Row]:
    before: int | None = None
    while True:
        page = stored.search(limit=PAGE, before_seq=before, since=since, until=until)
        for row in page:
            told: dict[str, Any] = msgspec.structs.asdict(row)
            told["severity"] = row.severity.name
            told["time"] = _moment(row.time)
            told["detail"] = msgspec.json.decode(row.detail) if row.detail else {}
            yield told
        if len(page) < PAGE:
            return
        before = page[-1].seq


def _issues(snapshot: Snapshot) -> Iterator[Row]:
    for issue in snapshot.issues:
        row = {name: getattr(issue, name) for name in COLUMNS["issues"]}
        yield {key: _moment(value) if key in _TIMES else value for key, value in row.items()}


def _moment(time_ns: int) -> str | None:
    from datetime import UTC, datetime

    if not time_ns:
        return None
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns // 1_000_000 % 1_000:03d}Z"


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    named = [*columns, *sorted({key for row in rows for key in row} - set(columns))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(named)
    writer.writerows([_cell(row.get(name)) for name in named] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if not isinstance(value, (int, float)) and _FORMULA.match(text) and not _NUMBER.match(text):
        return f"'{text}"
    return text.replace("\x00", "\\u0000")


def _write(out: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = out.with_name(f".{out.name}.part")
    try:
        # No translation of line ends: CSV brings its own.
        part.write_text(text, "utf-8", "backslashreplace", newline="")
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


COLUMNS = {
    "trades": ("time", "service", "kind", "trade", "symbol", "side", "quantity", "pnl", "fees", "currency"),
    "llm": ("time", "service", "agent", "provider", "model", "input_tokens", "output_tokens", "cost",
            "currency"),
    "events": ("seq", "id", "time", "severity", "service", "component", "event_name", "fingerprint", "body"),
    "issues": (
        "id", "severity", "status", "category", "title", "services", "component", "count", "first_seen",
        "last_seen", "money_at_risk", "fix_in", "rule", "fingerprint", "cause", "trend",
    ),
}  # fmt: skip
"""Columns that come first in CSV; the rest follow by name."""
