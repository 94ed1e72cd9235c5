"""`obs grafana export`: what a person gets, and that the programs it is for read it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
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


def test_elsewhere_tokens_are_asked_for_and_browsers_have_an_address_of_their_own(tmp_path: Path) -> None:
    done = _export(tmp_path, "--obs", "host.docker.internal:8080", "--page", "https://obs.example/")

    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "secrets") in done.stdout
    (scraped,) = _yaml(tmp_path / "prometheus" / "prometheus.yml")["scrape_configs"]
    assert scraped["authorization"] == {"credentials_file": "/etc/prometheus/obs-token"}
    receivers = _yaml(tmp_path / "alertmanager" / "alertmanager.yml")["receivers"]
    (hook,) = receivers[0]["webhook_configs"]
    assert hook["url"] == "http://host.docker.internal:8080/api/alerts/webhook"
    assert hook["http_config"] == {"authorization": {"credentials_file": "/etc/alertmanager/obs-token"}}
    for name in ("compose.yml", "compose.desktop.yml"):
        mounted = [one for each in _yaml(tmp_path / name)["services"].values() for one in each["volumes"]]
        assert "./secrets/read-token:/etc/prometheus/obs-token:ro" in mounted
        assert "./secrets/token:/etc/alertmanager/obs-token:ro" in mounted
    read = [path.read_text(encoding="utf-8") for path in (tmp_path / "dashboards").iterdir()]
    read.append((tmp_path / "provisioning" / "datasources" / "obs.yml").read_text(encoding="utf-8"))
    assert all("https://obs.example" in text and "host.docker.internal" not in text for text in read)
    assert all("obs.example//" not in text for text in read)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("alertname=TradingBotDied", "severity=critical"), "person,obs"),
        (("alertname=TradingDayLoss", "severity=error"), "obs"),
        (("alertname=ObsLabelsFolded", "severity=info"), "obs"),
        # Sent back to obs it would live on by the issue that it makes.
        (("alertname=ObsCriticalIssue", "severity=critical"), "person"),
        (("alertname=Somebodys", "team=other"), "obs"),
    ],
)
def test_what_is_critical_wakes_a_person_and_obs_hears_of_all_but_its_own(
    labels: tuple[str, ...], receivers: str
) -> None:
    if shutil.which("amtool") is None:
        missing("amtool (Debian's package prometheus-alertmanager)")
    config = f"--config.file={FOLDER / 'alertmanager' / 'alertmanager.yml'}"
    routed = subprocess.run(
        ["amtool", "config", "routes", "test", config, *labels], capture_output=True, text=True, check=True
    )

    assert routed.stdout.strip() == receivers


@pytest.mark.parametrize("name", ["compose.yml", "compose.desktop.yml"])
def test_docker_compose_reads_the_compose_file(name: str, tmp_path: Path) -> None:
    if shutil.which("docker-compose") is None:
        missing("docker-compose (Debian's package of that name)")
    for arguments in ((), ("--obs", "host.docker.internal:8080")):
        folder = tmp_path / str(len(arguments))
        _export(folder, *arguments)

        _call("docker-compose", "-f", str(folder / name), "config", "--quiet")


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
    wrongs = [("--obs", one) for one in ("bots.example", "http://bots.example:8080", "bots.example:http")]
    for wrong in (*wrongs, ("--page", "obs.example"), ("--page", "javascript:alert(1)")):
        done = _export(tmp_path / "none", *wrong)

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


@pytest.mark.parametrize("name", ["compose.yml", "compose.desktop.yml"])
def test_everything_compose_mounts_is_in_the_export(name: str) -> None:
    composed = _yaml(FOLDER / name)
    services = composed["services"]

    mounted = [volume.split(":")[0] for one in services.values() for volume in one["volumes"]]
    assert all((FOLDER / path).exists() for path in mounted if path.startswith("./"))
    # What is no folder is a volume, and each has to be named.
    assert {path for path in mounted if path[0] not in "./$"} == set(composed["volumes"])
    assert all(re.fullmatch(r"[\w./-]+:v?\d+(\.\d+)+(-slim)?", one["image"]) for one in services.values())


def test_what_compose_starts_is_healthy_when_it_answers_and_listens_on_loopback_only() -> None:
    services = _yaml(FOLDER / "compose.yml")["services"]

    assert [name for name, one in services.items() if "profiles" not in one] == [
        "prometheus",
        "alertmanager",
        "grafana",
    ]
    assert all(one["healthcheck"]["test"][0] == "CMD" for one in services.values())
    assert {one["network_mode"] for one in services.values()} == {"host"}
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    assert "--web.listen-address=127.0.0.1:9093" in services["alertmanager"]["command"]
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    desktop = _yaml(FOLDER / "compose.desktop.yml")["services"]
    assert all(port.startswith("127.0.0.1:") for port in desktop["prometheus"]["ports"])
    assert {one.get("network_mode") for one in desktop.values()} == {None, "service:prometheus"}


def test_each_exemplar_of_ours_leads_on(tmp_path: Path) -> None:
    _export(tmp_path, "--page", "https://obs.example")
    source, _ = _yaml(tmp_path / "provisioning" / "datasources" / "obs.yml")["datasources"]

    leads = {one["name"]: one["url"] for one in source["jsonData"]["exemplarTraceIdDestinations"]}
    assert leads == {
        "issue": "https://obs.example/#/issues/$${__value.raw}",
        "decision": "https://obs.example/api/events?text=$${__value.raw}",
        "order": "https://obs.example/api/events?text=$${__value.raw}",
    }


def test_grafana_finds_source_and_dashboards_where_compose_puts_them() -> None:
    sources = _yaml(FOLDER / "provisioning" / "datasources" / "obs.yml")["datasources"]
    (folder,) = _yaml(FOLDER / "provisioning" / "dashboards" / "obs.yml")["providers"]
    grafana = _yaml(FOLDER / "compose.yml")["services"]["grafana"]

    assert f"./dashboards:{folder['options']['path']}:ro" in grafana["volumes"]
    assert [(source["type"], source["url"], source.get("isDefault", False)) for source in sources] == [
        ("prometheus", "http://127.0.0.1:9090", True),
        ("alertmanager", "http://127.0.0.1:9093", False),
    ]


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
