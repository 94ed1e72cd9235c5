"""Last words, whole lines, restarts and lost batches in any order: each number once, and no early guess."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from obs.spool_reader import SpoolReader
from obs.spooling.last_words import HOLD_SECONDS, MAX_LINES
from tests.spool.spooling import line, words, writer

Name = tuple[str, int]


class LastWordsMachine(RuleBasedStateMachine):
    """The model: what was written of each number, when its last words were first there to be read."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = 100.0
        self.said: dict[Name, float] = {}
        self.whole: set[Name] = set()
        self.came: dict[Name, bool] = {}
        self.dropped: dict[str, int] = {}
        self.ends: dict[str, Any] = {}
        self.stored: str | None = None

    @initialize()
    def begin(self) -> None:
        self.reader = self._new_reader()
        self.start_writer()

    def start_writer(self) -> None:
        self.writer = writer(self.folder, room=4_096)
        self.next = 1
        self.is_over = False
        self.dropped[self.writer.process] = 0

    @rule()
    def end_writer(self) -> None:
        self.writer.close()
        self.start_writer()

    @rule(count=st.integers(1, 30))
    def say(self, count: int) -> None:
        for _ in range(count):
            assert self.writer.write(words(self.next))
            self.said[self.writer.process, self.next] = self.now
            self.next += 1
        self._count()

    @rule(back=st.integers(1, 60))
    def say_again(self, back: int) -> None:
        if (self.writer.process, self.next - back) in self.said:
            assert self.writer.write(words(self.next - back))

    @rule(back=st.integers(1, 60), count=st.integers(1, 30))
    def say_whole(self, back: int, count: int) -> None:
        for number in range(max(1, self.next - back), self.next)[:count]:
            if (self.writer.process, number) in self.said:
                assert self.writer.write(line(number, severity="ERROR"))
                self.whole.add((self.writer.process, number))

    @rule(count=st.integers(1, 30))
    def say_only_whole(self, count: int) -> None:
        for _ in range(count):
            assert self.writer.write(line(self.next))
            self.whole.add((self.writer.process, self.next))
            self.next += 1
        self._count()

    @rule()
    def drop_one(self) -> None:
        self.next += 1
        self.dropped[self.writer.process] += 1
        self._count()

    @rule(seconds=st.sampled_from([0.1, 0.5, HOLD_SECONDS, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(limit=st.integers(1, 100), releases=st.booleans())
    def read(self, limit: int, releases: bool) -> None:
        self._read(limit, releases=releases)

    @rule(limit=st.integers(1, 100))
    def fail_to_store(self, limit: int) -> None:
        self.reader.poll(limit)
        self.reader.rewind(json.loads(self.stored) if self.stored else None)

    @rule()
    def kill_reader(self) -> None:
        self.reader.close()
        self.reader = self._new_reader()

    def teardown(self) -> None:
        self.writer.close()
        self.is_over = True
        for _ in range(2):
            while self._read(1_000, releases=True):
                pass
            self.now += 3.0
        self.reader.close()
        left = list(self.folder.glob("*.seg"))
        shutil.rmtree(self.folder)
        assert set(self.came) == set(self.said) | self.whole
        for process, end in self.ends.items():
            assert (end.lost, end.damaged, end.dropped) == (0, 0, self.dropped[process])
            assert end.emitted == end.delivered + end.dropped
            assert end.delivered == sum(name == process for name, _ in self.came)
        assert left == []

    def _new_reader(self) -> SpoolReader:
        found = json.loads(self.stored) if self.stored else None
        return SpoolReader(self.folder, found, clock=lambda: self.now)

    def _count(self) -> None:
        process = self.writer.process
        books = {"emitted": self.next - 1, "dropped.spool.ERROR.bot": self.dropped[process]}
        self.writer.set_counters(books)

    def _read(self, limit: int, *, releases: bool) -> bool:
        batch = self.reader.poll(limit)
        self.stored = json.dumps(batch.checkpoint)
        for entry in batch.lines:
            name = entry.process, entry.seq
            assert name not in self.came
            self.came[name] = "provisional" not in json.loads(entry.raw)
            is_open = entry.process == self.writer.process and not self.is_over
            if is_open and not self.came[name] and self.next < MAX_LINES:
                assert self.now - self.said[name] >= HOLD_SECONDS
        for account in batch.checkpoint["writers"].values():
            assert len(account["last_words"]) <= MAX_LINES
        assert (batch.held_since is None) == (batch.held_bytes == 0)
        assert batch.pending_bytes >= batch.held_bytes
        assert batch.losses == []
        self.ends.update((end.process, end) for end in batch.ended)
        if releases:
            self.reader.release(batch.checkpoint)
        return not batch.is_empty


TestLastWords = LastWordsMachine.TestCase
TestLastWords.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
