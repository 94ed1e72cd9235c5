"""The door for gRPC takes in what the HTTP door takes, within the same bounds, from the same senders."""

from __future__ import annotations

import contextlib
import gzip
import resource
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint

from obs.api.tokens import Tokens
from obs.keeping.inbox import Inbox
from obs.otlp.grpc_door import MOST_OPEN, GrpcDoor
from obs.otlp.grpc_porter import Porter
from obs.otlp.grpc_status import retry_delay, status_of
from obs.otlp.receiving import MOST_BYTES, MOST_HELD, Receiver
from tests.exporting.collector import until
from tests.otlp.grpc_stage import TOKENS, GrpcStage, staged
from tests.otlp.requests import NOW, log, logs_request, metrics_request, span, traces_request
from tests.otlp.test_poison import MANY, PLACE, WIRE, spliced

BODY = logs_request([log(1)])


def detail_of(trailers: Mapping[str, Any]) -> Any:
    """The status that came with an answer, and its RetryInfo, read by Google's own classes."""
    told = Status.FromString(trailers["grpc-status-details-bin"])
    delay = RetryInfo()
    assert told.details[0].Unpack(delay)
    return told, delay.retry_delay.seconds


def test_logs_spans_and_metrics_are_taken_in(tmp_path: Path) -> None:
    memory = Metric(
        name="process.memory.usage",
        unit="By",
        gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=NOW, as_int=73_000_000)]),
    )
    with staged(tmp_path) as stage:
        codes = [
            stage.send("logs", BODY).code,
            stage.send("traces", traces_request([span("decide")])).code,
            stage.send("metrics", metrics_request([memory])).code,
        ]
        events = stage.events()

    assert codes == ["OK"] * 3
    assert {event.event_name or event.body for event in events} == {
        "order 1 filled",
        "heartbeat",
        "decide took 250 ms",
    }
    assert all(event.resource["service.name"] == "grid-1" for event in events)


@pytest.mark.parametrize("kind", WIRE)
def test_one_poisoned_record_of_many_costs_itself(tmp_path: Path, kind: str) -> None:
    with staged(tmp_path) as stage:
        answer = stage.send("logs", spliced(WIRE[kind]()), packing=grpc.Compression.Gzip)
        bodies = {event.body for event in stage.events()}

    assert answer.code == "OK"
    assert {f"order {number} filled" for number in range(MANY) if number != PLACE} <= bodies
    rejected = ExportLogsServiceResponse.FromString(answer.body).partial_success.rejected_log_records
    assert rejected == stage.losses.get("otlp_unreadable", 0) <= 1


def test_secrets_do_not_reach_the_disk(tmp_path: Path) -> None:
    secret = "abcdef0123456789abcdef0123456789"
    with staged(tmp_path) as stage:
        stage.send("logs", logs_request([log(1, note=f"api_key={secret}")]))
        written = b"".join(path.read_bytes() for path in tmp_path.glob("inbox/*"))

    assert b"[REDACTED:" in written
    assert secret.encode() not in written


@pytest.mark.parametrize(
    "packing",
    [None, grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate],
    ids=["nothing said", "none", "gzip", "deflate"],
)
def test_messages_may_be_packed(tmp_path: Path, packing: Any) -> None:
    with staged(tmp_path) as stage:
        answer = stage.send("logs", logs_request(log(n) for n in range(200)), packing=packing)

        assert answer.code == "OK"
        assert len(stage.events()) == 200


def test_a_few_kilobytes_may_not_become_gigabytes(tmp_path: Path) -> None:
    # Half a gigabyte of zeros in half a megabyte.
    bomb = gzip.compress(b"\0" * (1 << 20)) * 512
    with staged(tmp_path) as stage:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = stage.send("logs", bomb)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        # As the library packs it, which would unpack all of it before anybody is asked.
        packed = stage.send("logs", b"\0" * (MOST_BYTES + 1), packing=grpc.Compression.Gzip)

        assert (answer.code, packed.code, stage.events()) == ("RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED", [])
    assert "unpacked: send smaller batches" in answer.details
    assert "unpacked: send smaller batches" in packed.details
    assert "grpc-status-details-bin" not in answer.trailers
    assert grown < 200 * 1024


