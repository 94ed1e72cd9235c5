"""`obs grafana export`: what a person gets, and that the programs it is for read it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.grafana.rules import FOLDER
from tests.servers import missing


def test_the_export_holds_every_file_of_the_folder(tmp_path: Path) -> None:
    done = _export(tmp_path / "new" / "folder")

    assert done.returncode == 0, done.stderr
    written = {str(path.relative_to(tmp_path / "new" / "folder")) for path in _files(tmp_path)}
    assert written == {str(path.relative_to(FOLDER)) for path in _files(FOLDER)}


def test_addresses_of_sidecar_and_runbooks_are_set_everywhere(tmp_path: Path) -> None:
    done = _export(tmp_path, "--obs", "bots.example:9999", "--runbooks", "https://wiki.example/obs")

    assert done.returncode == 0, done.stderr
    texts = [path.read_text(encoding="utf-8") for path in _files(tmp_path)]
    assert not any("127.0.0.1:8080" in text or "docs/operations.md#" in text for text in texts)
    (scraped,) = _yaml(tmp_path / "prometheus" / "prometheus.yml")["scrape_configs"]
    assert scraped["static_configs"] == [{"targets": ["bots.example:9999"]}]
    alerts = (tmp_path / "rules" / "alerts.yml").read_text(encoding="utf-8")
    assert "runbook_url: https://wiki.example/obs#obsdown" in alerts


def test_what_a_person_changed_is_not_written_over(tmp_path: Path) -> None:
    _export(tmp_path)
    mine = tmp_path / "rules" / "alerts.yml"
    mine.write_text("groups: []\n", encoding="utf-8")

    refused = _export(tmp_path)

    assert (refused.returncode, mine.read_text(encoding="utf-8")) == (2, "groups: []\n")
    assert "alerts.yml" in refused.stderr
    assert "--force" in refused.stderr
    assert _export(tmp_path, "--force").returncode == 0
    assert mine.read_text(encoding="utf-8") != "groups: []\n"


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    for wrong in ("bots.example", "http://bots.example:8080", "bots.example:http"):
        done = _export(tmp_path / "none", "--obs", wrong)

        assert (done.returncode, (tmp_path / "none").exists()) == (2, False)


def test_prometheus_and_alertmanager_read_their_configurations(tmp_path: Path) -> None:
    for program in ("promtool", "amtool"):
        if shutil.which(program) is None:
            missing(f"{program} (Debian's packages prometheus and prometheus-alertmanager)")
    _export(tmp_path)
    # As compose lays them: the rules beside Prometheus' own file.
    shutil.copytree(tmp_path / "rules", tmp_path / "prometheus" / "rules")

    _call("promtool", "check", "config", str(tmp_path / "prometheus" / "prometheus.yml"))
    _call("amtool", "check-config", str(tmp_path / "alertmanager" / "alertmanager.yml"))


def test_everything_compose_mounts_is_in_the_export_and_nothing_listens_to_others() -> None:
    services = _yaml(FOLDER / "compose.yml")["services"]

    mounted = [volume.split(":")[0] for one in services.values() for volume in one["volumes"]]
    assert set(services) == {"obs", "prometheus", "alertmanager", "grafana"}
    assert all((FOLDER / path).exists() for path in mounted if path.startswith("./"))
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    assert "--web.listen-address=127.0.0.1:9093" in services["alertmanager"]["command"]
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert not any("ports" in one for one in services.values())


def test_grafana_finds_source_and_dashboards_where_compose_puts_them() -> None:
    (source,) = _yaml(FOLDER / "provisioning" / "datasources" / "obs.yml")["datasources"]
    (folder,) = _yaml(FOLDER / "provisioning" / "dashboards" / "obs.yml")["providers"]
    grafana = _yaml(FOLDER / "compose.yml")["services"]["grafana"]

    assert f"./dashboards:{folder['options']['path']}:ro" in grafana["volumes"]
    assert (source["type"], source["url"]) == ("prometheus", "http://127.0.0.1:9090")


def _export(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "obs", "grafana", "export", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _yaml(file: Path) -> dict[str, Any]:
    read = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read
