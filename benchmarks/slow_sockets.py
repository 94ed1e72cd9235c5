"""1,000 sockets that send a head byte by byte: how long others wait, and how long the slow ones stay.

    python -m benchmarks.slow_sockets [SOCKETS] [SECONDS]

Everything on loopback: a sidecar of its own in a folder that is deleted afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from multiprocessing import Process, Queue
from pathlib import Path

from obs.keeping.whereabouts import listening_at

HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"


async def drip(port: int, until: float, stayed: list[float]) -> None:
    """One slow client after another: when one is cut off, the next one comes."""
    while time.monotonic() < until:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEAD)
            while time.monotonic() < until:
                writer.write(b"X")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 1.0)
                    break
            stayed.append(time.monotonic() - began)
            writer.close()
        await asyncio.sleep(0.2)


async def ask(port: int, until: float, took: list[float]) -> None:
    """A client as it should be: a fresh connection for each request."""
    while time.monotonic() < until:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        answer = await reader.read()
        took.append(time.perf_counter() - began)
        writer.close()
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"an honest request got {answer[:100]!r}")
        await asyncio.sleep(0.01)


async def drip_all(port: int, sockets: int, seconds: float) -> list[float]:
    """So many slow clients at once; how long each stayed."""
    stayed: list[float] = []
    until = time.monotonic() + seconds
    await asyncio.gather(*[drip(port, until, stayed) for _ in range(sockets)])
    return stayed


def attack(port: int, sockets: int, seconds: float, told: Queue[float]) -> None:
    """Run the slow clients in a process of their own: their work must not count as waiting."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, most), most))
    stayed = asyncio.run(drip_all(port, sockets, seconds))
    told.put(max(stayed))
    told.put(len(stayed))


async def ask_all(port: int, seconds: float) -> list[float]:
    """The good client beside them; how long each request took, in order of length."""
    took: list[float] = []
    await ask(port, time.monotonic() + seconds, took)
    return sorted(took)


def main() -> None:
    sockets = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15.0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "o"
        command = [sys.executable, "-m", "obs", "up", "--dir", str(place), "--port", "0"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            while not (address := listening_at(place)):
                time.sleep(0.1)
            while True:
                with contextlib.suppress(OSError), urllib.request.urlopen(address + "ready", timeout=5):
                    break
            port = int(address.rstrip("/").rpartition(":")[2])
            before = asyncio.run(ask_all(port, 3.0))
            told: Queue[float] = Queue()
            slow = Process(target=attack, args=(port, sockets, seconds, told))
            slow.start()
            time.sleep(2.0)
            took = asyncio.run(ask_all(port, seconds - 3.0))
            longest, cut = told.get(), told.get()
            slow.join()
        finally:
            process.terminate()
            process.wait(20)
    for name, times in (("before", before), (f"beside {sockets} slow sockets", took)):
        middle, late = times[len(times) // 2], times[int(len(times) * 0.99)]
        print(f"{name}: {len(times)} requests, p50 {middle * 1e3:.1f} ms, p99 {late * 1e3:.1f} ms")
    print(f"slow ones were cut off {cut:.0f} times; the longest stayed {longest:.1f} s")


if __name__ == "__main__":
    main()