def test_a_message_that_is_too_large_is_refused_for_good(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        answer = stage.send("logs", b"\0" * (MOST_BYTES + 1))

    assert answer.code == "RESOURCE_EXHAUSTED"
    # By the library, before all of it is here.
    assert answer.details.startswith("SERVER: ")
    assert "grpc-status-details-bin" not in answer.trailers


@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\x7fshort", b"hello, this is no protobuf"])
def test_a_request_that_is_none_is_refused_for_good(tmp_path: Path, body: bytes) -> None:
    with staged(tmp_path) as stage:
        answer = stage.send("logs", body)

        assert (answer.code, stage.events()) == ("INVALID_ARGUMENT", [])


def test_a_full_inbox_asks_to_come_again_and_takes_it_then(tmp_path: Path) -> None:
    with staged(tmp_path, most_bytes=20_000) as stage:
        full = stage.send("logs", logs_request(log(number) for number in range(500)))
        fits = stage.send("logs", BODY)

        assert len(stage.events()) == 1
    told, seconds = detail_of(full.trailers)
    assert (full.code, fits.code) == ("UNAVAILABLE", "OK")
    assert (told.code, told.message, seconds) == (14, "too much waits to be folded", 5)


def test_bodies_of_both_doors_are_held_within_one_bound(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    receiver = Receiver(inbox)
    door = GrpcDoor("127.0.0.1", 0)
    door.open(receiver, TOKENS)
    stage = GrpcStage(door.address, tmp_path / "inbox")
    try:
        with receiver.holding(MOST_HELD):
            full = stage.send("logs", BODY)
        after = stage.send("logs", BODY)
    finally:
        stage.close()
        door.close()
        inbox.close()

    assert (full.code, after.code) == ("UNAVAILABLE", "OK")
    assert detail_of(full.trailers)[1] == 5


def test_who_sends_no_message_is_let_go_and_others_are_heard_meanwhile(tmp_path: Path) -> None:
    with staged(tmp_path, body_seconds=1.0) as stage:
        codes: list[str] = []
        slow = [threading.Thread(target=lambda: codes.append(stage.dawdle("logs"))) for _ in range(3)]
        for one in slow:
            one.start()
        answer = stage.send("logs", BODY)
        for one in slow:
            one.join()

        assert len(stage.events()) == 1
    assert answer.code == "OK"
    assert codes == ["CANCELLED"] * 3


def test_many_who_only_connect_take_neither_the_files_nor_the_place_of_those_who_speak(
    tmp_path: Path,
) -> None:
    with staged(tmp_path) as stage, contextlib.ExitStack() as stack:
        assert stage.send("logs", BODY).code == "OK"
        port = int(stage.address.rpartition(":")[2])
        held = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in range(MOST_OPEN + 100)
        ]
        answer = stage.send("logs", logs_request([log(2)]))

        assert (answer.code, len(stage.events())) == ("OK", 2)
        assert until(lambda: sum(map(is_ended, held)) >= 100)


def is_ended(one: socket.socket) -> bool:
    """Whether the other side has let go of a connection."""
    one.setblocking(False)
    try:
        return one.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff" * 9]
)
def test_what_is_no_grpc_costs_only_its_connection(tmp_path: Path, noise: bytes) -> None:
    with staged(tmp_path) as stage:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", int(stage.address.rpartition(":")[2]))) as one:
                one.sendall(noise)

        assert stage.send("logs", BODY).code == "OK"


