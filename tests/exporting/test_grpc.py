"""By gRPC what leaves the sidecar is the same, and what an answer means is the protocol's table of codes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs

from obs.config import Otlp
from obs.exporting.destination import Destination, DestinationError, Route, destination
from obs.exporting.grpc_sending import GrpcPost
from obs.exporting.outbox import Counts
from obs.exporting.sending import Post
from obs.keeping.whereabouts import announced
from obs.sidecar import Sidecar
from tests.exporting.collector import attributes, collecting, until
from tests.exporting.grpc_collector import GrpcCollector, collecting_grpc
from tests.exporting.test_exporting import counts, feed, is_empty, is_even, one_decision, said

LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


@pytest.fixture
def collector() -> Iterator[GrpcCollector]:
    with collecting_grpc() as found:
        yield found


def going_to(url: str, **more: Any) -> Destination:
    told = destination(Otlp.model_validate({"endpoint": url, "protocol": "grpc", **more}), {})
    assert told is not None
    return told


def asked(url: str, body: bytes = b"", **more: Any) -> Any:
    """What one request comes to."""
    post = GrpcPost(Route(url + LOGS, is_grpc=True, **more))
    try:
        return post.send(body)
    finally:
        post.close()


def test_logs_traces_and_metrics_arrive_at_their_services(tmp_path: Path, collector: GrpcCollector) -> None:
    aim = going_to(collector.url, headers={"Authorization": "Bearer abc"})

    with Sidecar(tmp_path, destination=aim) as sidecar:
        feed(sidecar, one_decision())
        sidecar.step()
        assert until(lambda: len(collector.records) == len(collector.spans) == 6 and collector.metrics)
        assert until(lambda: is_empty(sidecar))
        books = counts(sidecar)

    filled = [record for record in collector.records if record.event_name == "order.filled"]
    assert {attributes(record.attributes)["fill.id"] for record in filled} == {"f-1", "f-2"}
    assert books == Counts(taken=6, sent=6, waiting=0, dropped={})
    assert all(collector.packed)
    assert all(told["authorization"] == "Bearer abc" for told in collector.headers)
    assert collector.headers[0]["user-agent"].startswith("obs-sidecar/")


def test_without_compression_nothing_is_packed(collector: GrpcCollector) -> None:
    body = ExportLogsServiceRequest(resource_logs=[ResourceLogs(schema_url="x" * 500)]).SerializeToString()

    asked(collector.url, body, gzip=True)
    asked(collector.url, body, gzip=False)

    assert collector.packed == [True, False]


WAITS = (
    "CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS",
    "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED",
)  # fmt: skip
REFUSES = (
    "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "ALREADY_EXISTS", "FAILED_PRECONDITION", "INTERNAL", "UNKNOWN",
)  # fmt: skip


def test_every_code_either_waits_or_refuses_the_records(collector: GrpcCollector) -> None:
    found: dict[str, int] = {}
    for code in (one.name for one in grpc.StatusCode):
        collector.code = code
        found[code] = asked(collector.url).status

    assert found == {"OK": 200, **dict.fromkeys(WAITS, 0), **dict.fromkeys(REFUSES, 400)}


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_who_says_when_to_come_again_is_obeyed(collector: GrpcCollector, code: str) -> None:
    collector.code, collector.retry_seconds = code, 2.5

    answer = asked(collector.url)

    assert (answer.status, answer.retry_after) == (0, 2.5)
    assert code in answer.fault


def test_what_a_collector_says_is_told_in_one_plain_line(collector: GrpcCollector) -> None:
    secret = "api_secret=abcdEFGH1234abcdEFGH1234abcdEFGH"
    collector.code, collector.details = "UNAVAILABLE", f"busy\x1b[31m\nagain {secret}" + "x" * 5_000

    fault = asked(collector.url).fault

    assert fault.startswith('the collector answers UNAVAILABLE: "busy\\u001b[31m\\nagain')
    assert fault.isprintable()
    assert "abcdEFGH1234" not in fault
    assert len(fault) < 300


def test_who_does_not_answer_in_time_is_left(collector: GrpcCollector) -> None:
    collector.seconds = 2.0

    answer = asked(collector.url, timeout=0.3)

    assert (answer.status, answer.fault) == (0, "no answer within 0.3 s")


def test_a_collector_that_is_busy_gets_everything_later(tmp_path: Path, collector: GrpcCollector) -> None:
    collector.code = "UNAVAILABLE"

    with Sidecar(tmp_path, destination=going_to(collector.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(n) for n in range(10)])
        assert until(lambda: any("UNAVAILABLE" in line for line in sidecar.snapshot().not_known))
        assert counts(sidecar) == Counts(taken=10, sent=0, waiting=10, dropped={})
        collector.code = "OK"

        assert until(lambda: is_empty(sidecar))
        assert counts(sidecar).sent == 10
        assert not any("OpenTelemetry" in line for line in sidecar.snapshot().not_known)


def test_a_bad_record_costs_only_itself(tmp_path: Path, collector: GrpcCollector) -> None:
    collector.poison = "the poisoned one"

    with Sidecar(tmp_path, destination=going_to(collector.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(n, "the poisoned one" if n == 300 else "") for n in range(512)])
        assert until(lambda: is_empty(sidecar))
        books = counts(sidecar)

    assert len(collector.bodies) == len(set(collector.bodies)) == 511
    assert books == Counts(taken=512, sent=511, waiting=0, dropped={"refused": 1})


def test_who_refuses_everything_is_told_of(tmp_path: Path, collector: GrpcCollector) -> None:
    collector.code, collector.details = "FAILED_PRECONDITION", "no such tenant"

    with Sidecar(tmp_path, destination=going_to(collector.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(n) for n in range(4)])
        assert until(lambda: is_empty(sidecar))
        said_of = "\n".join(sidecar.snapshot().not_known)
        books = counts(sidecar)

    assert books == Counts(taken=4, sent=0, waiting=0, dropped={"refused": 4})
    assert (
        'the collector refuses some records (the collector answers FAILED_PRECONDITION: "no such' in said_of
    )


def test_what_is_too_large_for_the_collector_goes_in_smaller_requests(
    tmp_path: Path, collector: GrpcCollector
) -> None:
    collector.most_bytes = 10_000

    with Sidecar(tmp_path, destination=going_to(collector.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(n) for n in range(300)])
        assert until(lambda: is_empty(sidecar))
        books = counts(sidecar)

    assert sorted(collector.bodies) == sorted(f"line {n}" for n in range(300))
    assert books == Counts(taken=300, sent=300, waiting=0, dropped={})


def test_what_the_collector_says_it_rejected_is_no_longer_called_sent(
    tmp_path: Path, collector: GrpcCollector
) -> None:
    collector.rejects = 3

    with Sidecar(tmp_path, destination=going_to(collector.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(n) for n in range(10)])
        assert until(lambda: is_empty(sidecar))

        assert counts(sidecar) == Counts(taken=10, sent=7, waiting=0, dropped={"rejected": 3})
        assert any("too old" in line for line in sidecar.snapshot().not_known)


def test_what_was_not_sent_is_sent_by_the_next_sidecar_and_what_was_is_not(
    tmp_path: Path, collector: GrpcCollector
) -> None:
    aim = going_to(collector.url, signals=("logs",))
    with Sidecar(tmp_path, destination=aim) as sidecar:
        feed(sidecar, [said(n) for n in range(20)])
        assert until(lambda: is_empty(sidecar))
        collector.code = "UNAVAILABLE"
        feed(sidecar, [said(n) for n in range(20, 50)])
    collector.code = "OK"

    with Sidecar(tmp_path, destination=aim) as sidecar:
        assert until(lambda: is_empty(sidecar))
        books = counts(sidecar)

    assert sorted(collector.bodies) == sorted(f"line {n}" for n in range(50))
    assert books == Counts(taken=50, sent=50, waiting=0, dropped={})


@pytest.mark.parametrize("trouble", ["stopped", "silent", "hung", "refusing"])
def test_a_bad_collector_costs_the_fold_nothing_and_keeps_nobody_from_ending(
    tmp_path: Path, collector: GrpcCollector, trouble: str
) -> None:
    collector.code = "UNAVAILABLE" if trouble == "refusing" else "OK"
    collector.seconds = 2.0 if trouble == "hung" else 0.0
    with socket.socket() as deaf:
        # Takes connections and never says a word.
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        silent = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        url = {"stopped": "http://127.0.0.1:9", "silent": silent}.get(trouble, collector.url)
        aim = going_to(url, signals=("logs",), queue="1MiB", timeout_s=0.5)

        with Sidecar(tmp_path, destination=aim) as sidecar:
            for start in range(0, 8_000, 400):
                feed(sidecar, [said(n) for n in range(start, start + 400)])
                assert is_even(sidecar)
            assert until(lambda: any("OpenTelemetry" in line for line in sidecar.snapshot().not_known))
            books = counts(sidecar)
            began = time.monotonic()
        ended = time.monotonic() - began

    assert books.taken == 8_000
    assert books.waiting > 0
    assert set(books.dropped) <= {"full"}
    assert ended < 10


def test_an_endpoint_that_is_the_sidecars_own_door_gets_nothing(
    tmp_path: Path, collector: GrpcCollector
) -> None:
    aim = going_to(collector.url.replace("127.0.0.1", "localhost"), signals=("logs",))

    with (
        announced(tmp_path, "http://127.0.0.1:1/", grpc=collector.url),
        Sidecar(tmp_path, destination=aim) as sidecar,
    ):
        feed(sidecar, [said(1)])
        assert until(lambda: any("this sidecar itself" in line for line in sidecar.snapshot().not_known))

        assert counts(sidecar) == Counts(taken=1, sent=0, waiting=1, dropped={})
    assert collector.asked == 0


def test_a_request_under_way_is_cut_off_when_the_sidecar_ends(collector: GrpcCollector) -> None:
    collector.seconds = 3.0
    post = GrpcPost(Route(collector.url + LOGS, is_grpc=True, timeout=60))

    def cut() -> None:
        until(lambda: collector.asked)
        post.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    answer = post.send(b"")
    cutter.join()
    post.close()

    assert (answer.status, answer.fault) == (0, "no answer (cut off)")


def test_the_standard_variables_are_followed_signal_by_signal() -> None:
    told = destination(
        Otlp.model_validate({}),
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317/ignored",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "traces.example.com:443",
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "/etc/ca.pem",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/etc/own.pem",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/etc/own.key",
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://metrics:4318/v1/metrics",
        },
    )

    assert told is not None
    logs, traces, metrics = (told.routes[signal] for signal in ("logs", "traces", "metrics"))
    assert (logs.url, logs.is_grpc) == (f"http://collector:4317{LOGS}", True)
    assert traces.url == (
        "https://traces.example.com:443/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    )
    assert (traces.certificate, logs.certificate) == ("/etc/ca.pem", "")
    assert (logs.client_certificate, logs.client_key) == ("/etc/own.pem", "/etc/own.key")
    assert (metrics.url, metrics.is_grpc) == ("http://metrics:4318/v1/metrics", False)


@pytest.mark.parametrize(("insecure", "scheme"), [("true", "http"), ("false", "https"), ("", "https")])
def test_an_endpoint_without_a_scheme_is_secure_unless_it_is_said_not_to_be(
    insecure: str, scheme: str
) -> None:
    told = destination(
        Otlp.model_validate({"signals": ("logs",)}),
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317",
            "OTEL_EXPORTER_OTLP_INSECURE": insecure,
        },
    )

    assert told is not None
    assert told.routes["logs"].url == f"{scheme}://collector:4317{LOGS}"


def test_a_variable_for_the_bot_does_not_change_how_a_set_endpoint_is_spoken_to() -> None:
    told = destination(
        Otlp.model_validate({"endpoint": "http://collector:4318"}), {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    )

    assert told is not None
    assert not any(route.is_grpc for route in told.routes.values())


@pytest.mark.parametrize("headers", [{"bad name": "x"}, {"x": "half a line\n"}, {"x": "é"}])
def test_a_header_that_cannot_be_carried_costs_no_record(
    collector: GrpcCollector, headers: dict[str, str]
) -> None:
    answer = asked(collector.url, headers=headers)

    assert answer.status == 0
    assert "gRPC cannot carry it" in answer.fault
    assert collector.asked == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9", "no connection (connection refused)"),
        ("http://no-such-host.invalid:4317", "no connection (its name is not known here)"),
    ],
)
def test_why_nobody_answers_is_told_in_words(url: str, words: str) -> None:
    assert asked(url).fault == words


def test_http_at_a_door_for_grpc_says_what_to_set(collector: GrpcCollector) -> None:
    answer = Post(Route(f"{collector.url}/v1/logs")).send(b"")

    assert answer.status == 0
    assert "gRPC" in answer.fault


def test_grpc_at_a_door_for_http_waits() -> None:
    with collecting() as other:
        answer = asked(other.url)

    assert answer.status == 0
    assert answer.fault.startswith("no connection")


def test_a_key_without_its_certificate_is_named() -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:1",
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/etc/own.key",
    }

    with pytest.raises(DestinationError, match="CLIENT_CERTIFICATE"):
        destination(Otlp.model_validate({}), variables)
