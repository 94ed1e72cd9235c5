"""The loop of kills and the judgement after it; `python -m tests.soak` is the command."""

from __future__ import annotations

import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from obs.keeping.presence import wait_processed
from obs.keeping.store import Store
from obs.state import State
from tests.soak.books import judge
from tests.soak.bot import ENTRY, WARNING
from tests.soak.sidecar import PROGRESS, Life

REPO = Path(__file__).resolve().parents[2]
BACK_SECONDS = 2.0
"""Within which a sidecar has to fold a record that was logged after its start."""
LIFE_SECONDS = 2 * BACK_SECONDS
"""Longest life of a sidecar that is killed."""
SETTLE_SECONDS = 60.0


@dataclass
class Outcome:
    """What a soak has shown."""

    sidecar_kills: int = 0
    bot_kills: int = 0
    owed: int = 0
    owed_warnings: int = 0
    trades: int = 0
    """Trades in the store, each as the bot closed it."""
    calls: int = 0
    issues: int = 0
    """Occurrences of the bot's one issue."""
    folded: int = 0
    lost_with_bot: int = 0
    """INFO records that died with their process before they were in the spool: allowed, and counted."""
    back: list[float] = field(default_factory=list)
    """Seconds from each start of the sidecar to the first record that was logged after it."""
    violations: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return the one line."""
        back = (
            f"{statistics.median(self.back):.2f} s (worst {max(self.back):.2f} s)"
            if self.back
            else "not seen"
        )
        verdict = "; ".join(self.violations) or "0 lost, 0 doubled, 0 damaged, 0 invented"
        return (
            f"soak {'FAILED' if self.violations else 'ok'}: {self.sidecar_kills} kills of the sidecar,"
            f" {self.bot_kills} of the bot; {self.folded:,} of {self.owed:,} records folded"
            f" ({self.owed_warnings:,} warnings owed, {self.lost_with_bot:,} INFO died with their process);"
            f" {self.trades:,} trades, {self.calls:,} calls and {self.issues:,} faults stored, sums exact;"
            f" first new event after {back}; {verdict}"
        )


class Soak:
    """One run: its folder, its victims, its ledgers."""

    def __init__(
        self,
        kills: int,
        target: str,
        *,
        rate: float,
        seed: int,
        back_seconds: float,
        life_seconds: float = LIFE_SECONDS,
    ) -> None:
        self._kills, self._target, self._rate = kills, target, rate
        self._random = random.Random(seed)
        self._back_seconds, self._life_seconds = back_seconds, life_seconds
        self._lives: list[str] = []
        self._bot_may_end = threading.Event()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Kill and restart as often as asked, then let everything settle, and judge."""
        with tempfile.TemporaryDirectory(prefix="obs-soak-") as folder:
            self._folder = Path(folder)
            self._directory = self._folder / ".obs"
            bots = threading.Thread(target=self._kill_bots)
            bots.start()
            try:
                self._kill_sidecars(bots)
            finally:
                self._bot_may_end.set()
                bots.join()
            self._judge()
        return self.outcome

    def _kill_sidecars(self, bots: threading.Thread) -> None:
        """Start, let live for a random while, kill; the last one settles what is left."""
        for _ in range(self._kills if self._target in ("sidecar", "both") else 0):
            with self._sidecar() as (victim, began):
                self._watch(victim, began, self._random.uniform(0.05, self._life_seconds))
            self.outcome.sidecar_kills += 1
        with self._sidecar() as (victim, began):
            self._watch(victim, began, SETTLE_SECONDS, until_back=True)
            self._bot_may_end.set()
            bots.join()
            if not wait_processed(self._directory, SETTLE_SECONDS):
                self.outcome.violations.append("the last sidecar did not catch up")
            victim.send_signal(signal.SIGTERM)
            if victim.wait(SETTLE_SECONDS) != 0:
                self.outcome.violations.append(f"the last sidecar ended with {victim.returncode}")

    def _sidecar(self) -> AbstractContextManager[tuple[subprocess.Popen[bytes], int]]:
        return _victim("tests.soak.sidecar", self._directory, self._folder / "progress")

    def _watch(
        self, victim: subprocess.Popen[bytes], began: int, seconds: float, *, until_back: bool = False
    ) -> None:
        """Let it live for `seconds`; note when it folded the first record that was logged after `began`."""
        deadline = time.monotonic() + seconds
        is_back = False
        while time.monotonic() < deadline and not (is_back and until_back):
            if victim.poll() is not None:
                self.outcome.violations.append(f"a sidecar ended by itself with {victim.returncode}")
                return
            if not is_back and self._newest() >= began:
                is_back = True
                self.outcome.back.append((time.time_ns() - began) / 1e9)
            time.sleep(0.005)
        if until_back and not is_back:
            self.outcome.violations.append("the last sidecar never folded a new record")

    def _newest(self) -> int:
        try:
            data = (self._folder / "progress").read_bytes()
        except OSError:
            return 0
        return int(PROGRESS.unpack(data)[0]) if len(data) == PROGRESS.size else 0

    def _kill_bots(self) -> None:
        for _ in range(self._kills if self._target in ("bot", "both") else 0):
            with self._bot():
                self._wait_for_records()
                time.sleep(self._random.uniform(0.0, 0.8))
            self.outcome.bot_kills += 1
        with self._bot() as (victim, _):
            self._wait_for_records()
            self._bot_may_end.wait()
            victim.send_signal(signal.SIGTERM)
            if victim.wait(SETTLE_SECONDS) != 0:
                self.outcome.violations.append(f"the bot ended with {victim.returncode}")

    def _bot(self) -> AbstractContextManager[tuple[subprocess.Popen[bytes], int]]:
        life = f"life{len(self._lives):04d}"
        self._lives.append(life)
        return _victim("tests.soak.bot", self._directory, self._folder / life, life, self._rate)

    def _wait_for_records(self) -> None:
        ledger = self._folder / self._lives[-1]
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and not (ledger.exists() and ledger.stat().st_size):
            time.sleep(0.005)

    def _judge(self) -> None:
        with Store(self._directory / "obs.db") as store:
            saved = store.load()
        lives = msgspec.json.decode(saved.notes.get("soak", "{}"), type=dict[str, Life])
        came = {
            name: {number for first, last in life.numbers for number in range(first, last + 1)}
            for name, life in lives.items()
        }
        for number, name in enumerate(self._lives):
            self._judge_life(name, lives.get(name, Life()), was_killed=number < self.outcome.bot_kills)
        counted: dict[str, int] = {}
        for life in lives.values():
            for severity, count in life.by_severity.items():
                counted[severity] = counted.get(severity, 0) + count
        # At the first start the bot is only starting too, and the store is made: it is not a restart.
        late = [seconds for seconds in self.outcome.back[1:] if seconds > self._back_seconds]
        if late:
            self.outcome.violations.append(f"{len(late)} starts took over {self._back_seconds} s to be back")
        state = State.decode(saved.state) if saved.state is not None else State()
        stored = judge(self._directory / "obs.db", came, state)
        self.outcome.violations += stored.violations
        self.outcome.trades, self.outcome.calls = stored.trades, stored.calls
        self.outcome.issues = stored.issues
        if state.by_severity != counted:
            self.outcome.violations.append(f"State counts {state.by_severity}, the tally {counted}")

    def _judge_life(self, name: str, life: Life, *, was_killed: bool) -> None:
        owed = dict(_ledger(self._folder / name))
        came = {number for first, last in life.numbers for number in range(first, last + 1)}
        missing = owed.keys() - came
        warnings = [number for number in missing if owed[number] == WARNING]
        invented = came - owed.keys()
        self.outcome.owed += len(owed)
        self.outcome.owed_warnings += list(owed.values()).count(WARNING)
        self.outcome.folded += len(came)
        for what, count in (
            ("warnings lost", len(warnings)),
            ("records lost of a bot that ended properly", 0 if was_killed else len(missing)),
            ("doubled", life.doubled),
            ("damaged", life.damaged),
            # One call may have been under way when its process was killed.
            ("invented", max(0, len(invented) - was_killed)),
        ):
            if count:
                self.outcome.violations.append(f"{name}: {count} {what}")
        self.outcome.lost_with_bot += len(missing) - len(warnings)


def _ledger(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the number of each record whose call returned, and its kind."""
    data = path.read_bytes() if path.exists() else b""
    whole = len(data) - len(data) % ENTRY.size
    for (entry,) in ENTRY.iter_unpack(data[:whole]):
        yield entry // 4, entry % 4


@contextmanager
def _victim(module: str, *arguments: object) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a victim; it is killed with -9 at the end of the block, whatever it does."""
    began = time.time_ns()
    victim = subprocess.Popen([sys.executable, "-m", module, *map(str, arguments)], cwd=REPO)
    try:
        yield victim, began
    finally:
        victim.kill()
        victim.wait()
