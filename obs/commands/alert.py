"""`obs alert`: try a channel, see what was sent, silence what is known."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from obs.commands.shell import Dir, configured, say, told

if TYPE_CHECKING:
    from obs.alerts.desk import Desk
    from obs.alerts.silencebook import Own
    from obs.config import Settings

__all__ = ["app"]

app = typer.Typer(help="Try a channel, see what was sent, silence what is known.", no_args_is_help=True)
LATEST = 20


@app.command("test")
def try_channel(
    channel: Annotated[str, typer.Argument(help="As `[alerts.channels]` names it.")], directory: Dir = None
) -> None:
    """Send a test message by a channel; exit with 1 when it was not taken."""
    with told():
        from obs.alerts.opening import channels_of
        from obs.alerts.wording import test_message

        settings = configured(dir=directory).settings
        makers = channels_of(settings)
        if channel not in makers:
            known = ", ".join(makers) or "none: write [alerts.channels] into obs.toml"
            raise ValueError(f"{channel}: no such channel: there are {known}")
        made = makers[channel]()
        title, text = test_message(channel, settings.lang)
        if made.form.is_sms:
            title, text = "", f"{title}. {text}"
        began = time.monotonic()
        receipt = made.send(title, text)
        took = time.monotonic() - began
        say(f"{channel} is {made.service or 'a service'}; sent: {title or text} ({took:.1f} s)")
        verdicts = {
            "taken": "took the message: look whether it is there",
            "again": "cannot be reached now",
            "refused": "refuses: mend its address",
            "unknown": "may have taken it or not",
        }
        say(f"{channel}: {verdicts[receipt.verdict]}" + (f" ({receipt.why})" if receipt.why else ""))
        if receipt.verdict == "taken":
            _works(settings, channel)
    raise typer.Exit(0 if receipt.verdict == "taken" else 1)


def _works(settings: Settings, channel: str) -> None:
    """Let a running sidecar know that a channel that failed works again."""
    from obs.alerts import FILE

    if (settings.dir.absolute() / FILE).exists():
        desk = _desk(settings)
        desk.channels.mended(channel, time.time_ns())
        desk.close()


@app.command()
def status(directory: Dir = None) -> None:
    """Show what waits, the newest messages and silences; exit with 1 when one of those messages failed."""
    with told():
        settings = configured(dir=directory).settings
        desk, now = _desk(settings), time.time_ns()
        latest = desk.latest(LATEST)
        for channel in desk.waiting_channels():
            for each in desk.waiting(channel):
                say(f"waiting {_time(each.since)} {channel}: {each.note.id} {each.note.title}")
        for sent in latest:
            why = f" ({sent.why})" if sent.why else ""
            say(
                f"{sent.state} {_time(sent.changed)} {sent.channel} message {sent.message}: {sent.title}{why}"
            )
        for name, standing in sorted(desk.channels.all().items()):
            state = f"fails since {_time(standing.failing)} ({standing.why})" if standing.failing else "works"
            lost = f", {standing.failed} failed, {standing.unknown} of unknown end"
            say(f"channel {name}: {state}; {standing.sent} sent{lost}")
        for silence in desk.silences.own(now):
            say(_silenced(silence))
        for foreign in desk.silences.foreign():
            if foreign.until > now:
                say(f"Alertmanager's silence {foreign.key[:8]}, until {_time(foreign.until)}")
        if not latest:
            say("no message was made yet")
        desk.close()
    raise typer.Exit(1 if any(sent.state in ("failed", "unknown") for sent in latest) else 0)


@app.command()
def silence(
    issue: Annotated[str | None, typer.Argument(help="Issue id: it is archived for that time.")] = None,
    bot: Annotated[str, typer.Option(help="Bots, as a glob.")] = "*",
    component: Annotated[str, typer.Option(help="Components, as a glob.")] = "*",
    severity: Annotated[str, typer.Option(help="Up to this severity.")] = "critical",
    duration: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 7d.")] = "2h",
    reason: Annotated[str, typer.Option(help="Why; needed.")] = "",
    end: Annotated[int | None, typer.Option(help="End the silence of this number instead.")] = None,
    directory: Dir = None,
) -> None:
    """Archive an issue, or all of some bots or components, until then, also those that come meanwhile."""
    with told():
        from obs.alerts.silencebook import Own
        from obs.looking import span_ns
        from obs.snapshot import IssueSeverity

        settings, now = configured(dir=directory).settings, time.time_ns()
        if end is None and not reason.strip():
            raise ValueError("--reason: is missing: nobody will know why it is silent")
        if end is not None:
            _end(settings, end)
            return
        until = now + span_ns(duration, option="--for")
        if issue is not None:
            _archive(settings.dir, issue, now, until, reason)
            return
        if severity not in list(IssueSeverity):
            raise ValueError(f"--severity {severity}: is unknown: use one of {', '.join(IssueSeverity)}")
        from obs.deciding import user

        desk = _desk(settings)
        wanted = Own(0, bot, component, severity, until, user(), reason.strip())
        made = wanted._replace(number=desk.silences.add(wanted))
        desk.close()
        say(_silenced(made))


def _end(settings: Settings, number: int) -> None:
    desk = _desk(settings)
    ended = desk.silences.end(number)
    desk.close()
    if not ended:
        raise ValueError(f"--end {number}: no such silence: `obs alert status` lists them")
    say(f"silence {number} ended")


def _archive(directory: Path, issue: str, now: int, until: int, reason: str) -> None:
    from obs import deciding, looking

    snapshot = looking.current(directory)
    for line in deciding.apply(directory, snapshot, "archive", [issue], now=now, why=reason, expires=until):
        say(line)


def _desk(settings: Settings) -> Desk:
    from obs.alerts.desk import Desk

    return Desk(settings.dir.absolute())


def _silenced(silence: Own) -> str:
    what = f"bots {silence.bot}, components {silence.component}, up to {silence.severity}"
    return (
        f"silence {silence.number}: {what}, until {_time(silence.until)}; "
        f"`obs alert silence --end {silence.number}` ends it"
    )


def _time(time_ns: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"
