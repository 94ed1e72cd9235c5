"""The command line: thin commands over the same functions that Python callers use.

Heavy parts are imported inside the commands, so that `obs --help` and `obs run` start at once.
Exit codes: 0 fine, 1 findings (`check`), 2 usage or bad input, 3 sidecar unhealthy.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obs.commands.alert import app as alert
from obs.commands.backup import backup, restore
from obs.commands.export import export
from obs.commands.grafana import grafana
from obs.commands.search import search
from obs.commands.shell import Dir, Zone, configured, say, told
from obs.commands.status import status
from obs.commands.tail import tail

if TYPE_CHECKING:
    from obs.config import Effective, Settings
    from obs.snapshot import Issue, Snapshot

__all__ = ["app", "main"]

BAR_BYTES = 4_000_000
"""From this size on, reading shows a progress bar on a terminal."""

app = typer.Typer(
    name="obs",
    help="Tells you and your coding agent what your trading bot is doing, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Budget = Annotated[int | None, typer.Option(help="Most tokens of the page [2000].")]


def _tell_version(wanted: bool) -> None:
    if wanted:
        from obs import __version__

        typer.echo(f"obs {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    command: Annotated[list[str], typer.Argument(help="The program and its arguments, after `--`.")],
    directory: Dir = None,
    service: Annotated[str | None, typer.Option(help="Name of the bot [the program's name].")] = None,
    page: Annotated[bool, typer.Option("--page", help="Serve the live page too, and say where.")] = False,
) -> None:
    """Run a bot under watch; nothing in it changes. Exits with its exit code."""
    with told():
        from obs.spooling.sizes import quota_of
        from obs.supervisor import run as supervise

        settings = _settings_of_a_run(dir=directory, service=service)
        code = supervise(
            command,
            directory=settings.dir,
            service=settings.service or None,
            quota_bytes=quota_of(settings.spool_quota),
            page=page,
        )
    raise typer.Exit(code)


def _settings_of_a_run(**arguments: Any) -> Settings:
    """The settings in force; whatever is wrong with them, the bot runs."""
    from obs.config import ConfigError, Settings

    try:
        return configured(**arguments).settings
    except ConfigError as error:
        typer.echo(f"obs: {error}; the bot runs all the same, with the defaults", err=True)
        given = {
            "dir": os.environ.get("OBS_DIR"),
            **{key: value for key, value in arguments.items() if value},
        }
        return Settings(**{key: value for key, value in given.items() if value})


@app.command()
def up(
    files: Annotated[list[Path] | None, typer.Argument(help="Logs to take in as well; `-` is stdin.")] = None,
    directory: Dir = None,
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1 [8080].")] = None,
    grpc: Annotated[
        str | None, typer.Option(help="Take OpenTelemetry by gRPC too: `4317` or `127.0.0.1:4317` [no].")
    ] = None,
) -> None:
    """Run the sidecar: read the spool, write briefing and dashboard, serve /metrics and /health."""
    with told():
        from obs.api.serve import serve

        otlp = {"grpc": grpc} if grpc is not None else None

        def read() -> Settings:
            return configured(dir=directory, port=port, otlp=otlp).settings

        code = serve(read(), files or [], read=read)
    raise typer.Exit(code)


@app.command()
def brief(
    files: Annotated[list[Path] | None, typer.Argument(help="Logs to read; none: the running bots.")] = None,
    budget: Budget = None,
    since: Annotated[
        str | None, typer.Option(help="`last`, a duration (`30m`) or a time: tell what changed since.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="`md` or `json`.")] = "md",
    lang: Annotated[str | None, typer.Option(help="`en` or `ko` [en].")] = None,
    directory: Dir = None,
    zone: Zone = None,
    reader: Annotated[str, typer.Option(help="Whose cursor `--since last` uses.")] = "default",
    template: Annotated[
        str, typer.Option(help="`status`, `incident`, `handover`, `digest` or one of your own.")
    ] = "status",
    issue: Annotated[str, typer.Option(help="The issue of `--template incident` [the first].")] = "",
) -> None:
    """Print the briefing: what is wrong, since when, what money, what to do, what was left out."""
    with told():
        effective = configured(dir=directory, budget=budget, lang=lang, timezone=zone)
        if form not in ("md", "json"):
            raise ValueError(f"--format {form}: is unknown: use md or json")
        from obs import looking
        from obs.briefing import render

        snapshot = _analyzed(files, effective) if files else looking.current(effective.settings.dir)
        if form == "json":
            say(snapshot.to_json())
            return
        settings = effective.settings
        with looking.cursor(settings.dir, reader, since, snapshot, recorded=bool(files)) as before:
            say(
                render(
                    snapshot,
                    budget=settings.budget,
                    since=before,
                    lang=settings.lang,
                    templates=settings.templates,
                    template=template,
                    issue=issue,
                )
            )


app.command()(status)
app.command()(tail)
app.command()(search)


@app.command()
def show(
    ids: Annotated[
        list[str], typer.Argument(help="Issue (`I-1a2b3c`) or evidence (`a:247`), any unique prefix.")
    ],
    files: Annotated[list[Path] | None, typer.Option("--file", help="The logs the ids are of.")] = None,
    directory: Dir = None,
    zone: Zone = None,
) -> None:
    """Show an issue in full, or the record behind an evidence id."""
    with told():
        from obs import looking

        effective = configured(dir=directory, timezone=zone)
        snapshot = _analyzed(files, effective) if files else looking.current(effective.settings.dir)
        for wanted in ids:
            say(
                looking.shown(
                    snapshot,
                    wanted,
                    files or [],
                    effective.settings.timezone,
                    directory=None if files else effective.settings.dir,
                )
            )


@app.command()
def issues(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[show|resolve|archive|reopen|merge|split] [ID]...", help="None: list them."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", "--why", help="Why; `archive` wants one.")] = "",
    duration: Annotated[
        str | None,
        typer.Option("--for", help="Archive so long: `2h`, `7d`, `ever`, or until it gets `worse` [30d]."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Archive until this time.")] = None,
    by: Annotated[str, typer.Option(help="Who decides [the user].")] = "",
    every: Annotated[bool, typer.Option("--all", help="List symptoms and closed ones too.")] = False,
    directory: Dir = None,
) -> None:
    """List the issues, or decide on one: resolve it, archive it with a reason and an end, reopen it.

    `merge` makes one of several, the first named stays; `split` takes one out again, or all of the whole's.
    """
    with told():
        from obs import deciding, looking

        folder = configured(dir=directory).settings.dir
        snapshot = looking.current(folder)
        verb, *ids = arguments or ["list"]
        if verb == "list" and not ids:
            say("\n".join(deciding.listed(snapshot, every=every)))
            return
        if verb not in ("show", "merge", "split", *deciding.VERBS):
            verb, ids = "show", [verb, *ids]
        if not ids:
            raise ValueError(f"issues {verb}: name an issue, e.g. `obs issues {verb} I-1a2b3c`")
        if verb == "show":
            say("\n\n".join(looking.shown(snapshot, wanted, [], "UTC") for wanted in ids))
            return
        now = time.time_ns()
        expires = deciding.wakes_at(verb, duration, until, now)
        if verb == "merge":
            if len(ids) < 2:
                raise ValueError("issues merge: name the issue that stays, then those that become part of it")
            said = deciding.merge(folder, snapshot, ids[0], ids[1:], now=now, why=reason, by=by)
        elif verb == "split":
            said = deciding.split(folder, snapshot, ids, now=now, by=by)
        else:
            worse = duration == deciding.WORSE
            said = deciding.apply(
                folder, snapshot, verb, ids, now=now, why=reason, by=by, expires=expires, until_worse=worse
            )
        say("\n".join(said))


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Logs to read; none: the running bots.")] = None,
    severity: Annotated[str, typer.Option(help="Least severity that counts.")] = "error",
    packs: Annotated[
        list[Path] | None, typer.Option("--rules", help="Only try this rule pack, on the logs if any.")
    ] = None,
    directory: Dir = None,
    zone: Zone = None,
) -> None:
    """Exit with 1 when an open issue is at or above a severity; for CI and agents."""
    with told():
        if packs:
            from obs.rules.trial import tried

            for line in tried(packs, files or ()):
                say(line)
            raise typer.Exit

        from obs import looking
        from obs.snapshot import Health, IssueSeverity

        try:
            least = IssueSeverity(severity)
        except ValueError:
            words = ", ".join(IssueSeverity)
            raise ValueError(f"--severity {severity}: is unknown: use one of {words}") from None
        effective = configured(dir=directory, timezone=zone)
        snapshot = _analyzed(files, effective) if files else looking.current(effective.settings.dir)
        found = looking.open_issues(snapshot, least)
        if not snapshot.events:
            say("UNKNOWN: nothing was seen, so nothing is known to be well")
            raise typer.Exit(1)
        lines = list(map(_one_line, found)) or [f"no open issue at or above {least}"]
        if unknown := snapshot.health is Health.UNKNOWN:
            lines.append(f"UNKNOWN: {snapshot.health_reason}: nothing says that the bot is well")
        say("\n".join(lines))
    raise typer.Exit(1 if found or unknown else 0)


app.add_typer(alert, name="alert")
app.command()(export)
app.add_typer(grafana)
app.command()(backup)
app.command()(restore)


@app.command()
def config(directory: Dir = None) -> None:
    """Show every setting, its value and where it came from."""
    from obs.keeping.store_address import shown as address_shown

    with told():
        effective = configured(dir=directory)
        for name, origin in effective.origins.items():
            value = str(getattr(effective.settings, name))
            typer.echo(f"{name} = {address_shown(value) if name == 'store' else value}  ({origin})")


def main() -> None:
    """Run the command line."""
    # A reader that goes away (`obs brief | head`) is no fault of anybody.
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _analyzed(files: list[Path], effective: Effective) -> Snapshot:
    from obs import rules, sources
    from obs.analysis import analyze
    from obs.config import expectations

    settings = effective.settings
    paths = sources.expand([str(path) for path in files])
    with _progress(paths) as advance:
        ruleset = rules.load(settings.rules)
        return analyze(
            paths,
            timezone=settings.timezone,
            ruleset=ruleset,
            expected=expectations(settings),
            progress=advance,
        )


@contextmanager
def _progress(paths: list[Path]) -> Iterator[Callable[[int], None] | None]:
    total = sum(path.stat().st_size for path in paths if path.is_file())
    packed = any(path.suffix == ".gz" for path in paths)
    if total < (BAR_BYTES // 10 if packed else BAR_BYTES) or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda count: bar.advance(task, count)


def _one_line(issue: Issue) -> str:
    return f"{issue.id} {issue.severity} {issue.category} {issue.title} · {issue.count}×"


if __name__ == "__main__":
    main()
