"""The store: `python -m trading store backup | check | restore | status`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trading.settings import TradingSettings

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    whats = parser.add_subparsers(dest="what", required=True)
    backup = whats.add_parser("backup", help="copy every database, also while it is in use, and verify it")
    backup.add_argument("--to", type=Path, metavar="FOLDER", help="where (default: [paths] backups)")
    backup.add_argument("--keep", type=_count, default=14, metavar="N", help="copies that stay (default: 14)")
    restore = whats.add_parser("restore", help="bring a copy back; the present files are kept beside")
    restore.add_argument("--into", type=Path, metavar="FOLDER", help="bring it there, not to [paths] store")
    check = whats.add_parser("check", help="look at every byte of a copy; exit code 1 when it is not whole")
    name = "its folder, its name, or `newest`"
    restore.add_argument("copy", metavar="COPY", help=name)
    check.add_argument("copy", metavar="COPY", nargs="?", default="newest", help=f"{name} (default)")
    for each in (restore, check):
        each.add_argument("--to", type=Path, metavar="FOLDER", help="where copies are, not [paths] backups")
    status = whats.add_parser("status", help="databases, rows, newest session, copies")
    status.add_argument("--to", type=Path, metavar="FOLDER", help="where copies are, not [paths] backups")
    for each in (backup, restore, check, status):
        each.add_argument("--config", type=Path, metavar="FILE", help="settings (default: trading.toml here)")


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit code."""
    from trading.settings import load_settings

    settings = load_settings(options.config)
    backups = options.to or settings.paths.backups
    if options.what == "backup":
        return _backup(settings, backups, options.keep)
    if options.what == "restore":
        return _restore(options.into or settings.paths.store, _found(backups, options.copy))
    if options.what == "check":
        return _check(_found(backups, options.copy))
    return _status(settings, backups)


def _backup(settings: TradingSettings, backups: Path, keep: int) -> int:
    from trading.store.copies import save_copy

    copy, removed = save_copy(settings.paths.store, backups, time.time_ns(), keep=keep)
    rows = sum(sum(file["rows"].values()) for file in copy.files.values())
    _say(f"{copy.path}: {len(copy.files)} databases, {rows} rows, {_size(copy.size)}, verified.")
    if removed:
        _say(f"Removed: {', '.join(path.name for path in removed)} (--keep {keep}).")
    return 0


def _found(backups: Path, name: str) -> Path:
    from trading.store.copies import copies
    from trading.store.database import StoreError

    if name != "newest":
        return Path(name) if Path(name).is_dir() else backups / name
    found = copies(backups)
    if not found:
        raise StoreError(f"{backups}: no back-up there. Name a folder with --to.")
    return found[0].path


def _restore(store: Path, path: Path) -> int:
    from trading.store.copies import restore

    copy, kept = restore(path, store, time.time_ns())
    _say(f"{path}: verified, and brought back to {store}: {', '.join(copy.files)}.")
    if kept is not None:
        _say(f"What stood there is in {kept}.")
    return 0


def _check(path: Path) -> int:
    from trading.store.copies import verify
    from trading.store.database import StoreError

    try:
        copy = verify(path)
    except StoreError as error:
        _say(str(error))
        return 1
    rows = sum(sum(file["rows"].values()) for file in copy.files.values())
    _say(f"{path}: whole. {len(copy.files)} databases, {rows} rows, {_size(copy.size)}, made {copy.made}.")
    return 0


def _status(settings: TradingSettings, backups: Path) -> int:
    from trading.store.copies import copies, inspected

    code, store = 0, settings.paths.store
    files = sorted(store.glob("*.db"))
    _say(f"Store {store}:" if files else f"Store {store}: empty; `trading daily` fills it.")
    for file in files:
        about = inspected(file)
        rows = ", ".join(f"{table} {count}" for table, count in about["rows"].items() if count)
        state = "sound" if not about["fault"] else f"DAMAGED ({about['fault']})"
        _say(f"  {file.name}: {_size(about['bytes'])}, {state}, revision {about['revision'] or '-'}; {rows}")
        code = max(code, int(bool(about["fault"])))
    made = copies(backups)
    newest = f"the newest {made[0].path.name}, {_size(made[0].size)}" if made else "none yet"
    _say(f"Copies in {backups}: {f'{len(made)}, ' if made else ''}{newest}.")
    return code


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: keep 1 or more")
    return int(text)


def _size(size: float) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
