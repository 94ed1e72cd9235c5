"""`obs grafana export DIR`: dashboards, rules and configurations for Grafana, Prometheus and Alertmanager.

Light: files are copied, and the addresses in them are set; nothing of the sidecar is loaded.
"""

from __future__ import annotations

import re
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
FOR_READERS = ("dashboards", "provisioning")
"""Folders whose files name the sidecar as readers' browsers find it; the rest as programs do."""
ELSEWHERE = "# elsewhere: "
"""Before lines that hold only where a token is needed."""

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
    address: Annotated[
        str,
        typer.Option("--obs", help="Host and port at which Prometheus and Alertmanager find the sidecar."),
    ] = HERE,
    page: Annotated[
        str, typer.Option(help="Address at which browsers find it [http://HOST:PORT of --obs].")
    ] = "",
    runbooks: Annotated[
        str, typer.Option(help="Address under which your people read docs/operations.md.")
    ] = "",
    is_forced: Annotated[bool, typer.Option("--force", help="Write over files that differ.")] = False,
) -> None:
    """Write dashboards, rules, provisioning and a compose file into a folder."""
    with told():
        from obs.definitions import definitions

        place = _Place(address, page or f"http://{address}", runbooks)
        written = {path: place.set(path, text) for path, text in _files(definitions("grafana"), Path())}
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
        if not place.is_near:
            typer.echo(
                f"obs: {address} is elsewhere: put its tokens into {directory / 'secrets'} "
                "(read-token and token), see docs/operations.md"
            )


def _files(folder: Traversable, path: Path) -> Iterator[tuple[Path, str]]:
    for one in sorted(folder.iterdir(), key=lambda found: found.name):
        if one.is_dir():
            yield from _files(one, path / one.name)
        else:
            yield path / one.name, one.read_text(encoding="utf-8")


class _Place:
    """Where things are, put into the files in place of what they say."""

    def __init__(self, address: str, page: str, runbooks: str) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or "/" in host:
            raise ValueError(f"--obs {address}: is no host and port: write it as {HERE}")
        if not re.fullmatch(r"https?://[^\s\"'<>]+", page):
            raise ValueError(f"--page {page}: is no address: write it as http://{HERE}")
        self.is_near = host in ("127.0.0.1", "localhost", "[::1]")
        self._address, self._page, self._runbooks = address, page.rstrip("/"), runbooks

    def set(self, path: Path, text: str) -> str:
        """Return what a file says for this place."""
        if path.parts[0] in FOR_READERS:
            return text.replace(f"http://{HERE}", self._page)
        if not self.is_near:
            text = text.replace(ELSEWHERE, "")
        text = text.replace(HERE, self._address)
        # Also in the rules' cases, which tell the links word for word.
        return text.replace(f"{PAGE}#", f"{self._runbooks}#") if self._runbooks else text


def _differs(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") != text
