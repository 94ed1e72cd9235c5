"""The command line as its user meets it: pages, exit codes, one clear line for everything that is wrong."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from obs.dashboard import schema
from tests.builders import PACK, REPO

LOG = (
    "2026-01-02 03:04:05,678 - bot.core - INFO - started\n"
    "2026-01-02 03:04:06,678 - bot.net - ERROR - call failed\n"
    "Traceback (most recent call last):\n"
    '  File "/home/me/bot/net.py", line 12, in fetch\n'
    "    return session.get(url)\n"
    "ConnectionRefusedError: [Errno 111] Connection refused\n"
)


def obs(
    *arguments: object, stdin: bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "obs", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=REPO,
        env={**os.environ, "COLUMNS": "200", **environment},
        timeout=60,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "bot.log"
    path.write_text(LOG)
    return path


def test_brief_reads_a_log_and_prints_the_page(log: Path) -> None:
    done = obs("brief", log)

    assert done.returncode == 0
    assert done.stdout.startswith("# obs briefing")
    assert 'a:6 "ConnectionRefusedError: [Errno 111] Connection refused"' in done.stdout
    assert done.stderr == ""


def test_brief_reads_standard_input_and_gzip(tmp_path: Path, log: Path) -> None:
    packed = tmp_path / "bot.log.gz"
    packed.write_bytes(gzip.compress(LOG.encode()))

    assert "ConnectionRefusedError" in obs("brief", "-", stdin=LOG.encode()).stdout
    assert "ConnectionRefusedError" in obs("brief", packed).stdout


def test_brief_as_json_keeps_to_the_schema(log: Path) -> None:
    import jsonschema

    jsonschema.validate(json.loads(obs("brief", log, "--format", "json").stdout), schema())


def test_check_exits_with_one_on_findings_and_zero_without(tmp_path: Path, log: Path) -> None:
    calm = tmp_path / "calm.log"
    calm.write_text("2026-01-02 03:04:05,678 - bot.core - INFO - started\n")

    empty = tmp_path / "empty.log"
    empty.write_text("")

    assert obs("check", empty).returncode == 1
    assert obs("check", log).returncode == 1
    assert obs("check", calm).returncode == 0


def test_show_gives_the_issue_and_the_record_behind_an_id(log: Path) -> None:
    page = obs("brief", log).stdout
    issue = re.search(r"I-[0-9a-f]{6}", page)
    assert issue is not None

    shown = obs("show", issue[0][:5], "a:4", "--file", log).stdout

    assert "Why grouped:" in shown
    assert "session.get(url)" in shown


def test_help_names_every_command() -> None:
    done = obs("--help")

    for name in ("run", "up", "brief", "status", "show", "check", "config"):
        assert re.search(rf"^\W*{name} ", done.stdout, re.MULTILINE), name


def test_the_version_can_be_asked_for() -> None:
    assert re.fullmatch(r"obs \d+\.\d+\.\d+\n", obs("--version").stdout)


def test_config_tells_each_value_and_its_origin(tmp_path: Path) -> None:
    done = obs("config", "--dir", tmp_path, OBS_PORT="9001")

    assert f"dir = {tmp_path}  (argument)" in done.stdout
    assert "port = 9001  (environment OBS_PORT)" in done.stdout
    assert "lang = en  (default)" in done.stdout


def unreadable(folder: Path) -> Path:
    path = folder / "secret.log"
    path.write_text("x")
    path.chmod(0)
    return path


def binary(folder: Path) -> Path:
    path = folder / "prog.bin"
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40)
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("brief", "{missing}"), ["missing.log", "no such file"]),
        (("brief", "{folder}"), ["is a directory", "name the files"]),
        (("brief", "{binary}"), ["prog.bin", "a program", "text file"]),
        (("brief", "{log}", "--format", "xml"), ["--format xml", "md or json"]),
        (("brief", "{log}", "--lang", "de"), ["lang", "'de'", "en|ko"]),
        (("brief", "{log}", "--budget", "-3"), ["budget", "-3"]),
        (("brief", "{log}", "--timezone", "Mars/Base"), ["timezone", "Mars/Base", "Asia/Seoul"]),
        (("brief", "{log}", "--since", "soon"), ["--since soon", "30m"]),
        (("brief", "{log}", "--since", "last"), ["--since last", "recorded files have no cursor"]),
        (("check", "{log}", "--severity", "bad"), ["--severity bad", "critical"]),
        (("show", "I-ffffff", "--file", "{log}"), ["I-ffffff", "no such issue"]),
        (("show", "a:999", "--file", "{log}"), ["a:999", "no such line"]),
        (("status", "--dir", "{missing}"), ["nothing is recorded", "obs run"]),
        (("brief", "{folder}/*.none"), ["*.none", "no file matches"]),
    ],
)
def test_bad_input_is_one_line_that_names_the_mend_and_exit_code_2(
    tmp_path: Path, log: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    places = {
        "missing": tmp_path / "missing.log",
        "folder": tmp_path,
        "binary": binary(tmp_path),
        "log": log,
    }

    done = obs(*[argument.format(**places) for argument in arguments])

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word.lower() in done.stderr.lower()


def test_an_unknown_option_is_refused_with_exit_code_2(log: Path) -> None:
    done = obs("brief", log, "--colour")

    assert done.returncode == 2
    assert "--colour" in done.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    done = obs("brief", unreadable(tmp_path))

    assert done.returncode == 2
    assert os.strerror(errno.EACCES).lower() in done.stderr.lower()


def test_an_empty_log_and_half_a_gzip_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.write_text("")
    half = tmp_path / "half.log.gz"
    half.write_bytes(gzip.compress((LOG * 500).encode())[:-20])

    nothing, some = obs("brief", empty), obs("brief", half)

    assert nothing.returncode == 0
    assert "UNKNOWN" in nothing.stdout
    assert some.returncode == 0
    assert "not read to the end" in some.stdout


def test_a_broken_settings_file_stops_the_command_line_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "obs.toml").write_text("[[[")

    done = subprocess.run(
        [sys.executable, "-m", "obs", "status"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr.startswith("obs: ")
    assert "obs.toml" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_busy_port_is_said_and_another_offered(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]

        done = obs("up", "--dir", tmp_path / "o", "--port", port)

    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "OBS_PORT" in done.stderr


def test_up_follows_a_log_and_serves_what_it_says(tmp_path: Path, log: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "obs", "up", str(log), "--dir", str(tmp_path / "o"), "--port", str(port)],
        stderr=subprocess.PIPE,
        cwd=REPO,
    )
    try:
        text = _wait_for(f"http://127.0.0.1:{port}/api/briefing", "ConnectionRefusedError")
        metrics = _wait_for(f"http://127.0.0.1:{port}/metrics", 'obs_events_total{severity="ERROR"} 1.0')
    finally:
        process.terminate()
        process.communicate(timeout=20)

    assert text.startswith("# obs briefing")
    assert "obs_health 3.0" in metrics
    assert process.returncode == 0


def _wait_for(address: str, wanted: str) -> str:
    text = ""
    for _ in range(100):
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                text = answer.read().decode()
        except OSError:
            text = ""
        if wanted in text:
            return text
        time.sleep(0.1)
    raise AssertionError(f"{wanted!r} never came; last: {text[:500]!r}")


def test_up_takes_over_changed_settings_and_keeps_the_old_when_they_are_wrong(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "obs.toml").write_text('lang = "en"\n')
    (tmp_path / "bot.log").write_text(LOG)
    command = [sys.executable, "-m", "obs", "up", "bot.log", "--dir", "o", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=tmp_path)
    latest = tmp_path / "o" / "briefings" / "latest.md"
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/briefing", "ConnectionRefusedError")
        (tmp_path / "obs.toml").write_text('lang = "ko"\n')
        _until(lambda: "브리핑" in latest.read_text(encoding="utf-8"))
        (tmp_path / "obs.toml").write_text('lang = "xx"\n')
        time.sleep(1)
        kept = latest.read_text(encoding="utf-8")
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=20)

    assert "브리핑" in kept
    assert b"settings reloaded" in errors
    assert b"settings kept" in errors


def test_up_takes_over_changed_rule_packs_and_says_on_the_page_when_they_are_wrong(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mine, log = tmp_path / "my.toml", tmp_path / "bot.log"
    mine.write_text(PACK)
    (tmp_path / "obs.toml").write_text('rules = ["my.toml"]\n')
    log.write_text("2026-03-02 10:00:00 ERROR hedge for ETH/USDT took 1200 ms\n")
    command = [sys.executable, "-m", "obs", "up", "bot.log", "--dir", "o", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=tmp_path)
    briefing = f"http://127.0.0.1:{port}/api/briefing"
    try:
        _wait_for(briefing, "Hedge late")
        mine.write_text(PACK.replace('severity = "critical"', 'severity = "grave"'))
        wrong = _wait_for(briefing, "settings are wrong and not in force")
        mine.write_text(PACK.replace("Hedge late", "Second leg late"))
        mended = _wait_for(briefing, "Second leg late")
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=20)

    assert "Hedge late" in wrong
    assert "severity = 'grave' is wrong" in wrong
    assert "are wrong" not in mended
    assert b"severity = 'grave' is wrong" in errors


def test_a_rule_pack_can_be_tried_on_a_log_before_it_is_used(tmp_path: Path) -> None:
    mine, log = tmp_path / "my.toml", tmp_path / "bot.log"
    mine.write_text(PACK)
    log.write_text("2026-03-02 10:00:00 ERROR hedge for ETH/USDT took 1200 ms\n")

    done = obs("check", "--rules", str(mine), str(log))
    mine.write_text(PACK.replace("hedge for BTC/USDT took", "hedge took"))
    refused = obs("check", "--rules", str(mine))

    assert (done.returncode, refused.returncode) == (0, 2)
    assert "my.hedge-late  fits 1: a:1" in done.stdout
    assert "my.toml: rule my.hedge-late: examples.match" in refused.stderr.replace(
        "literals", "examples.match"
    )


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to hold")
