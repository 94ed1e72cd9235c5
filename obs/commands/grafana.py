"""`obs grafana export DIR`: dashboards, rules and configurations for Grafana, Prometheus and Alertmanager.

Light: files are copied, and the addresses in them are set; nothing of the sidecar is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from obs.commands.shell import told

__all__ = ["grafana"]

HERE = "127.0.0.1:8080"
"""Where a sidecar listens unless told otherwise, as the files name it."""
PAGE = "docs/operations.md"
"""How the rules name the runbooks."""

grafana = typer.Typer(
    name="grafana",
    help="Files for Grafana, Prometheus and Alertmanager.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@grafana.callback()
def _group() -> None:
    """Files for Grafana, Prometheus and Alertmanager."""


@grafana.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; made where missing.")],
    address: Annotated[str, typer.Option("--obs", help="Host and port of the sidecar.")] = HERE,
    runbooks: Annotated[
        str, typer.Option(help="Address under which your people read docs/operations.md.")
    ] = "",
    is_forced: Annotated[bool, typer.Option("--force", help="Write over files that differ.")] = False,
) -> None:
    """Write dashboards, rules, provisioning and a compose file into a folder."""
    with told():
        from obs.definitions import definitions

        written = {
            path: _set(text, address, runbooks) for path, text in _files(definitions("grafana"), Path())
        }
        changed = [path for path, text in written.items() if _differs(directory / path, text)]
        if changed and not is_forced:
            raise ValueError(
                f"{directory / changed[0]} is not as it would be written, and {len(changed) - 1} more: "
                "take another folder, or --force to write over them"
            )
        for path, text in written.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text, encoding="utf-8")
        typer.echo(f"obs: wrote {len(written)} files to {directory}; `docker compose up -d` there starts all")


def _files(folder: Traversable, path: Path) -> Iterator[tuple[Path, str]]:
    for one in sorted(folder.iterdir(), key=lambda found: found.name):
        if one.is_dir():
            yield from _files(one, path / one.name)
        else:
            yield path / one.name, one.read_text(encoding="utf-8")


def _set(text: str, address: str, runbooks: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise ValueError(f"--obs {address}: is no host and port: write it as {HERE}")
    text = text.replace(HERE, address)
    # Also in the rules' cases, which tell the links word for word.
    return text.replace(f"{PAGE}#", f"{runbooks}#") if runbooks else text


def _differs(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") != text
