"""Runs real bots in environments of their own, offline, with nothing but their own configuration changed.

    python scripts/test_bots.py            # all
    python scripts/test_bots.py backtest   # one part: backtest, trade, crash

freqtrade is installed from the package index into `.cache/bots/freqtrade` (a few minutes, once), `obs`
beside it without any dependency. The only change is a JSON `log_config` block that names our handler.
Checked: every record of freqtrade's own log file is in the spool, in order, with level, logger, time and
exception; its own output is what it is without us; a briefing comes out of it.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bot_exchange
import msgspec

from obs.redaction import redact
from obs.spool_reader import SpoolReader

REPO = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("OBS_BOTS_DIR", REPO / ".cache" / "bots"))
VERSION = os.environ.get("OBS_FREQTRADE", "freqtrade>=2025.1")
TRADE_SECONDS = 45

_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_HEAD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - (\S+) - ([A-Z]+) - (.*)")

_LOG_CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"basic": {"format": "%(message)s"}, "standard": {"format": _FORMAT}},
    "handlers": {
        "console": {"class": "freqtrade.loggers.ft_rich_handler.FtRichHandler", "formatter": "basic"}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}

_STRATEGY = """
from freqtrade.strategy import IStrategy


class Wave(IStrategy):
    timeframe = "5m"
    minimal_roi = {"0": 0.004}
    stoploss = -0.02
    startup_candle_count = 20
    loops = 0

    def bot_loop_start(self, current_time, **kwargs):
        self.loops += 1
        if self.loops % 3 == 0:
            raise KeyError(f"regime of loop {self.loops}")

    def populate_indicators(self, dataframe, metadata):
        dataframe["mean"] = dataframe["close"].rolling(20).mean()
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["close"] != dataframe["mean"], "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        # Beyond what the stand-in's prices reach: a candle that says both, enter and exit, is not entered.
        dataframe.loc[dataframe["close"] > dataframe["mean"] * 1.06, "exit_long"] = 1
        return dataframe
"""


@dataclass(frozen=True)
class Record:
    """One record of a log, however it was kept; times to the millisecond."""

    time: str
    logger: str
    level: str
    message: str
    exception: str = ""
    is_provisional: bool = False
    """Written by the log call itself, before anything was read from disk: frames without source lines."""


@dataclass
class Part:
    """What one part of the check found."""

    name: str
    facts: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def check(self, holds: bool, fact: str, fault: str = "") -> None:
        """Note a fact, or a fault when it does not hold."""
        (self.facts if holds else self.faults).append(fact if holds else fault or f"not so: {fact}")


def install() -> Path:
    """Make freqtrade's own environment unless it is there, and put the newest `obs` into it; its `bin`."""
    home = CACHE / "freqtrade"
    python = home / "bin" / "python"
    uv = shutil.which("uv") or str(REPO / ".tools" / "bin" / "uv")
    has_uv = Path(uv).exists()
    if not python.exists():
        print(f"installing freqtrade into {home} ...", flush=True)
        make = (
            [uv, "venv", "-q", "--python", "3.11", str(home)]
            if has_uv
            else [sys.executable, "-m", "venv", str(home)]
        )
        subprocess.run(make, check=True)
    pip = (
        [uv, "pip", "install", "-q", "--python", str(python)]
        if has_uv
        else [str(python), "-m", "pip", "install", "-q"]
    )
    if not (home / "bin" / "freqtrade").exists():
        subprocess.run([*pip, VERSION], check=True)
    subprocess.run(
        [*pip, "--no-deps", "--reinstall" if has_uv else "--force-reinstall", str(REPO)], check=True
    )
    return home / "bin"


def prepare(work: Path, address: str) -> None:
    """Write a user's folder: configuration, strategy, candles, and the block that names our handler."""
    shutil.rmtree(work, ignore_errors=True)
    strategies, data = work / "user" / "strategies", work / "user" / "data" / "binance"
    strategies.mkdir(parents=True)
    data.mkdir(parents=True)
    (strategies / "wave.py").write_text(_STRATEGY)
    (work / "config.json").write_text(json.dumps(_config(address)))
    (work / "plain.json").write_text(json.dumps({"log_config": _LOG_CONFIG}))
    ours = json.loads(json.dumps(_LOG_CONFIG))
    ours["handlers"]["obs"] = {"class": "obs.handler.SidecarHandler"}
    ours["root"]["handlers"].append("obs")
    (work / "obs.json").write_text(json.dumps({"log_config": ours}))
    start = int(datetime(2025, 10, 1, tzinfo=UTC).timestamp() * 1000)
    for pair, base in bot_exchange.PAIRS.items():
        rows = [[at, *bot_exchange.candle(base, at)] for at in range(start, start + 5 * 86_400_000, 300_000)]
        (data / f"{pair.replace('/', '_')}-5m.json").write_text(json.dumps(rows))


