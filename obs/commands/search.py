"""`obs search`: stored events by their words, the newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from obs.commands.shell import Dir, Zone, chosen, configured, severity, told

__all__ = ["search"]

MOST = 10_000


def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help='All must be there; `"a phrase"`, `word*`, `-word` for what must not. None: all.'
        ),
    ] = None,
    since: Annotated[str, typer.Option(help="From then on: `30m`, `10:30` or a time.")] = "",
    until: Annotated[str, typer.Option(help="Before then.")] = "",
    service: Annotated[str, typer.Option(help="Only of this bot.")] = "",
    component: Annotated[str, typer.Option(help="Only of this part.")] = "",
    least: Annotated[str, typer.Option("--severity", help="Only from this severity on, e.g. `warn`.")] = "",
    event: Annotated[str, typer.Option(help="Only this event word; `order.*` is a beginning.")] = "",
    issue: Annotated[str, typer.Option(help="Only of this issue: `I-1a2b3c`.")] = "",
    trace: Annotated[
        str, typer.Option(help="Only of this trace, the oldest first: log lines, spans, issues.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Most lines.")] = 50,
    form: Annotated[str, typer.Option("--format", help="`text` or `json`, one object a line.")] = "text",
    directory: Dir = None,
    zone: Zone = None,
) -> None:
    """Find stored events by their words, the newest first; those of a trace in order."""
    with told():
        chosen(form, "--format", "text", "json")
        lowest = severity(least)
        settings = configured(dir=directory, timezone=zone).settings
        from obs.commands.lines import Printer
        from obs.commands.stored import history, shown, span

        first, last = span(since, until)
        with history(settings.dir) as stored:
            found = stored.search(
                " ".join(words or ()),
                limit=limit,
                service=service or None,
                component=component or None,
                least_severity=lowest or 0,
                event_name=event or None,
                fingerprint=_fingerprint(issue),
                trace=_trace(trace),
                since=first,
                until=last,
            )
            kept = stored.coverage(since=first, until=last)
        Printer(form, settings.timezone).print(map(shown, found))
        _account(len(found), limit, kept.kept, kept.counted)


def _fingerprint(issue: str) -> str | None:
    if not issue:
        return None
    digits = issue.lower().removeprefix("i-")
    if len(digits) < 6 or any(digit not in "0123456789abcdef" for digit in digits):
        raise ValueError(f"--issue {issue}: is no id: take one from `obs issues`, e.g. I-1a2b3c")
    return digits


def _trace(text: str) -> str | None:
    if not text:
        return None
    digits = text.lower()
    if len(digits) != 32 or any(digit not in "0123456789abcdef" for digit in digits):
        raise ValueError(
            f"--trace {text}: is no trace id: write its 32 digits, as `--format json` shows them"
        )
    return digits


def _account(found: int, limit: int, kept: int, counted: int) -> None:
    """Say on stderr how much was looked through: an empty answer over a part is no proof of absence."""
    more = " (more with --limit)" if found == limit else ""
    part = f"; {counted - kept:,} more were counted, not kept word for word" if counted > kept else ""
    typer.echo(f"obs: {found:,} found{more} among {kept:,} stored events{part}", err=True)
