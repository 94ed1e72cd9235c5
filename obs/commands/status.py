"""`obs status`: the verdict, the bots, the money and the observer itself, as a table or as JSON.

The words are those of the live page, made of the same picture. Exit code 3 says that nobody watches, or that
the sidecar cannot do its work: what is shown is then only what was recorded.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from obs.commands.shell import UNHEALTHY, Dir, chosen, configured, say, told

if TYPE_CHECKING:
    from rich.console import Console

    from obs.snapshot import Snapshot
    from obs.web.model import Page, Rich

__all__ = ["Sidecar", "status"]

COLOURS = {"critical": "red", "error": "red", "warning": "yellow", "ok": "green", "unknown": "dim"}


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """How the watching process is."""

    is_running: bool
    is_healthy: bool
    pid: int | None = None
    url: str = ""
    """Where it listens; empty when it serves no HTTP."""
    grpc: str = ""
    """Where it takes OpenTelemetry in by gRPC; empty: nowhere."""
    fault: str = ""
    """What keeps it from its work, in words."""


def status(
    form: Annotated[str, typer.Option("--format", help="`text` or `json`.")] = "text",
    lang: Annotated[str | None, typer.Option(help="`en` or `ko` [en].")] = None,
    directory: Dir = None,
) -> None:
    """Show verdict, bots, money, components and the observer; exit with 3 when nobody watches."""
    with told():
        chosen(form, "--format", "text", "json")
        settings = configured(dir=directory, lang=lang).settings
        from obs import looking
        from obs.web.page import page

        snapshot = looking.current(settings.dir)
        sidecar = _sidecar(settings.dir)
        shown = page(snapshot, lang=settings.lang, zone=settings.timezone)
        if form == "json":
            say(_json(sidecar, snapshot, shown))
        else:
            _print(sidecar, snapshot, shown, settings.dir)
    raise typer.Exit(0 if sidecar.is_healthy else UNHEALTHY)


def _sidecar(directory: Path) -> Sidecar:
    from obs.keeping.presence import running_pid
    from obs.keeping.whereabouts import hearing_grpc_at, listening_at

    pid = running_pid(directory)
    if pid is None:
        return Sidecar(
            is_running=False, is_healthy=False, fault="no sidecar is running here (`obs up` starts it)"
        )
    url = listening_at(directory)
    fault = ""
    if url:
        from obs.commands.remote import health

        fault = health(url)
    return Sidecar(
        is_running=True,
        is_healthy=not fault,
        pid=pid,
        url=url,
        grpc=hearing_grpc_at(directory),
        fault=fault,
    )


def _json(sidecar: Sidecar, snapshot: Snapshot, shown: Page) -> str:
    body = {
        "sidecar": sidecar,
        "taken_at": shown.taken_at,
        "health": snapshot.health,
        "health_reason": snapshot.health_reason,
        "health_score": snapshot.health_score,
        "verdict": shown.verdict,
        "figures": shown.figures,
        "exposure": shown.exposure,
        "bots": shown.bots,
        "components": snapshot.components,
        "events": snapshot.events,
        "losses": snapshot.losses,
        "money": snapshot.money,
    }
    return msgspec.json.encode(body).decode()


def _print(sidecar: Sidecar, snapshot: Snapshot, shown: Page, directory: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False)
    verdict = shown.verdict
    colour = COLOURS[verdict.mark.value]
    console.print(Text.assemble((verdict.word, f"bold {colour}"), " ", (verdict.subject, "bold")))
    if text := _said(verdict.text, shown.taken_at, shown.lang):
        console.print(text)
    _print_money(console, shown)
    _print_bots(console, shown)
    _print_components(console, snapshot)
    for fact in shown.observer.facts:
        detail = _said(fact.detail, shown.taken_at, shown.lang)
        value = _said(fact.value, shown.taken_at, shown.lang)
        console.print(f"{fact.label}: {value}{f' ({detail})' if detail else ''}")
    if sidecar.is_running:
        beside = f", OpenTelemetry by gRPC at {sidecar.grpc}" if sidecar.grpc else ""
        console.print(f"sidecar {sidecar.pid} watches {directory} {sidecar.url}".rstrip() + beside)
    if sidecar.fault:
        console.print(Text(sidecar.fault, "bold red"))


def _print_money(console: Console, shown: Page) -> None:
    from rich.table import Table

    if not shown.figures:
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for figure in shown.figures:
        table.add_row(
            figure.label,
            f"{figure.amount.text} {figure.amount.currency}".rstrip(),
            _said(figure.more, shown.taken_at, shown.lang),
            style=COLOURS[figure.mark.value] if figure.mark else "",
        )
    for bar in shown.exposure:
        table.add_row(bar.currency, ", ".join(f"{part.amount.text} {part.label}" for part in bar.parts), "")
    console.print(table)


def _print_bots(console: Console, shown: Page) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if not shown.bots:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    beats = {row.bot: row for row in shown.rhythm.rows}
    headings = [heading for _, heading in shown.rhythm.stages]
    for heading in ("bot", "", *headings):
        table.add_column(heading)
    for bot in shown.bots:
        row = beats.get(bot.name)
        cells = (
            [
                _said(cell.label, shown.taken_at, shown.lang) or _beat(cell.last, cell.every, shown)
                for cell in row.cells
            ]
            if row is not None
            else ["" for _ in headings]
        )
        table.add_row(bot.name, bot.mode or bot.mark.value, *cells, style=COLOURS[bot.mark.value])
    console.print(table)


def _print_components(console: Console, snapshot: Snapshot) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from obs.quoting import plain

    table = Table(title=f"{snapshot.health} · score {snapshot.health_score}", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("component", "health", "last seen", "cadence", "reason"):
        table.add_column(heading)
    now = time.time_ns()
    order = sorted(snapshot.components.items(), key=lambda item: (-item[1].status.rank, item[0]))
    for name, part in order:
        table.add_row(plain(name), str(part.status), _ago(part.last_seen, now), part.cadence, part.reason)
    console.print(table)


def _beat(last: int, every: str, shown: Page) -> str:
    from obs.web.numbers import length

    age = length((shown.taken_at - last) * 1_000_000, shown.lang) if last else ""
    return f"{age} {every}".strip()


def _ago(time_ns: int, now: int) -> str:
    from obs.web.numbers import length

    return f"{length(now - time_ns)} ago" if time_ns else ""


def _said(rich: Rich, now: int, lang: str) -> str:
    """A sentence of the page as plain text: ages and clock times as they are now."""
    from datetime import UTC, datetime

    from obs.web.numbers import length

    said = []
    for span in rich:
        if span.since or span.until:
            distance = now - span.since if span.since else span.until - now
            said.append(length(distance * 1_000_000, lang))
        elif span.clock:
            said.append(f"{datetime.fromtimestamp(span.clock / 1_000, UTC):%H:%M} UTC")
        else:
            said.append(span.text)
    return "".join(said)
