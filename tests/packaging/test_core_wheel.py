"""The trading core's own wheel: one name, every table, template and migration, and it works from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.builders import REPO

CORE = REPO / "trading"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("core")
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=CORE, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def call(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The libraries are those of this environment; the core itself is found in the wheel first.
    return subprocess.run(
        [sys.executable, "-P", "-m", "trading", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_holds_every_file_of_the_core_and_puts_one_name_into_an_environment(installed: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "."], cwd=CORE, capture_output=True, text=True, check=True
    ).stdout.split()
    site = installed / "trading"

    assert [name for name in listed if not (site / name).is_file()] == ["pyproject.toml"]
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == {"trading"}


def test_an_installed_core_trades_on_paper(installed: Path, tmp_path: Path) -> None:
    done = call(installed, tmp_path, "run", "--paper", "--bots", "maps-5", "--duration", "10m")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("maps-5: ")


def test_an_installed_core_opens_its_store_and_its_calendar(installed: Path, tmp_path: Path) -> None:
    done = call(installed, tmp_path, "check")

    assert "Traceback" not in done.stderr
    assert "XKRX, known" in done.stdout
    assert "newest session none yet" in done.stdout