def test_from_this_machine_no_token_is_needed_but_through_a_proxy(tmp_path: Path) -> None:
    control, read = f"Bearer {TOKENS.control}", f"bearer {TOKENS.read}"
    with staged(tmp_path) as stage:
        codes = [
            stage.send("logs", BODY).code,
            stage.send("logs", BODY, x_forwarded_for="203.0.113.9").code,
            stage.send("logs", BODY, forwarded="for=203.0.113.9", authorization="Bearer wrong").code,
            stage.send("logs", BODY, via="2 proxy", authorization=read).code,
            stage.send("logs", BODY, via="2 proxy", authorization=control).code,
        ]

    assert codes == ["OK", "UNAUTHENTICATED", "UNAUTHENTICATED", "PERMISSION_DENIED", "OK"]


FAR = "ipv4:203.0.113.9:50123"


@pytest.mark.parametrize(
    ("peer", "token", "code"),
    [
        ("ipv4:127.0.0.1:50123", "", ""),
        ("ipv6:%5B::1%5D:50123", "", ""),
        ("ipv6:%5B::ffff:127.0.0.1%5D:50123", "", ""),
        (FAR, "", "UNAUTHENTICATED"),
        (FAR, f"Bearer {TOKENS.control}", ""),
        (FAR, f"Bearer {TOKENS.read}", "PERMISSION_DENIED"),
        (FAR, f"Basic {TOKENS.control}", "UNAUTHENTICATED"),
        ("ipv6:%5B2001:db8::1%5D:50123", "", "UNAUTHENTICATED"),
        ("ipv6:%5B::ffff:203.0.113.9%5D:50123", "", "UNAUTHENTICATED"),
    ],
)
def test_from_elsewhere_the_control_token_is_needed(peer: str, token: str, code: str) -> None:
    metadata = [("authorization", token)] if token else []

    refusal = Porter(TOKENS).refusal(peer, metadata)

    assert (refusal.code if refusal is not None else "") == code


def test_without_any_token_nobody_from_elsewhere_is_let_in() -> None:
    refusal = Porter(Tokens()).refusal(FAR, [("authorization", "Bearer ")])

    assert refusal is not None
    assert refusal.code == "UNAUTHENTICATED"


def test_two_tokens_in_one_call_are_none() -> None:
    given = [("authorization", f"Bearer {TOKENS.control}")] * 2

    refusal = Porter(TOKENS).refusal(FAR, given)

    assert refusal is not None


def test_guessing_from_elsewhere_is_slowed_down_and_the_right_token_too() -> None:
    porter = Porter(TOKENS)
    guesses = [porter.refusal(FAR, [("authorization", f"Bearer guess-{n}")]) for n in range(30)]
    right = porter.refusal(FAR, [("authorization", f"Bearer {TOKENS.control}")])
    other = porter.refusal("ipv4:203.0.113.10:1", [("authorization", f"Bearer {TOKENS.control}")])

    assert guesses[0] is not None
    assert guesses[0].code == "UNAUTHENTICATED"
    assert guesses[-1] is not None
    assert right is not None
    assert (guesses[-1].code, right.code, right.retry_seconds) == ("UNAVAILABLE", "UNAVAILABLE", 5)
    assert other is None


def test_a_taken_port_is_named_with_the_mend() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(ValueError, match=f"port {port} on 127.0.0.1: .*--grpc"):
            GrpcDoor("127.0.0.1", port)


def test_two_doors_never_share_a_port() -> None:
    first = GrpcDoor("127.0.0.1", 0)
    try:
        with pytest.raises(ValueError, match="another program"):
            GrpcDoor("127.0.0.1", first.port)
    finally:
        first.close()


@pytest.mark.parametrize("seconds", [0, 1, 5, 300, 70_000])
def test_a_status_is_read_as_it_was_written(seconds: int) -> None:
    message = "zu viel: später 나중에 " * 20

    written = status_of(14, message, seconds)

    told = Status.FromString(written)
    assert (told.code, told.message, len(told.details)) == (14, message, bool(seconds))
    assert retry_delay(written) == (float(seconds) if seconds else None)


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"\x1a\x05\xff\xff", b"\x1a\x02\x0a\x09", b"\x08\x0e\x12\x01x"]
)
def test_a_status_that_is_none_says_nothing_of_when_to_come_again(raw: bytes) -> None:
    assert retry_delay(raw) is None
