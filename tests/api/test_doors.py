"""Connections that are slow, large or broken cost themselves. Faults 60 and 61, over real sockets."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest

from obs.api import doors, guard
from obs.api.context import Context
from tests.api.conftest import TOKEN
from tests.api.running import asked, connected, serving

HEAD = b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"


def quickest(port: int, times: int = 20) -> list[float]:
    """How long a request takes, so many times."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        assert asked(port, HEAD + b"\r\n").startswith(b"HTTP/1.1 200")
        took.append(time.perf_counter() - began)
    return sorted(took)


def is_ended(own: socket.socket, seconds: float) -> bool:
    own.settimeout(seconds)
    try:
        while own.recv(1_000):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def test_many_slow_heads_neither_keep_others_out_nor_stay(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "MOST_UNFINISHED", 50)
    monkeypatch.setattr(doors, "YOUNG_SECONDS", 0.0)
    with serving(context) as port, ExitStack() as stack:
        slow = [stack.enter_context(connected(port)) for _ in range(200)]
        for own in slow:
            own.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        took = quickest(port)
        gone = sum(is_ended(own, 0.01) for own in slow)

    assert gone >= 150
    assert took[len(took) // 2] < 0.1


def test_a_head_that_never_ends_is_cut_off_after_its_time(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "HEAD_SECONDS", 0.5)
    with serving(context) as port, connected(port) as silent, connected(port) as dripping:
        dripping.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(4):
            time.sleep(0.2)
            try:
                dripping.sendall(b"X-Drip: drop\r\n")
            except ConnectionError:
                break

        assert is_ended(silent, 2)
        assert is_ended(dripping, 2)


def test_a_second_request_on_a_connection_has_its_time_too(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "HEAD_SECONDS", 0.5)
    with serving(context) as port, connected(port) as own:
        own.sendall(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert own.recv(4_096).startswith(b"HTTP/1.1 200")
        own.sendall(b"GET /ready HTTP/1.1\r\nHost: 127")

        assert is_ended(own, 3)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: b\r\n" * 6_000 + b"\r\n",
        b"GET /" + b"a" * 400_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"a" * 2_000_000,
    ],
    ids=["long", "many", "address", "endless"],
)
def test_a_large_head_is_refused(context: Context, raw: bytes) -> None:
    with serving(context) as port:
        answer = asked(port, raw)

    assert answer == b"" or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    "raw",
    [
        b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET http://127.0.0.1/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0",
        b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /ready HTTP/1.1\nHost: 127.0.0.1\n\n\x00",
        b"GET /ready HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n X: folded\r\n\r\n",
        b"GET /ready HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 1_000,
        b"GET /ready HTTP/1.1\r\nHost: evil.example\r\nX-A: b\r\n\r\n",
    ],
    ids=range(16),
)
def test_what_is_no_honest_request_gets_no_answer_but_a_refusal(context: Context, raw: bytes) -> None:
    with serving(context) as port:
        answer = asked(port, raw + b"", seconds=12)
        after = quickest(port, 1)

    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 403"))
    assert after


def test_of_an_oversize_body_next_to_nothing_is_read(context: Context) -> None:
    head = (
        f"POST /api/issues/I-abcdef/resolve HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\n"
    ).encode()
    sent = 0
    with serving(context) as port:
        large = asked(port, head + b"Content-Length: 100000000\r\n\r\n")
        with connected(port) as own:
            own.settimeout(5)
            own.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            try:
                while sent < 50_000_000:
                    own.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                    sent += 65_536
            except (ConnectionError, TimeoutError):
                pass

    assert large.startswith(b"HTTP/1.1 413")
    # What the kernel holds for both sides comes on top of what is read.
    assert sent < 12_000_000


def test_a_body_that_comes_too_slowly_is_given_up(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.5)
    head = (
        f"POST /api/issues/I-abcdef/resolve HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    ).encode()
    with serving(context) as port:
        answer = asked(port, head, seconds=5)

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))


def test_a_reader_that_takes_nothing_is_let_go_and_slows_nobody(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "READ_SECONDS", 0.5)
    with serving(context) as port, ExitStack() as stack:
        deaf = [stack.enter_context(connected(port)) for _ in range(20)]
        for own in deaf:
            for _ in range(200):
                try:
                    own.sendall(b"GET /api/page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                except ConnectionError:
                    break
        took = quickest(port, 5)
        time.sleep(1)
        took += quickest(port, 5)

    assert sorted(took)[5] < 0.5


def test_a_stream_over_a_real_socket_begins_beats_and_ends_with_the_server(context: Context) -> None:
    with serving(context) as port:
        own = connected(port)
        own.sendall(b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        said = b""
        while b"event: page" not in said or b"event: beat" not in said:
            said += own.recv(65_536)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert b"content-type: text/event-stream" in said
    assert b"cache-control: no-store" in said
    own.close()
