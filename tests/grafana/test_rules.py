"""Recording and alert rules: sound, known metrics, a case for each, a runbook for each."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.grafana.rules import (
    FILES,
    FOLDER,
    TESTS,
    alerts,
    asked_in_cases,
    cases,
    recorded,
    rules,
    unknown,
)
from tests.servers import missing

SEVERITIES = {"critical", "error", "warning", "info"}


def test_every_rule_asks_only_for_what_is_served() -> None:
    asked = {rule["expr"]: unknown(rule["expr"]) for rule in rules()}

    assert {expression: names for expression, names in asked.items() if names} == {}


def test_every_alert_says_how_grave_it_is_what_happens_and_what_to_do() -> None:
    for name, alert in alerts().items():
        assert alert["labels"]["severity"] in SEVERITIES, name
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}, name
        assert alert["annotations"]["runbook_url"].endswith(f"#{name.lower()}"), name


def test_every_runbook_link_leads_to_a_section_and_every_section_to_an_alert() -> None:
    page = (FOLDER.parent / "docs" / "operations.md").read_text(encoding="utf-8")

    assert re.findall(r"(?m)^### (\w+)$", page) == list(alerts())


def test_every_alert_has_a_case_in_which_it_fires_with_its_words() -> None:
    fires = {case["alertname"] for case in cases() if case["exp_alerts"]}

    assert fires == set(alerts())


def test_every_alert_has_a_case_in_which_it_stays_calm() -> None:
    calm = {case["alertname"] for case in cases() if not case["exp_alerts"]}

    assert calm == set(alerts())


def test_of_every_recording_rule_a_case_says_what_it_comes_to() -> None:
    assert recorded() - asked_in_cases() == set()


def test_promtool_finds_the_rules_sound() -> None:
    _promtool("check", "rules", *map(str, FILES))


def test_alerts_fire_when_they_should_and_only_then() -> None:
    short = [file for file in TESTS if file.name in ("alerts.test.yml", "ends.test.yml")]

    assert len(short) == 2
    _promtool("test", "rules", *map(str, short))


@pytest.mark.parametrize(
    ("alert", "receivers"),
    [
        ({"alertname": "TradingDrawdownDeep", "severity": "critical", "mode": "live"}, "person,obs"),
        ({"alertname": "TradingDrawdownDeep", "severity": "critical", "mode": "simulated"}, "obs"),
        ({"alertname": "ObsDown", "severity": "critical"}, "person,obs"),
        ({"alertname": "ObsCriticalIssue", "severity": "critical", "mode": "live"}, "person"),
        ({"alertname": "ObsCriticalIssue", "severity": "critical", "mode": "simulated"}, "nobody"),
        ({"alertname": "ObsLabelsFolded", "severity": "info"}, "obs"),
    ],
)
def test_a_person_is_woken_for_real_money_and_nothing_is_told_in_a_circle(
    alert: dict[str, str], receivers: str
) -> None:
    if shutil.which("amtool") is None:
        missing("amtool (Debian's package prometheus-alertmanager)")
    routes = f"--config.file={FOLDER / 'alertmanager' / 'alertmanager.yml'}"
    labels = [f"{key}={value}" for key, value in alert.items()]
    done = subprocess.run(
        ["amtool", "config", "routes", "test", routes, *labels], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.strip()) == (0, receivers)


@pytest.mark.slow
def test_alerts_over_hours_and_days_fire_when_they_should() -> None:
    (long,) = (file for file in TESTS if file.name == "budgets.test.yml")

    _promtool("test", "rules", str(long))


@pytest.mark.parametrize(
    ("alert", "wrong"),
    [
        ("trading_unprotected_seconds > 60", "trading_unprotected_seconds > 6000"),
        ('"died"} > 0', '"died"} > 2'),
    ],
)
def test_a_wrong_threshold_is_found_by_the_cases(alert: str, wrong: str, tmp_path: Path) -> None:
    """The cases themselves can fail."""
    text = FILES[1].read_text(encoding="utf-8")
    assert alert in text
    (tmp_path / "tests").mkdir()
    (tmp_path / "alerts.yml").write_text(text.replace(alert, wrong, 1), encoding="utf-8")
    shutil.copy(FILES[0], tmp_path)
    cut = re.split(r"(?m)^  # .*drawdown.*$", TESTS[0].read_text(encoding="utf-8"))[0]
    (tmp_path / "tests" / "some.yml").write_text(cut, encoding="utf-8")

    with pytest.raises(AssertionError, match="FAILED"):
        _promtool("test", "rules", str(tmp_path / "tests" / "some.yml"))


def _promtool(*arguments: str) -> None:
    if shutil.which("promtool") is None:
        missing("promtool (Debian's package prometheus)")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
