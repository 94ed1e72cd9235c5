"""Daily prices of Korean shares and funds, from KRX by pyKRX (extra `krx`).

KRX wants a login (`KRX_ID`, `KRX_PW`). pyKRX logs in while it is imported and hides every failure, so it runs
in a process of its own (`krx_worker`); here is decided what came of it. Each failure is one `SourceError`
that names the mend; an empty answer is one too. Login and password are in no log, error or argument.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from datetime import date
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from trading.bars import Bar, time_of
from trading.errors import MissingExtraError
from trading.logs import BotLog
from trading.market.source import EmptyAnswerError, Interval, LoginError, SourceError

__all__ = ["KrxSource"]

OLDEST = (1, 2)
"""The first pyKRX that logs in; those before it get empty frames since KRX asks for a login."""
PATIENCE_S = 120.0
"""How long the collector may be silent; it speaks after each request, and gives each one 30 s."""
PAUSE_S = 0.5
"""Between two requests for data; KRX shuts out addresses that ask too much at once."""
WORKER = Path(__file__).with_name("krx_worker.py")

_CODE = re.compile(r"A?([0-9][0-9A-Z]{5})(?:\.K[SQ])?")
_ERROR_TYPES: Mapping[str | None, str] = {
    "timeout": "timeout", "login": "auth", "ended": "auth", "network": "server", "unreadable": "invalid",
}  # fmt: skip


class KrxSource:
    """Asks KRX for daily bars; one login serves every symbol until `close`.

    Prices of shares are adjusted for splits and the like as KRX does it; those of funds (ETF) are not: KRX
    has no adjusted ones. A halted session is a row with open, high and low 0, as KRX writes it.
    """

    name = "pykrx"
    adjusted = True

    def __init__(
        self,
        *,
        log: BotLog | None = None,
        environment: Mapping[str, str] | None = None,
        patience_s: float = PATIENCE_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        """Prepare, without logging in yet.

        Args:
            log: Who speaks.
            environment: What the collector's process is started with; `os.environ` unless given.
            patience_s: How long the collector may be silent, in seconds.
            pause_s: Least time between two requests for data, in seconds.
        """
        self._log = log or BotLog("data", "collector")
        self._environment = dict(os.environ if environment is None else environment)
        self.patience_s = patience_s
        self._pause_s = pause_s
        self._worker: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._lock: TextIO | None = None
        self._lost = 0
        self._refused: SourceError | None = None

    def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
        """Return the daily bars of the days `first` to `last`, both included.

        Args:
            symbol: A share or fund by its six characters: `005930`, also `A005930` or `005930.KS`.
            interval: Only `1d`: KRX gives no shorter bars.
            first: First session date.
            last: Last session date.

        Raises:
            EmptyAnswerError: If KRX has no bar for these days.
            LoginError: If KRX does not let us in, or has ended the session. Further calls raise it again
                without another try: failing logins may lock the account.
            SourceError: If the symbol is unknown, KRX cannot be reached, or its answer cannot be read.
            MissingExtraError: If pyKRX is not installed.
        """
        if interval != "1d":
            raise SourceError(f'KRX: {symbol}: no bars of {interval}, only daily ones. Ask for "1d".')
        code = _CODE.fullmatch(symbol)
        if code is None:
            raise SourceError(
                f"KRX: {symbol!r} is no code of a share or fund. Write its six characters: 005930."
            )
        if self._refused is not None:
            raise type(self._refused)(str(self._refused))
        days = {"first": f"{first:%Y%m%d}", "last": f"{last:%Y%m%d}"}
        asked = {"symbol": code[1], **days, "pause_s": self._pause_s}
        try:
            self._started()
            self._write(asked)
            rows = self._answer(f"{symbol} from {first} to {last}").get("rows", [])
        except LoginError as error:
            self._refused = error
            self.close()
            raise
        bars = [bar for bar in map(_bar, rows) if time_of(first) <= bar.time <= time_of(last)]
        if not bars:
            raise EmptyAnswerError(
                f"KRX: {symbol}: not one row from {first} to {last}. Check that it was listed then; an empty "
                "answer never means that nobody traded."
            )
        return sorted(bars)

    def close(self) -> None:
        """End the collector's process and give the account free."""
        if self._worker is not None:
            self._worker.kill()
            self._worker.communicate()
            self._worker = None
            self._lines = queue.Queue()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _started(self) -> None:
        if self._worker is not None:
            return
        _require_pykrx()
        for name in ("KRX_ID", "KRX_PW"):
            if not self._environment.get(name):
                raise LoginError(
                    f"KRX: the variable {name} is not set. KRX gives prices to members only: "
                    "export KRX_ID and KRX_PW of a free account of data.krx.co.kr."
                )
        self._lock = _locked(self._environment["KRX_ID"])
        self._worker = subprocess.Popen(
            # -P: modules that lie beside the collector must not take the place of others.
            [sys.executable, "-P", str(WORKER)],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What an uncaught error prints could quote what it was given.
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        threading.Thread(target=_read, args=(self._worker.stdout, self._lines), daemon=True).start()
        try:
            self._answer("the login")
        except SourceError as error:
            if self._worker is not None:
                raise self._gone(error) from None
            raise

    def _write(self, asked: Mapping[str, object]) -> None:
        assert self._worker is not None
        assert self._worker.stdin is not None
        try:
            self._worker.stdin.write(json.dumps(asked) + "\n")
            self._worker.stdin.flush()
        except BrokenPipeError:
            pass  # It has ended; `_answer` says how.

    def _answer(self, what: str) -> dict[str, Any]:
        """Return what the collector says in the end, telling each request on the way."""
        while True:
            try:
                line = self._lines.get(timeout=self.patience_s)
            except queue.Empty:
                text = f"KRX: {what}: the collector was silent for {self.patience_s:g} s and was ended."
                raise self._gone(SourceError(f"{text} Try again later.")) from None
            if line is None:
                code = self._worker.wait() if self._worker else None
                text = f"KRX: {what}: the collector ended by itself (exit code {code})."
                mend = "Run python -c 'import pykrx' to see whether pyKRX works here."
                raise self._gone(SourceError(f"{text} {mend}"))
            said = json.loads(line)
            if said["kind"] == "request":
                self._tell(said)
            elif said["kind"] == "error":
                raise _error(said, what)
            else:
                return dict(said)

    def _gone(self, error: SourceError) -> SourceError:
        """End the collector; a second time is the last, or every symbol would wait as long as this one."""
        self.close()
        self._lost += 1
        if self._lost > 1:
            self._refused = error
        return error

    def _tell(self, said: Mapping[str, Any]) -> None:
        kind, status = said["error"], said["status"]
        error = "rate_limit" if status == 429 else _ERROR_TYPES.get(kind, "server" if kind else None)
        self._log.event(
            "api.requested",
            {
                "exchange.id": "krx",
                "http.route": said["route"],
                "http.response.status_code": status,
                "error.type": error,
                "duration_ms": said["duration_ms"],
                "retry.count": said["retry"],
            },
            "krx %s: %s in %s ms",
            said["route"],
            f"failed ({error}, {status or kind})" if error else status,
            said["duration_ms"],
            level=logging.WARNING if error else None,
        )


def _require_pykrx() -> None:
    # Found, not imported: an import would log in from this process.
    if importlib.util.find_spec("pykrx") is None:
        raise MissingExtraError("Prices from KRX", "krx")
    try:
        version = metadata.version("pykrx")
    except metadata.PackageNotFoundError:
        # A checkout on the path: its owner knows which.
        return
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        raise SourceError(
            f"KRX: pykrx {version} is older than KRX's login. pykrx 1.2.9 or newer wants pandas below 3: "
            'pip install "trading-core[krx]" "pandas<3"'
        )


def _locked(login: str) -> TextIO:
    """Hold the account for this process: a second login would end the first one's session."""
    import fcntl

    account = hashlib.sha256(f"krx account {login}".encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"trading-krx-{os.getuid()}-{account}.lock"
    try:
        lock = path.open("a+")
    except OSError as error:
        raise SourceError(f"KRX: {path}: the lock cannot be opened ({error.strerror}). Remove it.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise SourceError(
            "KRX: another collector on this machine is logged in with the same account, and a second login "
            f"would end its session. Wait until it is done, or end it ({path} is its lock)."
        ) from None
    return lock


def _read(stdout: TextIO, lines: queue.Queue[str | None]) -> None:
    for line in stdout:
        lines.put(line)
    lines.put(None)


def _bar(row: list[Any]) -> Bar:
    day, first, high, low, close, volume = row
    return Bar(time_of(date.fromisoformat(day)), first, high, low, close, volume)


def _error(said: Mapping[str, Any], what: str) -> SourceError:
    kind, detail = said["error"], said["detail"]
    if kind == "login":
        return LoginError(
            f"KRX: the login failed ({detail}). Check KRX_ID and KRX_PW by logging in at data.krx.co.kr; "
            "CD010 asks for a new password there. There will be no second try in this run."
        )
    if kind == "ended":
        return LoginError(
            f"KRX: {what}: KRX has ended the session ({detail}). Another login with the same account does "
            "that: let only one program use it, then run this again."
        )
    mends = {
        "library": 'Install it: pip install "trading-core[krx]" "pandas<3"',
        "unknown": "Check the code in the universe; notes (ETN) and warrants (ELW) are not supported.",
        "unreadable": "KRX or pyKRX has changed: pip install --upgrade pykrx, and look at its issues.",
        "timeout": "KRX is slow or away: try again later.",
        "network": "Check the connection to data.krx.co.kr, then try again.",
        "http": "Try again later; 403 and 429 mean that too much was asked at once.",
    }
    return SourceError(f"KRX: {what}: {detail}. {mends.get(kind, 'Try again later.')}")
