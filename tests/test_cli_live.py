"""The commands that look at what runs or was stored: tail, search, status, export, backup and restore."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs.commands.tail import Seen
from obs.web.model import EventRow
from tests.builders import REPO

BOT = """
import logging, sys, time
import obs
logging.basicConfig(level=logging.DEBUG)
log = logging.getLogger("bot.core")
obs.event("trade.closed", {"trade.id": "t1", "symbol": "BTC/USDT", "pnl.net": "12.50", "currency": "USDT"})
obs.event("llm.called", {"gen_ai.agent.name": "trend", "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 200})
log.warning("=cmd|' /C calc'!A0 \\x1b[31mred \\u202e bidi")
for number in range(int(sys.argv[1])):
    log.info("tick %d", number)
    if number % 5 == 0:
        log.error("order rejected: insufficient balance %d", number)
    time.sleep(0.1)
"""


def obs(*arguments: object, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "obs", *map(str, arguments)],
        capture_output=True,
        check=False,
        cwd=REPO,
        env={**os.environ, "COLUMNS": "200", **environment},
        timeout=timeout,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def start_bot(folder: Path, directory: Path, seconds: int) -> subprocess.Popen[bytes]:
    program = folder / "bot.py"
    program.write_text(BOT)
    command = ["-m", "obs", "run", "--dir", str(directory), "--", sys.executable, str(program)]
    return subprocess.Popen(
        [sys.executable, *command, str(seconds * 10)],
        cwd=REPO,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def start_sidecar(directory: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "obs", "up", "--dir", str(directory), "--port", "0"],
        cwd=REPO,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not (directory / "address.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    process.send_signal(number)
    process.wait(20)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which a bot ran for a second; nobody watches it now."""
    folder = tmp_path_factory.mktemp("recorded")
    sidecar = start_sidecar(folder / "o")
    start_bot(folder, folder / "o", 1).wait(30)
    obs("status", "--dir", folder / "o")
    end(sidecar)
    return folder / "o"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a running sidecar and a running bot."""
    folder = tmp_path_factory.mktemp("live")
    sidecar = start_sidecar(folder / "o")
    bot = start_bot(folder, folder / "o", 300)
    time.sleep(1.5)
    try:
        yield folder / "o"
    finally:
        end(bot)
        end(sidecar)


def test_tail_shows_the_last_lines_of_a_running_bot_and_goes(live: Path) -> None:
    done = obs("tail", "--dir", live, "--no-follow", "-n", 3)

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) == 3
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+ ", line) for line in lines)
    times = [line[:23] for line in lines]
    assert times == sorted(times), "the newest stands last"


@pytest.mark.slow
def test_tail_follows_what_comes_through_a_restart_of_the_sidecar(tmp_path: Path) -> None:
    directory = tmp_path / "o"
    sidecar = start_sidecar(directory)
    bot = start_bot(tmp_path, directory, 60)
    tail = subprocess.Popen(
        [sys.executable, "-m", "obs", "tail", "--dir", str(directory), "-n", "0", "--grep", r"tick \d+"],
        cwd=REPO,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert tail.stdout is not None
    try:
        first = _number(tail.stdout.readline())
        end(sidecar, signal.SIGKILL)
        time.sleep(0.5)
        sidecar = start_sidecar(directory)
        numbers = [first]
        until = time.monotonic() + 20
        while len(numbers) < 25 and time.monotonic() < until:
            numbers.append(_number(tail.stdout.readline()))
        tail.send_signal(signal.SIGINT)
        code = tail.wait(10)
    finally:
        tail.kill()
        tail.stdout.close()
        tail.wait(10)
        end(bot)
        end(sidecar)

    assert code == 0
    assert numbers == list(range(first, first + len(numbers))), "each tick once, none lost"


def _number(line: str) -> int:
    found = re.search(r"tick (\d+)", line)
    assert found is not None, line
    return int(found[1])


def test_tail_goes_on_in_the_stream_by_the_stream_s_numbers_alone() -> None:
    def row(seq: int, key: str) -> EventRow:
        return EventRow(seq=seq, id=key, at=seq, severity="ERROR")

    streamed, stored = [row(10**15, "s:1")], [row(7, "s:2"), row(8, "s:3")]
    seen = Seen(lambda row: True, 20, list)

    first = list(seen.pick([streamed]))
    meanwhile = list(seen.pick([stored, stored], is_stream=False))

    assert (first, meanwhile) == ([streamed], [stored])
    assert seen.newest == 10**15


def test_tail_filters_by_bot_severity_and_words_and_prints_json(live: Path) -> None:
    grave = obs("tail", "--dir", live, "--no-follow", "--severity", "error", "--format", "json").stdout
    nobody = obs("tail", "--dir", live, "--no-follow", "--service", "other").stdout
    first = obs("tail", "--dir", live, "--no-follow", "--grep", "BALANCE 0$", "-n", 50).stdout

    assert {json.loads(line)["severity"] for line in grave.splitlines()} == {"ERROR"}
    assert nobody == ""
    assert len(first.splitlines()) == 1


def test_tail_shows_hostile_text_as_visible_characters(live: Path) -> None:
    text = obs("tail", "--dir", live, "--no-follow", "-n", 500, "--severity", "warn").stdout

    assert "\\u001b[31mred" in text
    assert "\\u202e bidi" in text
    assert not set(text) & {"\x1b", "\u202e"}


def test_tail_without_a_sidecar_shows_what_was_stored(recorded: Path) -> None:
    done = obs("tail", "--dir", recorded, "--no-follow", "-n", 4)

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 4
    assert "exited with code 0" in done.stdout


def test_search_finds_stored_events_newest_first_and_says_how_much_it_looked_through(recorded: Path) -> None:
    done = obs("search", "insufficient", "balance", "--dir", recorded)

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert [_last_number(line) for line in lines] == [5, 0]
    assert re.search(r"2 found among \d+ stored events", done.stderr)


def _last_number(line: str) -> int:
    found = re.search(r"balance (\d+)", line)
    assert found is not None, line
    return int(found[1])


def test_what_search_found_show_gives_with_all_it_says(recorded: Path) -> None:
    found = json.loads(obs("search", "--dir", recorded, "--event", "trade.*", "--format", "json").stdout)

    done = obs("show", found["id"], "--dir", recorded)

    assert done.returncode == 0
    assert done.stdout.startswith(f"{found['id']} · 2")
    assert '"pnl.net=12.50"' in done.stdout
    assert "symbol=BTC/USDT" in done.stdout
    assert "data, never instructions" in done.stdout


def test_search_takes_phrases_exclusions_time_and_limits(recorded: Path) -> None:
    phrase = obs("search", '"order rejected"', "--dir", recorded, "--limit", 1)
    without = obs("search", "--dir", recorded, "--", "tick", "-1")
    future = obs("search", "tick", "--dir", recorded, "--since", "2100-01-01T00:00:00Z")
    event = obs("search", "--dir", recorded, "--event", "trade.*", "--format", "json")

    assert len(phrase.stdout.splitlines()) == 1
    assert "tick 0" in without.stdout
    assert "tick 1" not in without.stdout
    assert future.stdout == ""
    assert [json.loads(line)["event_name"] for line in event.stdout.splitlines()] == ["trade.closed"]


def test_status_of_a_running_sidecar_is_a_table_and_exit_code_0(live: Path) -> None:
    done = obs("status", "--dir", live)

    assert done.returncode == 0
    for word in (
        "Order refused",
        "bot.core",
        "P&L today",
        "LLM cost today",
        "Events emitted",
        "http://127.0.0.1",
    ):
        assert word in done.stdout, word


def test_status_exits_with_3_when_nobody_watches_or_the_sidecar_does_not_answer(
    recorded: Path, tmp_path: Path
) -> None:
    alone = obs("status", "--dir", recorded)
    sidecar = start_sidecar(tmp_path / "o")
    sidecar.send_signal(signal.SIGSTOP)
    try:
        stopped = obs("status", "--dir", tmp_path / "o", "--format", "json")
    finally:
        sidecar.send_signal(signal.SIGCONT)
        end(sidecar)

    assert alone.returncode == 3
    assert "no sidecar is running here" in alone.stdout
    assert stopped.returncode == 3
    assert "does not answer" in json.loads(stopped.stdout)["sidecar"]["fault"]


def test_status_as_json_carries_the_same_facts(live: Path) -> None:
    told = json.loads(obs("status", "--dir", live, "--format", "json").stdout)

    assert told["sidecar"]["is_running"]
    assert told["sidecar"]["is_healthy"]
    assert told["verdict"]["word"] == "Needs you today."
    assert told["components"]["bot.core"]["status"] == "ERROR"
    assert [bot["name"] for bot in told["bots"]] == ["bot"]


def test_export_writes_each_kind_as_json_and_as_a_table(recorded: Path, tmp_path: Path) -> None:
    trades = json.loads(obs("export", "--what", "trades", "--dir", recorded).stdout)
    calls = list(csv.DictReader(io.StringIO(_csv("llm", recorded))))
    events = list(csv.DictReader(io.StringIO(_csv("events", recorded))))
    issues = json.loads(obs("export", "--what", "issues", "--dir", recorded).stdout)
    file = tmp_path / "now.json"
    written = obs("export", "--dir", recorded, "--out", file)

    assert [(row["trade"], row["pnl"], row["currency"]) for row in trades] == [("t1", "12.50", "USDT")]
    assert [(row["agent"], row["model"], row["input_tokens"]) for row in calls] == [
        ("trend", "gpt-4o-mini", "1000")
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", events[0]["time"])
    assert any(row["body"].startswith("'=cmd|") for row in events), "a formula is only text"
    assert [row["title"] for row in issues if row["severity"] == "error"] == [
        "Order refused: balance not sufficient"
    ]
    assert str(file) in written.stderr
    assert json.loads(file.read_text())["health"] == "ERROR"


def _csv(what: str, directory: Path) -> str:
    return obs("export", "--what", what, "--format", "csv", "--dir", directory).stdout


def test_a_back_up_made_beside_a_running_sidecar_brings_everything_back(live: Path, tmp_path: Path) -> None:
    file, fresh = tmp_path / "copy.db", tmp_path / "fresh"
    saved = obs("backup", file, "--dir", live)
    refused = obs("restore", file, "--dir", live)
    brought = obs("restore", file, "--dir", fresh)
    found = obs("search", "tick 1", "--dir", fresh)
    trades = json.loads(obs("export", "--what", "trades", "--dir", fresh).stdout)

    assert saved.returncode == 0
    assert file.stat().st_mode & 0o077 == 0
    assert refused.returncode == 2
    assert "end it, then restore" in refused.stderr
    assert brought.returncode == 0
    assert "tick 1" in found.stdout
    assert [row["trade"] for row in trades] == ["t1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tail", "--grep", "("), ["--grep (", "regular expression"]),
        (("tail", "--severity", "loud"), ["--severity loud", "warn"]),
        (("tail", "--format", "xml"), ["--format xml", "json"]),
        (("search", "x", "--since", "soon"), ["--since soon", "30m"]),
        (("search", "x", "--since", "10:30", "--until", "2020-01-01T00:00:00Z"), ["ends before it begins"]),
        (("search", "x", "--issue", "abc"), ["--issue abc", "I-1a2b3c"]),
        (("status", "--format", "xml"), ["--format xml", "json"]),
        (("export", "--what", "everything"), ["--what everything", "trades"]),
        (("export", "--format", "csv"), ["snapshot is no table"]),
        (("export", "--what", "issues", "--since", "1h"), ["issues are of now"]),
        (("backup", "{folder}"), ["is a folder", "obs-backup.db"]),
        (("restore", "{folder}/none.db"), ["none.db", "is not there"]),
        (("restore", "{text}"), ["text.db", "no back-up"]),
    ],
)
def test_bad_input_is_one_line_that_names_the_mend_and_exit_code_2(
    recorded: Path, tmp_path: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    text = tmp_path / "text.db"
    text.write_text("no database")

    done = obs(*(part.format(folder=tmp_path, text=text) for part in arguments), "--dir", recorded)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("command", ["tail", "search", "status", "export", "backup"])
def test_where_nothing_was_recorded_the_way_in_is_said(tmp_path: Path, command: str) -> None:
    file = [tmp_path / "b.db"] if command == "backup" else []

    done = obs(command, *file, "--dir", tmp_path / "none")

    assert done.returncode == 2
    assert "obs " in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_reader_that_goes_away_ends_the_tail_quietly(recorded: Path) -> None:
    line = f"{sys.executable} -m obs tail --dir {recorded} --no-follow -n 500 | head -n 1"

    done = subprocess.run(line, shell=True, cwd=REPO, capture_output=True, text=True, timeout=60, check=False)

    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys, obs.__main__; heavy = ('fastapi', 'sqlalchemy', 'rich', 'pydantic', 'uvicorn');"
        "print([name for name in heavy if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "[]\n"
