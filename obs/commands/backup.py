"""`obs backup` and `obs restore`: everything that is remembered, as one file, and back again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obs.commands.shell import Dir, configured, say, told

__all__ = ["backup", "restore"]


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; one of that name is replaced.")],
    directory: Dir = None,
) -> None:
    """Copy all that is stored into one file, verified; the sidecar may go on working."""
    with told():
        settings = configured(dir=directory).settings
        from obs.history import backup as copies

        if file.is_dir():
            raise ValueError(f"{file}: is a folder: name a file in it, e.g. {file / 'obs-backup.db'}")
        size = copies.backup(settings.store or settings.dir, file)
        say(f"{file}: {size:,} bytes, whole")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `obs backup` wrote.")],
    directory: Dir = None,
) -> None:
    """Bring a back-up back in place of what is stored; end the sidecar first."""
    with told():
        settings = configured(dir=directory).settings
        from obs.history import backup as copies
        from obs.keeping.store_address import shown

        if not file.is_file():
            raise ValueError(f"{file}: is not there: name a file that `obs backup` wrote")
        copies.restore(file, settings.store or settings.dir)
        kept = "" if settings.store else "; what it held before is in obs.db.before-restore"
        say(f"{shown(settings.store) or settings.dir} holds what {file} held{kept}")
