"""Settings: who wins, where a value came from, and errors that name the mend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from obs.config import ConfigError, Settings, load, pipeline_config
from obs.refreshing.config import PipelineConfig
from tests.builders import REPO


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OBS_PORT", "OBS_DIR", "OBS_SERVICE", "OTEL_SERVICE_NAME", "OBS_BUDGET", "OBS_LANG"):
        monkeypatch.delenv(name, raising=False)


def test_arguments_win_over_environment_over_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "obs.toml").write_text('port = 1\nbudget = 900\nlang = "ko"\n')
    monkeypatch.setenv("OBS_PORT", "2")
    monkeypatch.setenv("OBS_BUDGET", "800")

    effective = load({"port": 3, "lang": None}, folder=tmp_path)

    assert (effective.settings.port, effective.settings.budget, effective.settings.lang) == (3, 800, "ko")
    assert effective.origins["port"] == "argument"
    assert effective.origins["budget"] == "environment OBS_BUDGET"
    assert effective.origins["lang"] == "obs.toml"
    assert effective.origins["timezone"] == "default"


def test_a_table_of_pyproject_serves_where_there_is_no_obs_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.obs]\nport = 9\n")

    assert load(folder=tmp_path).settings.port == 9


def test_opentelemetry_s_service_name_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "grid-1")

    effective = load(folder=tmp_path)

    assert effective.settings.service == "grid-1"
    assert effective.origins["service"] == "environment OTEL_SERVICE_NAME"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("prot = 1", ["obs.toml", "prot", "no such setting", "port"]),
        ("port = 'x'", ["obs.toml", "port", "'x'", "integer"]),
        ("port = 70000", ["obs.toml", "port", "70000", "65535"]),
        ("timezone = 'Mars/Base'", ["obs.toml", "timezone", "Mars/Base", "Asia/Seoul"]),
        ("port = ", ["obs.toml", "is not TOML"]),
    ],
)
def test_a_wrong_file_is_refused_with_place_value_and_mend(
    tmp_path: Path, text: str, names: list[str]
) -> None:
    (tmp_path / "obs.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(folder=tmp_path)

    assert "\n" not in str(caught.value)
    for name in names:
        assert name in str(caught.value)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in (REPO / "docs" / "settings.md").read_text(encoding="utf-8")


def test_a_run_passes_the_quota_of_the_file_on_to_the_bot(tmp_path: Path) -> None:
    (tmp_path / "obs.toml").write_text('spool_quota = "32MiB"\n')
    bot = "import os, obs.handler as h; print(os.environ['OBS_SPOOL_QUOTA'], h.capture().quota_bytes)"

    done = subprocess.run(
        [sys.executable, "-m", "obs", "run", "--", sys.executable, "-c", bot],
        cwd=tmp_path,
        env={**os.environ, "OBS_SIDECAR": "never", "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == f"{32 * 2**20}B {32 * 2**20}\n"


def test_a_wrong_quota_is_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "obs.toml").write_text('spool_quota = "1MiB"\n')

    with pytest.raises(ConfigError) as caught:
        load(folder=tmp_path)

    assert str(caught.value) == (
        "obs.toml: spool_quota = '1MiB': is too small for a spool: write at least \"16MiB\""
    )


def test_the_data_pipeline_is_a_table_of_the_file_and_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "obs.toml").write_text(
        "[pipeline]\nupdate_interval_seconds = 0.5\nmax_cache_files = 7\n", encoding="utf-8"
    )
    monkeypatch.setenv("OBS_PIPELINE__MAX_CACHE_FILES", "9")

    config = pipeline_config(load(folder=tmp_path).settings)

    assert config == PipelineConfig(update_interval_seconds=0.5, max_cache_files=9)


def test_a_wrong_word_in_the_pipeline_s_table_is_told_with_the_right_ones(tmp_path: Path) -> None:
    (tmp_path / "obs.toml").write_text("[pipeline]\ninterval = 3\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"pipeline\.interval: no such setting: use one of update_interval"):
        load(folder=tmp_path)
