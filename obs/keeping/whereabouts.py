"""Where the directory's sidecar listens: a small file, so that commands find it whatever its port is.

It names the process too: what a killed sidecar left behind leads nobody to a stranger on the same port.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from obs.keeping.presence import running_pid

__all__ = ["announced", "hearing_grpc_at", "listening_at"]

NAME = "address.json"


@contextmanager
def announced(directory: Path, url: str, *, grpc: str = "") -> Iterator[None]:
    """Say where this process listens, as long as it does.

    Args:
        directory: The `OBS_DIR`.
        url: `http://127.0.0.1:8080`.
        grpc: Where it takes OpenTelemetry in by gRPC, written alike; empty: nowhere.

    Raises:
        OSError: If the directory cannot be written.
    """
    path = directory / NAME
    fresh = directory / f"{NAME}.{os.getpid()}"
    said = {"pid": os.getpid(), "url": url, **({"grpc": grpc} if grpc else {})}
    fresh.write_text(json.dumps(said) + "\n", encoding="ascii")
    fresh.chmod(0o600)
    fresh.replace(path)
    try:
        yield
    finally:
        # A sidecar that took over in the meantime has written its own.
        with contextlib.suppress(OSError, ValueError):
            if json.loads(path.read_bytes())["pid"] == os.getpid():
                path.unlink()


def listening_at(directory: Path) -> str:
    """Return the address of the directory's living sidecar; empty when it serves none, or none lives."""
    return _said(directory, "url")


def hearing_grpc_at(directory: Path) -> str:
    """Return where the directory's living sidecar takes gRPC in; empty when it does not, or none lives."""
    return _said(directory, "grpc")


def _said(directory: Path, name: str) -> str:
    try:
        said = json.loads((directory / NAME).read_bytes())
        pid, url = int(said["pid"]), str(said[name])
    except (OSError, LookupError, TypeError, ValueError):
        return ""
    # One that listens everywhere listens here too.
    url = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    return url if url.startswith("http://") and running_pid(directory) == pid else ""
