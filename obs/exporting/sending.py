"""One signal's way over the network: a thread that sends what waits and never hurries the fold.

What a collector refuses for good (400, 413) is halved until the record that it refuses stands alone: that one
is dropped. All else is tried again with growing pauses, or when `Retry-After` says; meanwhile it waits in the
outbox, whose bound decides what goes.
"""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import http.client
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

import obs
from obs.exporting import tls
from obs.exporting.destination import Route
from obs.exporting.outbox import Outbox
from obs.exporting.shaping import Limits

__all__ = ["Answer", "Form", "Lane", "Post", "Transport", "pause_of"]

MOST_LINES = 512
MOST_BODY = 1 << 20
"""Of an answer that is read."""
PAUSES = (0.5, 30.0)
"""Seconds before the second try, growing to this."""
MOST_PAUSE = 300.0
"""Of what `Retry-After` may ask for."""
IDLE_SECONDS = 1.0
REFUSED = frozenset((400, 413, 415, 422))
"""Answers about the records themselves: asking again changes nothing, asking for fewer does."""


class Answer(msgspec.Struct, frozen=True):
    """What came of one request."""

    status: int
    """0: none came."""
    body: bytes = b""
    retry_after: float = 0.0
    fault: str = ""
    """In our words."""


class Transport(Protocol):
    """Carries bodies to one address; only the lane's thread calls it, but for `cut`."""

    def send(self, body: bytes) -> Answer:
        """Send one body; never raises, and ends within the route's time whatever the other side does."""

    def close(self) -> None:
        """Let go of what is open."""

    def cut(self) -> None:
        """End a request that is under way; from any thread."""


class Form(Protocol):
    """Writes the requests of one signal."""

    resource: Mapping[str, str]
    """What every resource says beside its own."""
    limits: Limits

    @property
    def signal(self) -> str:
        """`logs` or `traces`."""

    def request(self, lines: Sequence[bytes]) -> tuple[bytes, int, int]:
        """Return a request, how many records it holds, and how many could not be read."""

    def rejected(self, body: bytes) -> tuple[int, str]:
        """Return how many records an answer says were not taken, and why."""


class Post:
    """Posts bodies to one address, over one connection that is kept."""

    def __init__(self, route: Route, is_ourselves: Callable[[str], bool] = lambda _: False) -> None:
        """Make it; nothing is connected yet.

        Args:
            route: Where to, and how.
            is_ourselves: Whether an address is this sidecar's own: nothing is sent there.
        """
        self._route, self._is_ourselves = route, is_ourselves
        parts = urlsplit(route.url)
        self._host, self._port, self._secure = parts.hostname or "", parts.port, parts.scheme == "https"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes) -> Answer:
        """Post one body; never raises, and ends within the route's time whatever the other side does."""
        if self._is_ourselves(self._route.url):
            return Answer(0, fault="the endpoint is this sidecar itself")
        data = gzip.compress(body, 1) if self._route.gzip else body
        try:
            connection = self._connected()
        except (OSError, ValueError, tls.TlsError) as error:
            return Answer(0, fault=self._fault(error, "no connection"))
        # A time-out holds for each read alone: whoever answers by drops is cut off by the clock.
        cut = threading.Timer(self._route.timeout, _cut, (connection,))
        cut.daemon = True
        cut.start()
        try:
            connection.request("POST", self._path, data, self._headers())
            response = connection.getresponse()
            answer = Answer(
                response.status, response.read(MOST_BODY), pause_of(response.headers.get("Retry-After", ""))
            )
            if response.read(1) or response.will_close:
                self.close()
            return answer
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            return Answer(0, fault=self._fault(error, "no answer"))
        finally:
            cut.cancel()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def cut(self) -> None:
        """End a request that is under way; from any thread."""
        if (connection := self._connection) is not None:
            _cut(connection)

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            timeout = self._route.timeout
            if self._secure:
                made: http.client.HTTPConnection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=timeout, context=tls.context_of(self._route)
                )
            else:
                made = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
            made.connect()
            self._connection = made
        return self._connection

    def _fault(self, error: Exception, what: str) -> str:
        if isinstance(error, tls.TlsError):
            return str(error)
        if isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError):
            return 'no answer in HTTP/1.1: where the collector speaks gRPC, say so (protocol = "grpc")'
        said = tls.words_of(error, self._route) if self._secure else ""
        if not said and self._secure and not isinstance(error, TimeoutError):
            said = tls.pried(self._route)
        return said or f"{what} ({type(error).__name__})"

    def _headers(self) -> dict[str, str]:
        return {
            "Content-Type": "application/x-protobuf",
            "User-Agent": f"obs-sidecar/{obs.__version__}",
            **({"Content-Encoding": "gzip"} if self._route.gzip else {}),
            **self._route.headers,
        }


