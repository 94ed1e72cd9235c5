"""The weekly report of an old Python: its syntax, its imports, and the same figures as the full report."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from tests.builders import REPO
from tests.trading.reporting.conftest import trade
from trading.reporting.forms import markdown
from trading.reporting.tracker import weekly_facts
from trading.reporting.weekly import weekly_page
from trading.sessions import Sessions
from trading.store.store import Store

SCRIPT = REPO / "deploy" / "nas" / "weekly_report.py"
TREE = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 8))

IMPORTS_OF_3_8 = {
    "__future__": {"annotations"},
    "collections": {"Counter"},
    "collections.abc": {"Iterable", "Mapping", "Sequence"},
    "contextlib": {"closing"},
    "datetime": {"date", "timedelta"},
    "decimal": {"ROUND_HALF_EVEN", "Decimal"},
    "pathlib": {"Path"},
    "typing": {"Any", "Dict"},
}
"""Each was there in 3.8; a new one is looked up in the documentation of 3.8 before it is added."""
MODULES_OF_3_8 = {"argparse", "os", "re", "sqlite3", "sys"}
NEWER = {
    *("removeprefix", "removesuffix", "is_relative_to", "with_stem", "readlink", "hardlink_to", "walk"),
    *("cache", "cached_property_", "pairwise", "batched", "lcm", "nextafter", "BooleanOptionalAction", "UTC"),
    *("zoneinfo", "tomllib", "graphlib", "total", "bit_count", "aiter", "anext", "ExceptionGroup"),
    *("add_note", "sqlite_errorcode", "sqlite_errorname", "serialize", "blobopen", "setlimit", "autocommit"),
    *("isocalendar_", "indent", "unparse", "exit_on_error", "newline", "dirs_exist_ok_", "strict", "key_"),
}
"""Methods, functions and parameters that came with 3.9 or later, of what this script could want."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("weekly_report", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def old_python(version: str) -> str:
    """Return an interpreter of that version, of the PATH or of pyenv; skip the test where there is none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for found in [shutil.which(f"python{version}"), *root.glob(f"versions/{version}.*/bin/python")]:
        # What pyenv puts on the PATH is there for versions that are not switched on, too.
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(found)
    pytest.skip(f"no Python {version} on this machine")


def light(
    store: Store, tmp_path: Path, *options: str, day: str = "2025-11-09", python: str = sys.executable
) -> str:
    done = subprocess.run(
        [
            *(python, "-I", "-S", "-W", "error", str(SCRIPT), "--store", str(store.folder)),
            *("--reports", str(tmp_path / "reports"), "--date", day, *options),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    path = Path(done.stdout.splitlines()[0])
    assert path == tmp_path / "reports" / "2025-11-09-light.md"
    return path.read_text(encoding="utf-8")


def test_it_imports_nothing_that_python_3_8_has_not() -> None:
    for node in ast.walk(TREE):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= MODULES_OF_3_8
        if isinstance(node, ast.ImportFrom):
            assert {alias.name for alias in node.names} <= IMPORTS_OF_3_8[node.module or ""]


def test_it_calls_nothing_that_is_newer_than_python_3_8() -> None:
    used = {node.attr for node in ast.walk(TREE) if isinstance(node, ast.Attribute)}
    used |= {node.id for node in ast.walk(TREE) if isinstance(node, ast.Name)}
    used |= {node.arg for node in ast.walk(TREE) if isinstance(node, ast.keyword) and node.arg}

    assert used & NEWER == set()


def test_types_are_subscripted_in_annotations_only() -> None:
    """`list[int]` and `X | None` are syntax in 3.8, but fail when they are evaluated."""
    evaluated = [node for node in ast.walk(_without_annotations(TREE)) if isinstance(node, ast.Subscript)]
    builtin = {"list", "dict", "tuple", "set", "Counter", "Iterable", "Mapping", "Sequence"}

    assert not [node for node in evaluated if isinstance(node.value, ast.Name) and node.value.id in builtin]
    assert not [
        node
        for node in ast.walk(_without_annotations(TREE))
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.BitOr)
    ]


def _without_annotations(tree: ast.Module) -> ast.Module:
    copy = ast.parse(ast.unparse(tree))
    for node in ast.walk(copy):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return copy


def test_the_parser_of_3_8_would_refuse_newer_syntax() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("match x:\n    case 1: pass\n", feature_version=(3, 8))


@pytest.mark.parametrize("language", ["ko", "en"])
def test_its_figures_are_those_of_the_full_report(
    store: Store, xkrx: Sessions, tmp_path: Path, language: str
) -> None:
    day = date(2025, 11, 7)
    facts = weekly_facts(store, xkrx, day, over=day, currency="USD", made=0)
    full = markdown(weekly_page(facts, "ko" if language == "ko" else "en"))

    text = light(store, tmp_path, "--language", language)

    figures = re.findall(r"^- .+: .+$", full, re.MULTILINE)
    assert len(figures) == 9
    assert re.findall(r"^- .+: .+$", text, re.MULTILINE) == figures
    # The full report has a column for notes.
    sessions = [
        line.rsplit("|", 2)[0] + "|" for line in full.splitlines() if re.match(r"\| 2025-.*USD", line)
    ]
    assert len(sessions) == 5
    assert [line for line in text.splitlines() if re.match(r"\| 2025-.*USD", line)] == sessions
    assert re.findall(r"^(?:Buy|매수) .*", full, re.MULTILINE) == re.findall(
        r"^(?:Buy|매수) .*", text, re.MULTILINE
    )
    assert re.findall(r"^(?:Stopped|필터별).*", full, re.MULTILINE) == re.findall(
        r"^(?:Stopped|필터별).*", text, re.MULTILINE
    )


def test_it_names_weekdays_without_a_record(store: Store, tmp_path: Path) -> None:
    with sqlite3.connect(store.folder / "performance.db") as opened:
        opened.execute("DELETE FROM daily_performance WHERE session = '2025-11-05'")

    assert "(a holiday, or a run that failed): 2025-11-05\n" in light(store, tmp_path, "--language", "en")


def test_it_tells_a_run_that_failed(store: Store, tmp_path: Path) -> None:
    day = date(2025, 11, 6)
    store.journal.begin_step(day, 3, "signals", 1)
    store.journal.end_step(day, "signals", 2, error="no | prices")
    store.journal.end(day, "failed", 3, error="no | prices")

    assert "- 2025-11-06 signals: no \\| prices\n" in light(store, tmp_path)


def test_foreign_names_stay_text(store: Store, tmp_path: Path) -> None:
    day = date(2025, 11, 7)
    performance = store.ledger.performance(day, day)[0]
    bad = {**trade("X", 1.0), "name": "<b>[x](http://evil)|\u202e"}
    store.ledger.save(day, performance=performance, positions=[], fills=[], trades=[bad], state="{}")

    text = light(store, tmp_path)

    assert "\\<b\\>\\[x\\](http\\://evil)\\|\ufffd" in text
    assert "<b>" not in text


def test_it_leaves_the_databases_as_they_are_also_while_they_are_in_use(store: Store, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in store.folder.glob("*.db")}

    light(store, tmp_path)

    assert {path.name: path.read_bytes() for path in store.folder.glob("*.db")} == before


def test_an_empty_store_gives_a_report_that_knows_nothing(tmp_path: Path) -> None:
    from trading.store.store import open_store

    with open_store(tmp_path / "new") as empty:
        text = light(empty, tmp_path, "--language", "en")

    assert "as of no session recorded" in text
    assert "- Equity: ?\n- Week: -\n" in text
    assert "- Win rate since the start: no settled trade\n" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--store", "nowhere"], "no such file. Name the folder of the databases with --store."),
        (["--date", "7.11.2025"], "'7.11.2025' is no day: write it as 2025-11-07"),
    ],
)
def test_wrong_use_is_told_with_its_mend(
    script: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert script.main(arguments) == 2
    assert told in capsys.readouterr().err


def test_a_foreign_database_is_told(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("signals.db", "performance.db"):
        sqlite3.connect(tmp_path / name).close()

    assert script.main(["--store", str(tmp_path)]) == 2
    assert "no such table" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10"])
def test_an_old_interpreter_itself_writes_the_same_report(store: Store, tmp_path: Path, version: str) -> None:
    python = old_python(version)

    for language in ("ko", "en"):
        there = light(store, tmp_path / version, "--language", language, python=python)

        assert there == light(store, tmp_path / "here", "--language", language)
