"""The wheel installs one name, carries every definition, and works far from its checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.builders import REPO


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=REPO, capture_output=True, text=True, check=True
    )
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_puts_one_name_into_an_environment(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/", 1)[0] for name in archive.namelist()}

    assert {name for name in tops if not name.endswith(".dist-info")} == {"obs"}


def test_every_definition_ships_and_none_of_them_is_python(installed: Path) -> None:
    for kind in ("briefings", "dashboards", "grafana"):
        ours = {path.name for path in (REPO / kind).iterdir()}
        shipped = {path.name for path in (installed / "obs" / "_definitions" / kind).iterdir()}

        assert shipped == ours
        assert not any(name.endswith(".py") for name in ours)


def test_an_installed_obs_prints_a_briefing_from_anywhere(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "bot.log").write_text("2026-01-02 03:04:05,678 - bot - ERROR - database is locked\n")

    done = subprocess.run(
        [sys.executable, "-m", "obs", "brief", "bot.log"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "database is locked" in done.stdout


def test_rules_adapters_and_migrations_ship(installed: Path) -> None:
    assert list((installed / "obs" / "rules").glob("*.toml"))
    assert list((installed / "obs" / "adapters").glob("*.toml"))
    assert list((installed / "obs" / "keeping" / "migrations").rglob("*.py"))
    assert len(list((installed / "obs" / "calendars").glob("*.toml"))) > 20
    assert (installed / "obs" / "vocabulary.toml").exists()
    assert (installed / "obs" / "py.typed").exists()


def test_a_bot_needs_nothing_but_the_standard_library_for_the_handler(
    installed: Path, tmp_path: Path
) -> None:
    code = (
        "import logging.config\n"
        "logging.config.dictConfig({'version': 1,"
        " 'handlers': {'obs': {'class': 'obs.handler.SidecarHandler'}},"
        " 'root': {'handlers': ['obs'], 'level': 'INFO'}})\n"
        "logging.getLogger('bot').error('order %s rejected', 42)\n"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "OBS_DIR": str(tmp_path / "o")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert b"order 42 rejected" in b"".join(
        path.read_bytes() for path in (tmp_path / "o" / "spool").glob("*.seg")
    )