class Lane:
    """One signal from its outbox to the collector; without a transport all waits."""

    def __init__(
        self, form: Form, outbox: Outbox, transport: Transport | None, *, most_lines: int = MOST_LINES
    ) -> None:
        """Make it; `start` begins to send."""
        self.outbox = outbox
        self.requests: dict[str, int] = {"ok": 0, "refused": 0, "failed": 0}
        """By outcome."""
        self.fault = ""
        """Why nothing goes out, in words; empty while all is well."""
        self._form, self._transport, self._most = form, transport, most_lines
        self._used: Transport | None = None
        """By which the last request went."""
        self._stopped = threading.Event()
        self._is_draining = False
        self._stirred = threading.Event()
        """Set when there is a reason not to sit out a pause."""
        self._thread = threading.Thread(target=self._work, name=f"obs-export-{form.signal}", daemon=True)

    @property
    def is_routed(self) -> bool:
        """Whether what comes is sent anywhere."""
        return self._transport is not None

    def shape(self, resource: Mapping[str, str], limits: Limits, most_lines: int) -> None:
        """Give requests another shape, from the next one on.

        Args:
            resource: What every resource says beside its own.
            limits: Of attributes.
            most_lines: Records in one request.
        """
        self._form.resource, self._form.limits, self._most = resource, limits, most_lines

    def start(self) -> None:
        """Begin to send; a lane without a transport has nothing to begin."""
        if self.is_routed and self._thread.ident is None:
            self._thread.start()

    def redirect(self, transport: Transport | None) -> None:
        """Send by another transport from the next request on; None: what waits and what comes waits.

        A request that is under way ends as it would have: its answer counts.
        """
        self._transport = transport
        self.fault = ""
        self._stirred.set()
        self.outbox.wake()

    def stop(self, seconds: float) -> None:
        """Send what waits for at most so long, then end; the rest waits for the next life."""
        self._is_draining = True
        self._stirred.set()
        self.outbox.wake()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._stopped.set()
        self.outbox.wake()
        if (used := self._used) is not None:
            used.cut()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _work(self) -> None:
        while not self._stopped.is_set():
            self.outbox.wait(IDLE_SECONDS)
            part = self.outbox.read(self._most)
            if not part.lines:
                if self._is_draining:
                    break
                continue
            dropped: dict[str, int] = {}
            try:
                sent = self._deliver(part.lines, dropped)
            except Exception as error:  # noqa: BLE001 - a fault of ours costs these records, not all that come
                self.fault = f"records could not be made into a request ({type(error).__name__})"
                sent, dropped = 0, {"malformed": len(part.lines)}
            if sent is None:
                break
            self.outbox.done(part, sent, dropped)
        self._let_go()

    def _deliver(self, lines: Sequence[bytes], dropped: dict[str, int]) -> int | None:
        """Return how many of the lines were taken; None when we were stopped before all was decided."""
        body, made, bad = self._form.request(lines)
        if not made:
            _add(dropped, "malformed", bad)
            return 0
        answer = self._insist(body)
        if answer is None:
            return None
        if answer.status in REFUSED and len(lines) > 1:
            half = len(lines) // 2
            first = self._deliver(lines[:half], dropped)
            second = self._deliver(lines[half:], dropped) if first is not None else None
            return first + second if first is not None and second is not None else None
        _add(dropped, "malformed", bad)
        if answer.status in REFUSED:
            _add(dropped, "refused", made)
            why = f" ({answer.fault})" if answer.fault else f" ({answer.status})"
            self._say(self._used, f"the collector refuses some records{why}")
            return 0
        rejected = min(made, max(0, self._rejected(answer)))
        _add(dropped, "rejected", rejected)
        return made - rejected

    def _insist(self, body: bytes) -> Answer | None:
        """Send until there is an answer about the records; None when we were stopped."""
        pause = PAUSES[0]
        while not self._stopped.is_set():
            self._stirred.clear()
            transport = self._transport
            if transport is not self._used:
                # The next collector has done nothing yet to be waited for.
                self._let_go()
                self._used, pause = transport, PAUSES[0]
            answer = Answer(0) if transport is None else transport.send(body)
            if 200 <= answer.status < 300:
                self.requests["ok"] += 1
                self._say(transport, "")
                return answer
            if answer.status in REFUSED:
                self.requests["refused"] += 1
                return answer
            if transport is not None:
                self.requests["failed"] += 1
                self._say(transport, answer.fault or f"the collector answers {answer.status}")
            if self._is_draining:
                return None
            # Not in step with whoever else waits for the same collector.
            self._pause(answer.retry_after or pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, PAUSES[1])
        return None

    def _say(self, transport: Transport | None, fault: str) -> None:
        """Say how it goes; of a collector that was replaced meanwhile nobody wants to know."""
        if transport is self._transport:
            self.fault = fault

    def _let_go(self) -> None:
        if self._used is not None:
            self._used.close()

    def _pause(self, seconds: float) -> None:
        self._stirred.wait(min(seconds, MOST_PAUSE))

    def _rejected(self, answer: Answer) -> int:
        try:
            rejected, why = self._form.rejected(answer.body)
        except DecodeError:
            # Taken is taken: some answer 200 with a text.
            return 0
        if rejected and why:
            self.fault = f"the collector rejects some records: {why[:200]}"
        return rejected


def pause_of(header: str) -> float:
    """Return the seconds that a `Retry-After` asks for, as a number or a date; 0 when it asks nothing."""
    text = header.strip()
    if text.isdecimal():
        return float(min(int(text[:9]), MOST_PAUSE))
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        at = email.utils.parsedate_to_datetime(text).timestamp()
        return min(max(0.0, at - time.time()), MOST_PAUSE)
    return 0.0


def _cut(connection: http.client.HTTPConnection) -> None:
    import socket

    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _add(counts: dict[str, int], reason: str, count: int) -> None:
    if count:
        counts[reason] = counts.get(reason, 0) + count
