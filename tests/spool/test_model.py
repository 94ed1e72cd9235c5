"""Writer and reader against a model, over any order of writing, reading, dying and starting again."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from obs.spool import SpoolWriter
from obs.spool_reader import SpoolReader
from obs.spooling.intervals import Intervals
from tests.spool.spooling import is_true, line, writer


class SpoolMachine(RuleBasedStateMachine):
    """The model: which (process, number) were acknowledged; each must come exactly once, in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.acknowledged: set[tuple[str, int]] = set()
        self.came: Counter[tuple[str, int]] = Counter()
        self.stored: str | None = None
        self.losses = 0

    @initialize()
    def begin(self) -> None:
        self.writers: list[SpoolWriter] = [writer(self.folder, room=4_096)]
        self.next = {self.writers[0].process: 1}
        self.reader = SpoolReader(self.folder)

    @rule(which=st.integers(0, 5), count=st.integers(1, 40), length=st.integers(0, 400))
    def write(self, which: int, count: int, length: int) -> None:
        made = self.writers[which % len(self.writers)]
        for _ in range(count):
            number = self.next[made.process]
            self.next[made.process] += 1
            assert made.write(line(number, length=length)), made.fault
            self.acknowledged.add((made.process, number))
        made.set_counters({"emitted": self.next[made.process] - 1})

    @rule(which=st.integers(0, 5), back=st.integers(1, 60))
    def write_again(self, which: int, back: int) -> None:
        made = self.writers[which % len(self.writers)]
        number = self.next[made.process] - back
        if number > 0:
            assert made.write(line(number))

    @rule(which=st.integers(0, 5))
    def close_writer(self, which: int) -> None:
        self.writers[which % len(self.writers)].close()

    @rule()
    def start_writer(self) -> None:
        made = writer(self.folder, room=4_096)
        self.writers.append(made)
        self.next[made.process] = 1

    @rule(limit=st.integers(1, 200), releases=st.booleans())
    def read(self, limit: int, releases: bool) -> None:
        self._read(limit, releases=releases)

    @rule(limit=st.integers(1, 200))
    def fail_to_store(self, limit: int) -> None:
        self.reader.poll(limit)
        self.reader.rewind(json.loads(self.stored) if self.stored else None)

    @rule()
    def kill_reader(self) -> None:
        self.reader.close()
        self.reader = SpoolReader(self.folder, json.loads(self.stored) if self.stored else None)

    @rule()
    def lose_the_folder_after_reading(self) -> None:
        """All that was acknowledged has been read or stands in an open segment, which the writer rescues."""
        while self._read(1_000, releases=True):
            pass
        shutil.rmtree(self.folder)
        for made in self.writers:
            made._look_at = 0.0

    @invariant()
    def nothing_comes_twice(self) -> None:
        assert all(count == 1 for count in self.came.values())

    def teardown(self) -> None:
        for made in self.writers:
            made.close()
        while self._read(1_000, releases=True):
            pass
        self.reader.close()
        left = [path for path in self.folder.glob("*.seg") if self.folder.exists()]
        shutil.rmtree(self.folder, ignore_errors=True)
        assert set(self.came) == self.acknowledged
        assert self.losses == 0
        assert left == []

    def _read(self, limit: int, *, releases: bool) -> bool:
        batch = self.reader.poll(limit)
        self.stored = json.dumps(batch.checkpoint)
        self.came.update((entry.process, entry.seq) for entry in batch.lines)
        assert all(is_true(entry) for entry in batch.lines)
        self.losses += sum(loss.count for loss in batch.losses)
        if releases:
            self.reader.release(batch.checkpoint)
        return not batch.is_empty


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


class IntervalMachine(RuleBasedStateMachine):
    """The intervals against a set."""

    def __init__(self) -> None:
        super().__init__()
        self.real = Intervals()
        self.model: set[int] = set()

    @rule(number=st.integers(1, 30))
    def add(self, number: int) -> None:
        assert self.real.add(number) == (number not in self.model)
        self.model.add(number)

    @rule()
    def store(self) -> None:
        stored: Any = json.loads(json.dumps(self.real.pairs()))
        self.real = Intervals(stored)

    @invariant()
    def same(self) -> None:
        pairs = self.real.pairs()
        assert {number for start, end in pairs for number in range(start, end + 1)} == self.model
        assert all(left[1] + 1 < right[0] for left, right in pairwise(pairs))
        assert self.real.highest == max(self.model, default=0)


TestIntervals = IntervalMachine.TestCase
TestIntervals.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
