"""Counters of several bots, processes and lives of a sidecar: what was said, exactly; never fewer."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from obs.api.board import Board
from obs.api.routes_self import lasting
from obs.metrics import exposition
from obs.sidecar import Sidecar
from obs.snapshot import Snapshot
from tests.metrics.families import buckets, labels, read
from tests.spool_lines import Bot

BOTS = ("grid-1", "dca-2", "ema-3")
KINDS = ("order.submitted", "order.rejected", "order.filled", "signal.generated")
Act = tuple[Literal["say", "step", "store", "kill", "end"], int, int]

ACTS = st.lists(
    st.tuples(
        st.sampled_from(("say", "say", "say", "step", "step", "store", "kill", "end")),
        st.integers(0, len(BOTS) - 1),
        st.integers(1, 12),
    ),
    min_size=4,
    max_size=16,
)
Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Life:
    """Bots that write, and a sidecar that is killed and started again, as one scrapes it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said: Counter[tuple[str, str]] = Counter()
        self.seen: Numbers = {}
        self._pids = iter(range(100, 10_000))
        self._bots = [Bot(directory, name, next(self._pids)) for name in BOTS]
        self._open()

    def _open(self) -> None:
        self.board = Board(Snapshot(taken_at=1))
        self.sidecar = Sidecar(self.directory, audience=self.board)
        self.board.publish(self.sidecar.snapshot())

    def act(self, what: str, bot: int, count: int) -> None:
        if what == "say":
            for number in range(count):
                self._say(bot, KINDS[number % len(KINDS)])
        elif what == "step":
            self.sidecar.step(count)
        elif what == "store":
            self.sidecar.commit()
        elif what == "kill":
            # What was not stored is gone with it, as by a signal: the spool still has it.
            self.sidecar.close()
            self._open()
        else:
            self._bots[bot].end(clean=count % 2 == 0)
            self._bots[bot] = Bot(self.directory, BOTS[bot], next(self._pids))
        self.look()

    def _say(self, bot: int, kind: str) -> None:
        self.said[BOTS[bot], kind] += 1
        number = self.said[BOTS[bot], kind]
        values = {"order.id": f"o-{number}", "latency_ms": number % 900, "fill.price": "2",
                  "fill.quantity": "3", "currency": "USDT", "run.mode": "live"}  # fmt: skip
        self._bots[bot].say(kind, event_name=kind, attributes=values)

    def look(self) -> Numbers:
        """Scrape; nothing may have gone back, and nothing may be told that was not said."""
        snapshot = lasting(self.board.picture.snapshot, self.board.kept)
        parse: Callable[[str], Iterable[Metric]] = text_string_to_metric_families
        found = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in parse(exposition(snapshot, form="openmetrics").decode())
            for sample in family.samples
            if family.type in ("counter", "histogram") and not sample.name.startswith("obs_sidecar_cpu")
        }
        for key, value in self.seen.items():
            assert found.get(key, 0) >= value, key
        self.seen = found
        for bot in BOTS:
            assert (
                found.get(counter("trading_orders_total", bot, "submitted"), 0)
                <= (self.said[bot, "order.submitted"])
            )
        return found

    def end(self) -> Numbers:
        for bot in self._bots:
            bot.end()
        assert self.sidecar.flush()
        self.board.publish(self.sidecar.snapshot())
        self.sidecar.commit()
        self.board.stored()
        found = self.look()
        self.sidecar.close()
        return found


def counter(name: str, bot: str, outcome: str = "") -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, (("bot", bot), *((("outcome", outcome),) if outcome else ()))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS)
def test_counters_are_what_was_said_whatever_dies_in_between(acts: list[Act]) -> None:
    directory = Path(tempfile.mkdtemp(prefix="obs-lives-"))
    try:
        life = Life(directory)
        for act in acts:
            life.act(*act)

        found = life.end()
    finally:
        shutil.rmtree(directory)

    for bot in BOTS:
        for outcome in ("submitted", "rejected", "filled"):
            assert (
                found.get(counter("trading_orders_total", bot, outcome), 0)
                == life.said[bot, f"order.{outcome}"]
            )
        assert found.get(counter("trading_signals_total", bot), 0) == life.said[bot, "signal.generated"]
        orders = sum(life.said[bot, f"order.{outcome}"] for outcome in ("submitted", "rejected", "filled"))
        assert found.get(counter("trading_order_latency_seconds_count", bot), 0) == orders


def test_native_histograms_of_several_processes_and_lives_add_up(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for number in range(12):
        life.act("say", number % 3, 8)
        life.act(("step", "store", "kill", "end")[number % 4], number % 3, 7)
    life.end()

    snapshot = lasting(life.board.picture.snapshot, life.board.kept)
    families = {one.name: one for one in read(exposition(snapshot, form="protobuf"))}

    assert {labels(one)["bot"] for one in families["trading_order_latency_seconds"].metric} == set(BOTS)
    for one in families["trading_order_latency_seconds"].metric:
        told = one.histogram
        assert told.zero_count + sum(buckets(told).values()) == told.sample_count > 0


@pytest.mark.parametrize("lives", [3])
def test_a_sidecar_that_finds_nothing_new_tells_what_the_last_one_told(lives: int, tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.act("say", 0, 9)
    assert life.sidecar.flush()
    life.sidecar.commit()
    life.board.publish(life.sidecar.snapshot())
    life.board.stored()
    before = life.look()

    for _ in range(lives):
        life.act("kill", 0, 1)

    own = ("obs_fold_lag", "obs_briefing_render")
    after = life.look()
    assert {key: value for key, value in after.items() if not key[0].startswith(own)} == {
        key: value for key, value in before.items() if not key[0].startswith(own)
    }
    life.end()
