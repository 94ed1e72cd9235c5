"""Requests by gRPC, for collectors that speak nothing else: the extra `otlp-grpc`.

What an answer means for the records is OTLP's table of codes. What is about the records themselves, and what
may not be sent again as it stands, is said as HTTP's 400; all else as no answer, so that everything waits.
Where the protocol calls a wrong token or a missing service final, we wait too: somebody will mend it, and
what waits has a bound.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import obs
from obs import redaction
from obs.exporting import tls
from obs.exporting.destination import Route
from obs.exporting.sending import Answer
from obs.otlp.grpc_library import EXTRA, is_installed, loaded
from obs.otlp.grpc_status import DETAILS, retry_delay
from obs.quoting import plain, shorten

__all__ = ["GrpcPost"]

MOST_ANSWER = 4 << 20
MOST_WORDS = 200
BESIDE_SECONDS = 1.0
"""What a request may take beyond its own time before we stop waiting for its end."""
_REFUSED = frozenset(("INVALID_ARGUMENT", "ALREADY_EXISTS", "FAILED_PRECONDITION", "INTERNAL", "UNKNOWN"))
"""Codes after which the same request may not come again; in smaller ones only the bad record is lost."""
_NO_CONNECTION = (
    "failed to connect", "errors resolving", "DNS resolution", "Socket closed", "Connection reset", "recvmsg",
    "sendmsg",
)  # fmt: skip
"""How the library begins when nobody has answered."""
_NO_NAME = ("errors resolving", "DNS resolution")
_NO_GRPC = "Received http2 header with status"
_LOST_ANSWER = "CLIENT: Received message larger than max"
_LAST_WORDS = re.compile(r"(?:^|: )([A-Za-z][A-Za-z ]{2,60}?)(?: \(\d+\))?$")
_KEY = re.compile(r"[0-9a-z_.-]{1,200}")
_OPTIONS = (
    ("grpc.primary_user_agent", f"obs-sidecar/{obs.__version__}"),
    ("grpc.max_receive_message_length", MOST_ANSWER),
    # The lane tries again, counts it and knows when; nothing is to happen behind its back.
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.use_local_subchannel_pool", 1),
    # As over HTTP: what stands in the environment for other programs leads nothing elsewhere.
    ("grpc.enable_http_proxy", 0),
)


class HeaderError(Exception):
    """A header that gRPC cannot carry; the message names it."""


class GrpcPost:
    """Sends bodies to one service, over one connection that is kept while all is well."""

    def __init__(self, route: Route, is_ourselves: Callable[[str], bool] = lambda _: False) -> None:
        """Make it; nothing is connected yet.

        Args:
            route: Where to, and how; the path of its address is the method.
            is_ourselves: Whether an address is this sidecar's own: nothing is sent there.
        """
        self._route, self._is_ourselves = route, is_ourselves
        parts = urlsplit(route.url)
        self._is_secure, self._method = parts.scheme == "https", parts.path
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        self._target = f"dns:///{host}:{parts.port or (443 if self._is_secure else 80)}"
        self._lock = threading.Lock()
        self._channel: Any = None
        self._call: Any = None
        self._is_cut = False

    def send(self, body: bytes) -> Answer:
        """Send one body; never raises, and ends within the route's time whatever the other side does."""
        if self._is_ourselves(self._route.url):
            return Answer(0, fault="the endpoint is this sidecar itself")
        if not is_installed():
            return Answer(0, fault=f"gRPC needs {EXTRA}; until then everything waits")
        try:
            answer = self._answer(body)
        except (tls.TlsError, HeaderError) as error:
            answer = Answer(0, fault=str(error))
        except Exception as error:  # noqa: BLE001 - a library's own errors have no common kind
            answer = Answer(0, fault=f"no request ({type(error).__name__})")
        if not answer.status:
            # The next one connects anew, by whatever the certificates and the network are then.
            self.close()
        return answer

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def cut(self) -> None:
        """End a request that is under way; from any thread."""
        with self._lock:
            self._is_cut, call = True, self._call
        if call is not None:
            call.cancel()

    def _answer(self, body: bytes) -> Answer:
        grpc = loaded()
        self._is_cut = False
        send = self._connected(grpc).unary_unary(self._method)
        call = send.future(
            body,
            timeout=self._route.timeout,
            metadata=list(_metadata(self._route)),
            compression=grpc.Compression.Gzip if self._route.gzip else None,
        )
        with self._lock:
            self._call = call
        if self._is_cut:
            call.cancel()
        try:
            return Answer(200, call.result(self._route.timeout + BESIDE_SECONDS))
        except grpc.FutureCancelledError:
            return Answer(0, fault="no answer (cut off)")
        except grpc.FutureTimeoutError:
            call.cancel()
            return Answer(0, fault="no answer (too late)")
        except grpc.RpcError as error:
            return self._meant(error)
        finally:
            with self._lock:
                self._call = None

    def _connected(self, grpc: Any) -> Any:
        with self._lock:
            channel = self._channel
        if channel is None:
            if self._is_secure:
                trust = grpc.ssl_channel_credentials(*tls.files_of(self._route))
                channel = grpc.secure_channel(self._target, trust, options=_OPTIONS)
            else:
                channel = grpc.insecure_channel(self._target, options=_OPTIONS)
            with self._lock:
                self._channel = channel
        return channel

    def _meant(self, error: Any) -> Answer:
        """Return what an error means for the records; see the table of codes in the OTLP specification."""
        code, words, delay = error.code().name, str(error.details() or ""), _delay(error)
        if words.startswith(_LOST_ANSWER):
            # It was taken; only what the collector says of it is too long to be read.
            return Answer(200)
        if words.startswith(_NO_GRPC):
            return Answer(
                0, fault="there is no gRPC at that address, or a proxy is before it that knows none"
            )
        if code in _REFUSED or (code == "RESOURCE_EXHAUSTED" and delay is None):
            return Answer(400, fault=_answered(code, words))
        if code == "DEADLINE_EXCEEDED":
            return Answer(0, retry_after=delay or 0.0, fault=f"no answer within {self._route.timeout:g} s")
        if code == "UNAVAILABLE" and words.startswith(_NO_CONNECTION):
            why = self._is_secure and tls.pried(self._route, ("h2",))
            return Answer(0, fault=why or _unconnected(words))
        return Answer(0, retry_after=delay or 0.0, fault=_answered(code, words))


def _answered(code: str, words: str) -> str:
    said = f": {shorten(redaction.redact(words), MOST_WORDS)}" if words else ""
    return f"the collector answers {code}{said}"


def _unconnected(words: str) -> str:
    """Return the end of what the library says: the rest tells of its insides."""
    if words.startswith(_NO_NAME):
        return "no connection (its name is not known here)"
    found = _LAST_WORDS.search(words)
    return f"no connection ({found[1].lower()})" if found is not None else "no connection"


def _metadata(route: Route) -> Iterator[tuple[str, str | bytes]]:
    for name, said in route.headers.items():
        key = name.lower()
        if _KEY.fullmatch(key) is None or not (said.isascii() and said.isprintable()):
            # The library would call it an answer of the collector's, and the records would pay for it.
            raise HeaderError(
                f"header {plain(name)}: gRPC cannot carry it: letters, digits and -_. as a name"
            )
        yield key, said.encode() if key.endswith("-bin") else said


def _delay(error: Any) -> float | None:
    with contextlib.suppress(AttributeError, TypeError):
        for key, told in error.trailing_metadata() or ():
            if key == DETAILS:
                return retry_delay(told)
    return None
