"""A folder as a user has it: settings, a universe of Korean codes, files with bars, a channel; and its runs.

The bars are real ones (LEAN's US shares), put on KRX's sessions one by one, so that every session has a bar.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from trading.bars import Bar, bars_of
from trading.sessions import load_sessions
from trading.store.store import Store, open_store

REPO = Path(__file__).resolve().parents[3]
NAMES = {
    "069500": ("spy", "KODEX 200"),
    "102110": ("qqq", "TIGER 200"),
    "091160": ("iwm", "KODEX 반도체"),
    "132030": ("bac", "KODEX 골드선물"),
    "005930": ("ibm", "삼성전자"),
}
LAST = date(2025, 1, 10)
"""The newest session that the files hold, unless told."""
COUNT = 300


def recorded(corpus: Path, *, count: int = COUNT, last: date = LAST) -> dict[str, list[Bar]]:
    """Return the last `count` bars of each share, on the sessions of KRX up to `last`, priced in won."""
    sessions = load_sessions("XKRX")
    days = sessions.between(last - timedelta(days=count * 2), last)[-count:]
    return {symbol: _bars(corpus, stem, days) for symbol, (stem, _) in NAMES.items()}


def _bars(corpus: Path, stem: str, days: list[date]) -> list[Bar]:
    path = corpus / "market" / "lean" / "equity_usa_daily" / f"{stem}.zip"
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines()[-len(days) :]
    rows = [[float(cell) for cell in line.split(",")[1:]] for line in lines]
    return bars_of(
        (day, *(round(price / 100) for price in row[:4]), row[4]) for day, row in zip(days, rows, strict=True)
    )


class Stage:
    """The folder."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.settings: dict[str, dict[str, Any]] = {
            "data": {"source": "files", "folder": "bars", "days": 900},
            "market": {"calendar": "XKRX", "currency": "KRW", "universe": "universe.toml"},
            "notify": {"secret": "secret/config.yaml", "language": "ko", "per_hour": 1000},
        }
        (folder / "bars").mkdir(parents=True)
        (folder / "secret").mkdir()
        self.write_settings()
        instruments = [
            f'[[instrument]]\nsymbol = "{symbol}"\nname = "{name}"\n' for symbol, (_, name) in NAMES.items()
        ]
        (folder / "universe.toml").write_text("\n".join(instruments), encoding="utf-8")
        params = {"version": 1, "params": {"entry": 1.0, "min_confidence": 0.55, "max_correlation": 0.95}}
        (folder / "best_params.json").write_text(json.dumps(params))
        if port:
            self.connect(port)

    def connect(self, port: int, path: str = "/") -> None:
        """Name the phone as the channel."""
        secret = self.folder / "secret" / "config.yaml"
        url = f"json://127.0.0.1:{port}{path}"
        secret.write_text(f"channels:\n  phone: {{type: apprise, url: '{url}'}}\n")
        secret.chmod(0o600)

    def copied(self, folder: Path, port: int) -> Stage:
        """Return a copy of all of it, that sends its messages to a path of its own."""
        shutil.copytree(self.folder, folder)
        copy = object.__new__(Stage)
        copy.folder, copy.settings = folder, self.settings
        copy.connect(port, f"/{folder.name}")
        return copy

    def set(self, section: str, **values: Any) -> None:
        """Change settings."""
        self.settings.setdefault(section, {}).update(values)
        self.write_settings()

    def write_settings(self) -> None:
        lines = []
        for section, values in self.settings.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        (self.folder / "trading.toml").write_text("\n".join(lines), encoding="utf-8")

    def put(self, series: Mapping[str, list[Bar]], *, until: date | None = None) -> None:
        """Write the bars, or those up to a day, as the source would have them after its close."""
        for symbol, bars in series.items():
            lines = ["date,open,high,low,close,volume"]
            for bar in bars:
                day = date(1970, 1, 1) + timedelta(days=bar.time // 86_400_000_000_000)
                if until is None or day <= until:
                    prices = ",".join(f"{price:.0f}" for price in bar[1:5])
                    lines.append(f"{day},{prices},{bar.volume:.0f}")
            (self.folder / "bars" / f"{symbol}.csv").write_text("\n".join(lines) + "\n")

    @property
    def store(self) -> Path:
        return self.folder / "data" / "monitoring"

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    def run(
        self, *options: str, now: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m trading daily` as a process of its own."""
        command = [sys.executable, "-m", "trading", "daily", "--config", str(self.folder / "trading.toml")]
        return subprocess.run(
            [*command, "--now", now, *options],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(REPO), **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )


class Phone:
    """Where messages arrive."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.port = 0

    def titles(self, path: str = "") -> list[str]:
        """Return the titles of the messages that came, or of those to one path."""
        return [str(message["title"]) for message in self.messages if not path or message["path"] == path]


@contextmanager
def phone() -> Iterator[Phone]:
    """Listen for messages on a port of this machine."""
    heard = Phone()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.messages.append({**message, "path": self.path})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def closes(day: date) -> str:
    return f"{day}T15:40+09:00"


def store_of(stage: Stage) -> Store:
    return open_store(stage.store)


def event(record: Any) -> str:
    return getattr(record, "event_name", "")
