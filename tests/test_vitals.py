"""The sidecar looks at its living bots from outside: memory and disk, of this machine only."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from obs.keeping.vitals import memory_limit, vitals
from obs.sidecar import Sidecar
from tests.spool_lines import Bot


def writer(pid: int, service: str = "grid-1", **more: object) -> dict[str, object]:
    resource = {"service.name": service, "process.pid": pid, "host.name": socket.gethostname()}
    return {"resource": {**resource, **more}}


def test_processes_of_one_service_are_added_up_and_the_disk_is_told_once(tmp_path: Path) -> None:
    once = vitals([writer(os.getpid())], tmp_path)
    twice = vitals([writer(os.getpid()), writer(os.getpid())], tmp_path)

    assert [(one.service, one.measure) for one in once] == [("grid-1", "memory"), ("", "disk")]
    assert 1.5 * once[0].value < twice[0].value < 2.5 * once[0].value
    assert 2**20 < once[0].value < once[0].limit == memory_limit()
    assert once[1].value > 0


def test_what_is_gone_ended_or_elsewhere_is_not_measured(tmp_path: Path) -> None:
    gone = writer(2**22 + 7)
    ended = {**writer(os.getpid()), "is_ended": True}
    elsewhere = writer(os.getpid(), **{"host.name": "another"})

    assert vitals([gone, ended, elsewhere, {}], tmp_path) == []


def test_a_running_sidecar_remembers_how_much_memory_its_bot_takes(tmp_path: Path) -> None:
    bot = Bot(tmp_path, pid=os.getpid())
    bot.say("tick")

    with Sidecar(tmp_path) as sidecar:
        sidecar._upkeep.vitals_at = 1e12
        sidecar.flush()
        sidecar._upkeep.vitals_at = 0.0
        sidecar.step()

        assert sidecar.state.gauges.of["grid-1"]["memory"].count == 1