def _config(address: str) -> dict[str, Any]:
    rest = {"public": f"{address}/api/v3", "private": f"{address}/api/v3", "v1": f"{address}/api/v1"}
    return {
        "dry_run": True,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "max_open_trades": 2,
        "dry_run_wallet": 1000,
        "trading_mode": "spot",
        "dataformat_ohlcv": "json",
        "cancel_open_orders_on_exit": False,
        "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exchange": {
            "name": "binance",
            "enable_ws": False,
            "pair_whitelist": list(bot_exchange.PAIRS),
            "ccxt_config": {
                "urls": {"api": rest},
                "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False},
            },
        },
        "pairlists": [{"method": "StaticPairList"}],
        "internals": {"process_throttle_secs": 2, "heartbeat_interval": 10},
        "bot_name": "wave",
        "initial_state": "running",
    }


@dataclass(frozen=True)
class Done:
    """A finished run of freqtrade."""

    status: int
    stdout: str
    stderr: str
    log: list[Record]
    spool: list[Record]
    directory: Path


def freqtrade(
    folder: Path, work: Path, name: str, arguments: Sequence[str], *, ours: bool, seconds: float | None = None
) -> Done:
    """Run freqtrade to its end, or interrupt it after a time, and read what it left."""
    log, directory = work / f"{name}.log", work / f"{name}.obs"
    block = work / ("obs.json" if ours else "plain.json")
    command = [
        str(folder / "freqtrade"), *arguments, "--userdir", str(work / "user"), "--logfile", str(log),
        "-c", str(work / "config.json"), "-c", str(block),
    ]  # fmt: skip
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OBS_", "PYTHON"))}
    environment = {**kept, "OBS_DIR": str(directory), "COLUMNS": "400", "NO_PROXY": "*", "TZ": "UTC"}
    with subprocess.Popen(
        command, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=seconds or 300)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            try:
                stdout, stderr = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                stdout, stderr = process.communicate()
    spool = list(read_spool(directory)) if (directory / "spool").is_dir() else []
    return Done(process.returncode, stdout, stderr, read_log(log), spool, directory)


def read_log(path: Path) -> list[Record]:
    """Return the records of freqtrade's own log file."""
    records: list[list[Any]] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        head = _HEAD.match(line)
        if head:
            records.append([*head.groups(), []])
        elif records:
            records[-1][4].append(line)
    return [Record(*head, *_split(message, more)) for *head, message, more in records]


def _split(message: str, more: Sequence[str]) -> tuple[str, str]:
    """Return message and traceback of one record's lines."""
    start = next((index for index, line in enumerate(more) if line.startswith("Traceback (most")), len(more))
    return "\n".join([message, *more[:start]]), "\n".join(more[start:])


def read_spool(directory: Path) -> Iterator[Record]:
    """Yield what the handler kept, in the order in which it was said."""
    reader, rows = SpoolReader(directory / "spool"), []
    try:
        while batch := reader.poll(100_000).lines:
            rows += [msgspec.json.decode(line.raw, type=dict[str, Any]) for line in batch]
    finally:
        reader.close()
    for row in sorted(rows, key=lambda row: row["seq"]):
        at = datetime.fromtimestamp(row["timestamp"] // 1_000_000 / 1000, UTC)
        yield Record(
            f"{at:%Y-%m-%d %H:%M:%S},{row['timestamp'] // 1_000_000 % 1000:03}",
            row["logger"],
            row["severity_text"],
            row["body"],
            row.get("exception", {}).get("stacktrace", ""),
            bool(row.get("provisional")),
        )


def check_kept(part: Part, done: Done) -> None:
    """Check that each record of the log file is in the spool, whole and in order."""
    wanted = [
        Record(one.time, one.logger, one.level, redact(one.message), redact(one.exception))
        for one in done.log
    ]
    missing, place = [], 0
    for one in wanted:
        found = next((at for at in range(place, len(done.spool)) if _is_same(one, done.spool[at])), None)
        if found is None:
            missing.append(one)
        else:
            place = found + 1
    raised = sum(1 for one in wanted if one.exception)
    bare = sum(1 for one in done.spool if one.is_provisional)
    part.check(
        bool(wanted) and not missing,
        f"{len(wanted)} records of its log file, {raised} with an exception "
        f"({bare} kept without source lines): all in the spool, in order",
        f"{len(missing)} of {len(wanted)} records are not in the spool in their place, first: {missing[:1]}",
    )


def _is_same(one: Record, other: Record) -> bool:
    # Both round a float's microseconds, and may end up one millisecond apart.
    near = abs(_milliseconds(one.time) - _milliseconds(other.time)) <= 1
    same = (one.logger, one.level, one.message) == (other.logger, other.level, other.message)
    if other.is_provisional:
        return near and same and _frames(one.exception) == _frames(other.exception)
    return near and same and _without_marks(one.exception) == _without_marks(other.exception)


def _milliseconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC).timestamp() * 1000)


def _frames(stacktrace: str) -> list[str]:
    """Return a traceback's lines without the source lines."""
    return [line for line in stacktrace.splitlines() if line.strip() and not line.startswith("    ")]


def _without_marks(stacktrace: str) -> list[str]:
    """Return a traceback's lines without the carets, which differ between Python's minor versions."""
    return [line.rstrip() for line in stacktrace.splitlines() if line.strip(" ~^")]


