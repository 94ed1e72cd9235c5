"""Copies of the store: made while it is in use, verified, pruned, and brought back.

A copy is a folder `20261120T151500Z` with every database of the store and a `manifest.json` that tells
sizes, digests and rows. It appears under its name only when it is whole: a kill leaves a folder that ends in
`.part`, which the next copy removes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from trading.store.database import NEWEST, StoreError
from trading.store.locks import locked

__all__ = ["Copy", "copies", "inspected", "restore", "save_copy", "verify"]

MANIFEST = "manifest.json"
PAGES = 1000
"""Copied at once; in between a writer gets its turn."""

_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")


class Copy(NamedTuple):
    """A whole copy."""

    path: Path
    made: str
    """ISO 8601, UTC."""
    files: Mapping[str, Mapping[str, Any]]
    """File name to `bytes`, `sha256`, `rows` (table to count) and `revision`."""

    @property
    def size(self) -> int:
        """All bytes."""
        return sum(int(file["bytes"]) for file in self.files.values())


def save_copy(store: Path, backups: Path, now: int, *, keep: int) -> tuple[Copy, list[Path]]:
    """Copy every database of the store; return the verified copy and the older ones that were removed.

    Args:
        store: Folder of the databases.
        backups: Folder that gets the copy as a folder of its own; owner-only.
        now: Unix ns; it gives the copy its name.
        keep: How many copies stay, this one included; 1 or more.

    Raises:
        StoreError: If there is nothing to copy, or a copy is not whole: then nothing older is removed.
    """
    files = sorted(store.glob("*.db"))
    if not files:
        raise StoreError(f"{store}: no database there. Run `trading daily` first, or mend [paths] store.")
    backups.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(backups / ".lock", "a back-up"):
        for left in backups.glob("*.part"):
            shutil.rmtree(left)
        made = datetime.fromtimestamp(now // 10**9, UTC)
        path = _free(backups, made.strftime("%Y%m%dT%H%M%SZ"))
        part = path.with_name(f"{path.name}.part")
        part.mkdir(mode=0o700)
        rows = {}
        for file in files:
            _copied(file, part / file.name)
            rows[file.name] = _looked_at(part / file.name)
        manifest = {"made": made.isoformat(), "files": rows}
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        (part / MANIFEST).chmod(0o600)
        part.rename(path)
        return Copy(path, made.isoformat(), rows), _pruned(backups, keep)


def copies(backups: Path) -> list[Copy]:
    """Return the copies in a folder, newest first; what is no copy is left out."""
    found = []
    paths = [path for path in backups.glob("*") if _NAME.fullmatch(path.name)] if backups.is_dir() else []
    for path in sorted(paths, key=_order, reverse=True):
        with contextlib.suppress(StoreError):
            found.append(_read(path))
    return found


def verify(path: Path) -> Copy:
    """Return a copy after looking at every byte of it.

    Raises:
        StoreError: If something is missing, changed or damaged; the message names it.
    """
    copy = _read(path)
    for name, said in copy.files.items():
        file = path / name
        if not file.is_file():
            raise StoreError(f"{file} is missing: this back-up is not whole. Take another one.")
        if _digest(file) != said["sha256"]:
            raise StoreError(f"{file} is not what was written: its digest differs. Take another back-up.")
        _looked_at(file)
    return copy


def restore(path: Path, store: Path, now: int) -> tuple[Copy, Path | None]:
    """Bring a copy back in place of what the store holds; return it, and where the old files are kept.

    Args:
        path: A folder that `save_copy` made.
        store: Folder of the databases. No daily run may be at work.
        now: Unix ns; names the folder of the old files.

    Raises:
        StoreError: If the copy is not whole, was made by a newer version, or a run is at work.
    """
    copy = verify(path)
    for name, file in copy.files.items():
        newest = {f"{kind}.db": revision for kind, revision in NEWEST.items()}.get(name)
        if newest is not None and str(file.get("revision") or "") > newest:
            raise StoreError(
                f"{path / name}: its tables are of revision {file['revision']}, this version knows {newest}. "
                "Install the version that wrote it."
            )
    store.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(store / "daily.lock", "a daily run"):
        stamp = datetime.fromtimestamp(now // 10**9, UTC).strftime("%Y%m%dT%H%M%SZ")
        kept = _free(store, f"before-restore-{stamp}")
        for name in copy.files:
            part = store / f".{name}.part"
            shutil.copyfile(path / name, part)
            part.chmod(0o600)
        old = [file for name in copy.files for file in store.glob(f"{name}*")]
        if old:
            kept.mkdir(mode=0o700)
        for present in old:
            present.rename(kept / present.name)
        for name in copy.files:
            (store / f".{name}.part").rename(store / name)
    return copy, kept if old else None


def inspected(path: Path) -> dict[str, Any]:
    """Return `bytes`, `revision`, `rows` and the `fault` of a database that may be in use; "" is sound."""
    try:
        return {**_looked_at(path, digest=False), "fault": ""}
    except StoreError as error:
        return {"bytes": path.stat().st_size, "revision": None, "rows": {}, "fault": str(error)}


def _copied(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new, pages=PAGES)
            # One file, without side files that a copy by hand would forget.
            new.execute("PRAGMA journal_mode=DELETE").fetchall()
    except sqlite3.Error as error:
        raise StoreError(f"{source}: cannot be copied ({error}). Make some space, or look at it.") from error


def _looked_at(path: Path, *, digest: bool = True) -> dict[str, Any]:
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            verdict = raw.execute("PRAGMA integrity_check(1)").fetchone()[0]
            broken = raw.execute("PRAGMA foreign_key_check").fetchone()
            names = raw.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
            ).fetchall()
            rows = {
                name: raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in sorted(names)
            }
            revision = None
            if "alembic_version" in rows:
                revision = (raw.execute("SELECT version_num FROM alembic_version").fetchone() or [None])[0]
    except sqlite3.Error as error:
        raise StoreError(f"{path}: no database ({error}). Take a back-up that is whole.") from error
    if verdict != "ok" or broken is not None:
        why = verdict if broken is None else f"a row of {broken[0]} hangs on nothing"
        raise StoreError(f"{path}: damaged ({why}). Take a back-up that is whole.")
    size = path.stat().st_size
    looked = {"bytes": size, "revision": revision, "rows": rows}
    return {**looked, "sha256": _digest(path)} if digest else looked


def _read(path: Path) -> Copy:
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return Copy(path, str(manifest["made"]), dict(manifest["files"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: no back-up of this store ({error}). Name a folder that `trading store backup` made."
        ) from error


def _pruned(backups: Path, keep: int) -> list[Path]:
    old = [copy.path for copy in copies(backups)[max(keep, 1) :]]
    for path in old:
        # Renamed first: a kill in the middle leaves no half copy under a copy's name.
        part = path.rename(path.with_name(f"{path.name}.part"))
        shutil.rmtree(part)
    return old


def _free(folder: Path, name: str) -> Path:
    path, number = folder / name, 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}"
    return path


def _order(path: Path) -> tuple[str, int]:
    stamp, _, number = path.name.partition("-")
    return stamp, int(number or 1)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
