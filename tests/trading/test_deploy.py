"""What is installed for unattended runs: scripts, schedule and units fit one another and do what they say."""

from __future__ import annotations

import gzip
import os
import pty
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import REPO
from trading.market.universe import load_universe
from trading.notify.secret import read_secrets
from trading.settings import load_settings

NAS, SYSTEMD = REPO / "deploy" / "nas", REPO / "deploy" / "systemd"
SCRIPTS = sorted([*NAS.glob("*.sh"), *SYSTEMD.glob("*.sh")])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_plain_shell_and_may_be_run(script: Path) -> None:
    done = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/sh\n")


def test_the_schedule_names_only_scripts_that_are_installed() -> None:
    installed = re.search(r"for script in ([^;]+);", (NAS / "install.sh").read_text())
    scheduled = re.findall(r"^[^#\n].* @FOLDER@/bin/(\S+)$", (NAS / "crontab_realtime.txt").read_text(), re.M)
    called = re.findall(r"/opt/trading/bin/(\S+)", "".join(p.read_text() for p in SYSTEMD.glob("*.service")))

    assert installed is not None
    names = set(installed[1].split())
    assert {*scheduled, *called} <= names
    assert all((NAS / name).is_file() for name in names)
    assert len(scheduled) == 4


def test_every_timer_has_its_service() -> None:
    timers = {path.stem for path in SYSTEMD.glob("*.timer")}

    assert timers == {path.stem for path in SYSTEMD.glob("trading-*.service")}


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    for unit in [*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.timer")]:
        # The programs are not installed here; everything else must be as systemd wants it.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
        (tmp_path / unit.name).write_text(text)

    units = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)

    ours = [line for line in done.stderr.splitlines() if "trading-" in line or "obs.service" in line]
    assert ours == []


def test_old_logs_are_packed_and_very_old_ones_deleted(tmp_path: Path) -> None:
    script = installed(tmp_path, "cleanup_logs.sh")
    logs = tmp_path / "logs"
    logs.mkdir()
    for name, days in {"new.log": 1, "old.log": 10, "ancient.log": 100, "ancient.log.gz": 100}.items():
        (logs / name).write_text(f"{name}\n")
        then = time.time() - days * 86_400
        os.utime(logs / name, (then, then))

    subprocess.run([str(script)], check=True, timeout=30)

    assert {path.name for path in logs.iterdir()} == {"new.log", "old.log.gz"}
    assert gzip.decompress((logs / "old.log.gz").read_bytes()) == b"old.log\n"


@pytest.mark.parametrize("code", [0, 1, 75])
def test_the_daily_script_logs_everything_and_speaks_only_of_failures(tmp_path: Path, code: int) -> None:
    script = installed(tmp_path, "daily_realtime_signals.sh")
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "ran $*"\nexit {code}\n')
    python.chmod(0o700)

    done = subprocess.run([str(script), "--again"], capture_output=True, text=True, check=False, timeout=30)

    (log,) = (tmp_path / "logs").iterdir()
    assert done.returncode == code
    assert "ran -m trading daily --again" in log.read_text()
    assert ("ran -m trading daily" in done.stderr) is (code not in (0, 75))
    assert done.stdout == ""


def test_the_daily_script_shows_a_person_at_a_terminal_what_this_call_wrote(tmp_path: Path) -> None:
    script = installed(tmp_path, "daily_realtime_signals.sh")
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho run of $$\n")
    python.chmod(0o700)
    shown = []

    for _ in range(2):
        reader, terminal = pty.openpty()
        subprocess.run([str(script)], stdout=terminal, check=True, timeout=30)
        shown.append(os.read(reader, 1000).decode().splitlines())
        os.close(terminal)
        os.close(reader)

    assert [len(lines) for lines in shown] == [1, 1]
    assert shown[0] != shown[1]


def test_an_installation_without_a_folder_or_with_an_unknown_option_says_what_to_do() -> None:
    bare = subprocess.run(["sh", str(NAS / "install.sh")], capture_output=True, text=True, check=False)
    wrong = subprocess.run(
        ["sh", str(NAS / "install.sh"), "--corn", "x"], capture_output=True, text=True, check=False
    )

    assert (bare.returncode, wrong.returncode) == (2, 2)
    assert "Give a folder" in bare.stderr
    assert "--corn" in wrong.stderr


def installed(folder: Path, name: str) -> Path:
    script = folder / "bin" / name
    script.parent.mkdir(parents=True)
    shutil.copy2(NAS / name, script)
    return script


def test_the_templates_are_what_the_core_reads(tmp_path: Path) -> None:
    templates = NAS / "templates"
    secret = tmp_path / "config.yaml"
    shutil.copy(templates / "config.yaml", secret)
    secret.chmod(0o600)

    settings = load_settings(templates / "trading.toml")
    universe = load_universe(templates / "universe.toml")
    secrets = read_secrets(secret, {"TELEGRAM_TOKEN": "123456:a-token-of-nobody", "TELEGRAM_CHAT": "42"})

    assert (settings.data.source, settings.market.currency) == ("krx", "KRW")
    assert universe["069500"].name == "KODEX 200"
    assert list(secrets.channels) == ["telegram"]
