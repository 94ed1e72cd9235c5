from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs.refreshing.files import ExportError, Exports, HistoryFiles, file_name
from obs.refreshing.pipeline import DashboardDataPipeline

NOON = 1_763_640_000_000_000_000


@pytest.mark.parametrize(
    "name",
    [
        "../x", "..", ".", "a/../../b", "/etc/passwd", "a/b", "a\\b", "..\\x", "C:\\x", "C:x", "x:stream",
        "a\x00b", "a\nb", "CON", "con.json", "nul", "NUL.tar.json", "COM1", "LPT9.x", "COM¹", "CONIN$",
        "aux .x", " x", "x.", "x ", ".hidden", "-rf", "~", "~root", "$HOME", "%2e%2e", "a" * 200, "가" * 60,
        ".json", "x\u202egnp", "x\u200by", "a*b", "a?b", "a|b", "\ud800", "%00", "\\\\host\\share",
        "//host/x", "x/.",
    ],
)  # fmt: skip
def test_a_name_that_could_lead_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    pipeline = DashboardDataPipeline(source=lambda: {"a": 1}, directory=tmp_path / "obs")
    pipeline.refresh()

    with pytest.raises(ExportError):
        pipeline.export_snapshot(name)

    assert {path.name for path in tmp_path.iterdir()} == {"obs"}
    assert not (tmp_path / "obs" / "dashboards" / "exports").exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("before release 1.4", "before release 1.4.json"),
        ("day.json", "day.json"),
        ("Day.JSON", "Day.json"),
        ("오늘", "오늘.json"),
        (unicodedata.normalize("NFD", "오늘"), "오늘.json"),
        ("a..b", "a..b.json"),
        ("console", "console.json"),
        ("가" * 55, "가" * 55 + ".json"),
    ],
)
def test_an_honest_name_is_the_file_s(name: str, expected: str) -> None:
    assert file_name(name) == expected


@given(st.text(max_size=40))
def test_whatever_is_accepted_is_one_plain_name(name: str) -> None:
    try:
        taken = file_name(name)
    except ExportError:
        return

    assert os.path.basename(taken) == taken  # noqa: PTH119
    assert not set(taken) & set('/\\:*?"<>|\x00')
    assert taken[0].isalnum()
    assert taken.endswith(".json")
    assert len(taken.encode()) <= 225


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = tmp_path / "obs"
    root.mkdir()
    (root / "dashboards").symlink_to(elsewhere)

    with pytest.raises(ExportError, match="link"):
        Exports(root, root / "dashboards" / "exports").add("x", NOON, b"{}", 3)

    assert list(elsewhere.iterdir()) == []


def test_a_link_in_place_of_the_file_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = tmp_path / "obs" / "exports"
    folder.mkdir(parents=True)
    (folder / "x.json").symlink_to(victim)
    (folder / f".y.json.{os.getpid()}.tmp").symlink_to(victim)
    exports = Exports(tmp_path / "obs", folder)

    path = exports.add("x", NOON, b"{}", 3)
    with pytest.raises(OSError, match="symbolic links"):
        exports.add("y", NOON, b"{}", 3)

    assert (victim.read_text(), path.read_text(), path.is_symlink()) == ("mine", "{}", False)


def test_a_directory_that_is_itself_a_link_serves(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "obs"
    link.symlink_to(real)

    Exports(link, link / "dashboards" / "exports").add("x", NOON, b"{}", 3)

    assert (real / "dashboards" / "exports" / "x.json").read_text() == "{}"


def test_snapshots_without_a_name_make_room_and_named_ones_stay(tmp_path: Path) -> None:
    exports = Exports(tmp_path, tmp_path / "exports")
    exports.add("mine", NOON, b"{}", 2)

    for second in range(4):
        exports.add("", NOON + second * 1_000_000_000, b"{}", 2)

    assert sorted(path.name for path in exports.folder.iterdir()) == [
        "20251120T120002.000Z-snapshot-000001.json",
        "20251120T120003.000Z-snapshot-000001.json",
        "mine.json",
    ]


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    path = Exports(tmp_path, tmp_path / "exports").add("mine", NOON, b"{}", 2)

    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_process_left_half_written_goes(tmp_path: Path) -> None:
    left = tmp_path / ".20251120T120000.000Z-metrics-000001.json.77.tmp"
    left.write_text("{")
    foreign = tmp_path / ".mine.tmp"
    foreign.write_text("mine")

    HistoryFiles(tmp_path).add(NOON, b"{}", 5)

    assert (left.exists(), foreign.exists()) == (False, True)