def modulo_time(text: str) -> list[str]:
    """Return the lines of an output with all that depends on the moment taken out."""
    text = re.sub(r"\d{4}-\d\d-\d\d[ T_]\d\d[:-]\d\d[:-]\d\d([.,]\d+)?(\+00:00)?", "TIME", text)
    text = re.sub(r"\b(plain|ours)\.(json|log)\b|\bobs\.json\b", "FILE", text)
    text = re.sub(r"\d+(\.\d+)? ?(s\b|seconds|ms\b)", "DURATION", text)
    text = re.sub(r"0x[0-9a-f]+|backtest-result-TIME|pid=?\s?\d+", "ID", text, flags=re.IGNORECASE)
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]


def check_output(part: Part, plain: Done, ours: Done) -> None:
    """Check that its own output is what it is without us."""
    for name in ("stdout", "stderr"):
        before, after = modulo_time(getattr(plain, name)), modulo_time(getattr(ours, name))
        changes = [line for line in difflib.unified_diff(before, after, lineterm="", n=0) if line[:1] in "+-"]
        part.check(before == after, f"{name}: the same {len(before)} lines", f"{name} differs: {changes[:6]}")
    part.check(plain.status == ours.status, f"exit code {ours.status} both times")


def check_briefing(part: Part, done: Done) -> None:
    """Check that a briefing comes out of the spool, and keep it beside the log."""
    from obs import briefing, events
    from obs.analysis import Analyzer

    analyzer, reader = Analyzer(), SpoolReader(done.directory / "spool")
    try:
        while batch := reader.poll(100_000).lines:
            for line in batch:
                uid = f"{line.process}-{line.seq}"
                analyzer.feed(
                    events.decode_line(msgspec.json.decode(line.raw), resource=line.resource, uid=uid)
                )
    finally:
        reader.close()
    text = briefing.render(analyzer.snapshot())
    place = done.directory.with_suffix(".md")
    place.write_text(text)
    part.check(len(text) > 200, f"a briefing of {len(text)} characters: {place}")


def backtest(folder: Path, work: Path) -> Part:
    """A backtest, which prints the same each time."""
    part = Part("backtest")
    arguments = [
        "backtesting",
        "--strategy",
        "Wave",
        "--timerange",
        "20251002-20251004",
        "--cache",
        "none",
        "--export",
        "none",
    ]
    plain = freqtrade(folder, work, "plain", arguments, ours=False)
    ours = freqtrade(folder, work, "ours", arguments, ours=True)
    check_output(part, plain, ours)
    check_kept(part, ours)
    check_briefing(part, ours)
    return part


def trade(folder: Path, work: Path) -> Part:
    """A dry run that trades at the stand-in exchange and is interrupted."""
    part = Part("trade")
    arguments = ["trade", "--strategy", "Wave", "--db-url", "sqlite://"]
    plain = freqtrade(folder, work, "plain", arguments, ours=False, seconds=TRADE_SECONDS / 2)
    ours = freqtrade(folder, work, "ours", arguments, ours=True, seconds=TRADE_SECONDS)
    check_kept(part, ours)
    part.check(plain.status == ours.status, f"exit code {ours.status} both times")
    # Two dry runs never say the same; but what one prints to its console is what it writes to its log.
    shown = " ".join(modulo_time(ours.stderr))
    unseen = [one for one in ours.log if (line := modulo_time(one.message)) and line[0][:60] not in shown]
    part.check(not unseen, "its console shows every record of its log", f"not on its console: {unseen[:2]}")
    traded = [one.message for one in ours.log if "Order" in one.message or "Trade" in one.message]
    part.check(bool(traded), f"it traded: {traded[0][:90] if traded else ''}", "it did not trade")
    check_briefing(part, ours)
    return part


def crash(folder: Path, work: Path) -> Part:
    """A start that fails, because the strategy is not there."""
    part = Part("crash")
    arguments = ["backtesting", "--strategy", "Missing", "--timerange", "20251002-20251004"]
    plain = freqtrade(folder, work, "plain", arguments, ours=False)
    ours = freqtrade(folder, work, "ours", arguments, ours=True)
    check_output(part, plain, ours)
    check_kept(part, ours)
    check_briefing(part, ours)
    return part


PARTS: dict[str, Callable[[Path, Path], Part]] = {"backtest": backtest, "trade": trade, "crash": crash}


def main() -> int:
    """Run the parts asked for; 0 when all that must hold does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=" or ".join(PARTS))
    chosen = parser.parse_args().parts or list(PARTS)
    if not PARTS.keys() >= set(chosen):
        parser.error(f"a part is one of {' '.join(PARTS)}")
    folder = install()
    failed = False
    with bot_exchange.serve() as address:
        for name in chosen:
            work = CACHE / "work" / name
            prepare(work, address)
            started = time.monotonic()
            part = PARTS[name](folder, work)
            failed = failed or bool(part.faults)
            print(f"freqtrade {name} ({time.monotonic() - started:.0f} s)")
            for fact in part.facts:
                print(f"  ok    {fact}")
            for fault in part.faults:
                print(f"  FAULT {fault}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
