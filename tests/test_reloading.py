"""Changed settings hold without a restart, as a whole or not at all; what only a start changes is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from obs.config import Settings, load, placed
from obs.events import Event, Severity
from obs.money.amounts import Money
from obs.opening import opened, orders_of
from obs.reloading import AT_START, Reloading, differing, in_force
from obs.sidecar import Sidecar
from tests.builders import PACK
from tests.exporting.collector import Collector, collecting

LOG = "2026-03-02 10:00:0{} ERROR order {} was lost\n"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@contextmanager
def running(folder: Path, **changes: object) -> Iterator[tuple[Sidecar, Reloading]]:
    """A sidecar with the settings of a folder, and what reloads them."""

    def read() -> Settings:
        return placed(load(folder=folder).settings, folder)

    settings = read()
    with (
        opened(settings, folder / "o") as sidecar,
        Reloading(sidecar, settings, read, orders_of, folder=folder, **changes) as reloading,  # type: ignore[arg-type]
    ):
        yield sidecar, reloading


def until(sidecar: Sidecar, holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Let the sidecar work till something holds."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        sidecar.step()
        time.sleep(0.01)
    return holds()


def said(sidecar: Sidecar) -> str:
    return "\n".join(sidecar.snapshot().not_known)


def event(number: int) -> Event:
    return Event(timestamp=time.time_ns(), severity=Severity.ERROR, body=f"line {number}")


def test_another_language_budget_and_history_hold_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as (sidecar, _):
        (tmp_path / "obs.toml").write_text('lang = "ko"\nbudget = 500\nhistory_days = 7\n')

        assert until(sidecar, lambda: sidecar.outlet.lang == "ko")
        assert sidecar.outlet.budget == 500
        assert sidecar._upkeep.keeper.bounds.days == 7


def test_a_limit_of_cost_and_a_threshold_hold_for_what_was_seen_before(tmp_path: Path) -> None:
    with running(tmp_path) as (sidecar, _):
        (tmp_path / "obs.toml").write_text('llm_daily_budget = "6.00 USD"\n[thresholds]\ntrades = 3\n')

        assert until(sidecar, lambda: sidecar._analyzer.expected.limits.trades == 3)
        assert sidecar._analyzer.expected.llm_daily_budget == Money(Decimal("6.00"), "USD")


def test_a_wrong_file_changes_nothing_and_its_error_stands_on_the_page_till_it_is_mended(
    tmp_path: Path,
) -> None:
    file = tmp_path / "obs.toml"
    file.write_text("budget = 500\n")
    with running(tmp_path) as (sidecar, _):
        file.write_text('budget = 600\nlang = "xx"\n')
        assert until(sidecar, lambda: "settings are wrong" in said(sidecar))
        wrong = said(sidecar)
        kept = sidecar.outlet.budget
        file.write_text("budget = 700\n")
        assert until(sidecar, lambda: sidecar.outlet.budget == 700)
        mended = said(sidecar)

    assert "obs.toml: lang = 'xx'" in wrong
    assert kept == 500
    assert "wrong" not in mended


def test_no_secret_of_a_wrong_file_is_shown(tmp_path: Path) -> None:
    with running(tmp_path) as (sidecar, _):
        (tmp_path / "obs.toml").write_text('token = ["hunter2hunter2hunter2"]\n')

        assert until(sidecar, lambda: "token" in said(sidecar))
        assert "hunter2" not in said(sidecar)


def test_what_only_a_start_changes_is_named_until_it_is_put_back(tmp_path: Path) -> None:
    file = tmp_path / "obs.toml"
    with running(tmp_path) as (sidecar, _):
        file.write_text('port = 9999\nbudget = 700\nspool_quota = "64MiB"\n')
        assert until(sidecar, lambda: sidecar.outlet.budget == 700)
        late = said(sidecar)
        file.write_text("budget = 800\n")
        assert until(sidecar, lambda: sidecar.outlet.budget == 800)

        assert "hold from the next start of the sidecar: port, spool_quota" in late
        assert "next start" not in said(sidecar)


def test_each_setting_that_only_a_start_changes_exists() -> None:
    began = Settings.model_validate({})

    for name in AT_START:
        head, _, rest = name.partition(".")
        table = getattr(began, head)
        assert not rest or rest in type(table).model_fields
    fresh = began.model_copy(update={"host": "::1", "lang": "ko"})
    assert differing(began, fresh) == ["host"]
    assert in_force(began, fresh) == began.model_copy(update={"lang": "ko"})


def test_opentelemetry_is_sent_while_an_endpoint_is_named_and_not_before_between_or_without(
    tmp_path: Path, collector: Collector
) -> None:
    file = tmp_path / "obs.toml"
    named = f'[otlp]\nendpoint = "{collector.url}"\nsignals = ["logs"]\n'
    with running(tmp_path) as (sidecar, _):
        sidecar.accept(event(1))
        file.write_text(named)
        assert until(sidecar, lambda: sidecar.exporter is not None)
        sidecar.accept(event(2))
        assert until(sidecar, lambda: "line 2" in collector.bodies)
        file.write_text("budget = 700\n")
        assert until(sidecar, lambda: sidecar.outlet.budget == 700)
        sidecar.accept(event(3))
        sidecar.flush()
        file.write_text(f"budget = 800\n{named}")
        assert until(sidecar, lambda: sidecar.outlet.budget == 800)
        sidecar.accept(event(4))
        assert until(sidecar, lambda: "line 4" in collector.bodies)

    assert collector.bodies == ["line 2", "line 4"]


def test_a_file_that_is_named_later_is_followed_and_one_that_is_left_out_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    one, two, file = tmp_path / "one.log", tmp_path / "two.log", tmp_path / "obs.toml"
    one.write_text(LOG.format(1, 1) + LOG.format(2, 2))
    two.write_text(LOG.format(3, 3))
    file.write_text('follow = ["one.log"]\n')
    with running(tmp_path) as (sidecar, _):
        assert until(sidecar, lambda: sidecar.state.events == 2)
        file.write_text('follow = ["two.log"]\n')
        assert until(sidecar, lambda: sidecar.state.events == 3)
        with one.open("a") as log:
            log.write(LOG.format(4, 4))
        file.write_text('follow = ["one.log", "two.log"]\n')

        assert until(sidecar, lambda: sidecar.state.events == 4)
        sidecar.flush()
        assert sidecar.state.events == 4


def test_a_rule_pack_that_is_named_while_it_runs_is_watched_too(tmp_path: Path) -> None:
    pack = tmp_path / "my.toml"
    pack.write_text(PACK)
    with running(tmp_path) as (sidecar, _):
        (tmp_path / "obs.toml").write_text('rules = ["my.toml"]\n')
        assert until(sidecar, lambda: any(r.id == "my.hedge-late" for r in sidecar._analyzer.rules.rules))
        pack.write_text(PACK.replace("Hedge late", "Second leg late"))

        assert until(
            sidecar, lambda: any(r.title == "Second leg late" for r in sidecar._analyzer.rules.rules)
        )


def test_nothing_is_taken_over_where_another_part_refuses(tmp_path: Path) -> None:
    def refuse(_: Settings) -> Callable[[], None]:
        raise ValueError("alerts: no channel of that name")

    with running(tmp_path, prepare=refuse) as (sidecar, _):
        (tmp_path / "obs.toml").write_text("budget = 700\n")

        assert until(sidecar, lambda: "no channel of that name" in said(sidecar))
        assert sidecar.outlet.budget == 2000


def test_asked_to_it_reads_all_anew_though_no_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as (sidecar, reloading):
        monkeypatch.setenv("OBS_BUDGET", "700")
        reloading.ask()

        assert until(sidecar, lambda: sidecar.outlet.budget == 700)


def test_a_sidecar_that_a_bot_has_started_hears_of_a_file_that_was_not_there_and_of_sighup(
    tmp_path: Path,
) -> None:
    directory, file, log = tmp_path / "o", tmp_path / "obs.toml", tmp_path / "log"
    command = [sys.executable, "-m", "obs.sidecar", str(directory), "--for", str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OBS_")}
    latest = directory / "briefings" / "latest.md"
    with log.open("wb") as errors:
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=errors)
    try:
        assert waited(lambda: latest.exists() and "# obs briefing" in latest.read_text())
        file.write_text('lang = "ko"\n')
        assert waited(lambda: "브리핑" in latest.read_text(encoding="utf-8"))
        process.send_signal(signal.SIGHUP)
        assert waited(lambda: log.read_text().count("settings reloaded") == 2)
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(30)

    assert process.returncode == 0


def waited(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()
