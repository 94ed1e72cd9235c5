"""Kill the reader or the writer of a spool again and again, then judge: nothing lost, nothing twice.

Faults 16 and 23. `python -m tests.spool.killing reader 200` and `… writer 200` run the long loops; the tests
run short ones. The judge reads what survived in the reader's database, written in one transaction with its
checkpoint, and a ledger that the victim cannot change any more once it is dead.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from obs.spool import SpoolWriter
from obs.spool_reader import SpoolReader
from tests.spool.spooling import REPO, is_true, line, words, writer

ROOM = 256 * 1024


class Verdict(NamedTuple):
    """What a loop of kills did."""

    kills: int
    acknowledged: int
    """Lines whose write had returned True."""
    delivered: int
    lost: int
    """Acknowledged, and never delivered."""
    doubled: int
    false: int
    """Delivered with a text that was not written under that number."""
    said_lost: int
    """Losses that the reader stated."""
    slowest_start_seconds: float


def kill_readers(folder: Path, kills: int, *, per_second: int = 5_000) -> Verdict:
    """Kill the reader `kills` times while a writer goes on, then let it finish."""
    chance = random.Random(kills)
    source = _start("write_paced", folder, per_second)
    slowest = 0.0
    for _ in range(kills):
        victim = _start("read_on", folder)
        began = time.monotonic()
        _wait_for_word(victim)
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(chance.uniform(0, 0.08))
        _kill(victim)
    source.send_signal(signal.SIGTERM)
    source.wait(timeout=30)
    if source.stdout is not None:
        source.stdout.close()
    return _judge(folder, kills, slowest)


def kill_writers(folder: Path, kills: int) -> Verdict:
    """Kill one writer after the other in full flight while one reader goes on, then let it finish."""
    chance = random.Random(kills)
    reader = _start("read_on", folder)
    _wait_for_word(reader)
    for _ in range(kills):
        victim = _start("write_flat_out", folder)
        _wait_for_word(victim)
        time.sleep(chance.uniform(0, 0.03))
        _kill(victim)
    _kill(reader)
    return _judge(folder, kills, 0.0)


def write_paced(folder: Path, per_second: str) -> None:
    """Write until SIGTERM; the ledger says at the end how many there are."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    made = writer(folder / "spool", room=ROOM)
    written = 0
    while not stopped:
        for _ in range(int(per_second) // 200):
            written += 1
            assert _write(made, written), made.fault
        made.set_counters({"emitted": written})
        time.sleep(0.005)
    made.close()
    _say_acknowledged(folder, made.process, written)


def write_flat_out(folder: Path) -> None:
    """Write without end; each hundred is said to the ledger after it was acknowledged."""
    made = writer(folder / "spool", room=ROOM)
    print("up", flush=True)
    written = 0
    while True:
        for _ in range(100):
            written += 1
            assert _write(made, written), made.fault
        _say_acknowledged(folder, made.process, written)


def _write(made: SpoolWriter, number: int) -> bool:
    """Write a line; each tenth is first said as last words, and the kill may come between the two."""
    if number % 10 == 0:
        made.write(words(number, length=150))
    return made.write(line(number, length=150))


def read_on(folder: Path) -> None:
    """Read for ever, as the sidecar does: lines and checkpoint in one transaction, then release."""
    store = _store(folder)
    row = store.execute("SELECT checkpoint FROM state").fetchone()
    reader = SpoolReader(folder / "spool", json.loads(row[0]) if row else None)
    print("up", flush=True)
    while True:
        if not read_once(store, reader):
            time.sleep(0.005)


def read_once(store: sqlite3.Connection, reader: SpoolReader, limit: int = 2_000) -> bool:
    batch = reader.poll(limit)
    with store:
        rows = [(entry.process, entry.seq, is_true(entry)) for entry in batch.lines]
        store.executemany("INSERT INTO lines VALUES (?, ?, ?)", rows)
        store.executemany(
            "INSERT INTO losses VALUES (?, ?)", [(loss.reason, loss.count) for loss in batch.losses]
        )
        store.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (json.dumps(batch.checkpoint),))
    reader.release(batch.checkpoint)
    return not batch.is_empty


def _store(folder: Path) -> sqlite3.Connection:
    store = sqlite3.connect(folder / "read.db", isolation_level="DEFERRED")
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=NORMAL")
    store.execute("CREATE TABLE IF NOT EXISTS lines (process TEXT, seq INTEGER, is_true INTEGER)")
    store.execute("CREATE TABLE IF NOT EXISTS losses (reason TEXT, number INTEGER)")
    store.execute("CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, checkpoint TEXT)")
    return store


def _judge(folder: Path, kills: int, slowest: float) -> Verdict:
    store = _store(folder)
    row = store.execute("SELECT checkpoint FROM state").fetchone()
    reader = SpoolReader(folder / "spool", json.loads(row[0]) if row else None)
    while read_once(store, reader):
        pass
    reader.close()
    acknowledged: dict[str, int] = {}
    for entry in (folder / "ledger").read_text().splitlines():
        process, number = entry.split()
        acknowledged[process] = int(number)
    came = Counter((process, seq) for process, seq in store.execute("SELECT process, seq FROM lines"))
    lost = sum(
        (process, seq) not in came for process, last in acknowledged.items() for seq in range(1, last + 1)
    )
    [false] = store.execute("SELECT count(*) FROM lines WHERE NOT is_true").fetchone()
    [said] = store.execute("SELECT coalesce(sum(number), 0) FROM losses WHERE reason != 'torn'").fetchone()
    store.close()
    doubled = sum(count - 1 for count in came.values())
    return Verdict(kills, sum(acknowledged.values()), len(came), lost, doubled, false, said, slowest)


def _say_acknowledged(folder: Path, process: str, number: int) -> None:
    ledger = os.open(folder / "ledger", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(ledger, f"{process} {number}\n".encode())
    os.close(ledger)


def _start(part: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.spool.killing", part, *map(str, arguments)]
    return subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True)


def _wait_for_word(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(timeout=30)
    if process.stdout is not None:
        process.stdout.close()


def main(part: str, *arguments: str) -> int:
    """Run a part of the loop, or a whole one and print its verdict; 1 when anything was lost or doubled."""
    parts = {"write_paced": write_paced, "write_flat_out": write_flat_out, "read_on": read_on}
    if part in parts:
        parts[part](Path(arguments[0]), *arguments[1:])  # type: ignore[operator]
        return 0
    with tempfile.TemporaryDirectory() as folder:
        loop = {"reader": kill_readers, "writer": kill_writers}[part]
        verdict = loop(Path(folder), int(arguments[0]))
    print(verdict)
    return int(bool(verdict.lost or verdict.doubled or verdict.false))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
