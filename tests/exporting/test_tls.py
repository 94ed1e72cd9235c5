"""TLS to a collector, by HTTP and by gRPC: whom it trusts, who it is, and the words when it fails."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from obs.config import Otlp
from obs.exporting.destination import Destination, Route, destination
from obs.exporting.grpc_sending import GrpcPost
from obs.exporting.outbox import Counts
from obs.exporting.sending import Answer, Post
from obs.sidecar import Sidecar
from tests.builders import REPO
from tests.exporting.collector import Collector, collecting, until
from tests.exporting.grpc_collector import collecting_grpc
from tests.exporting.test_exporting import counts, feed, is_empty, said

WAYS = ("http", "grpc")
PATH = {"http": "/v1/logs", "grpc": "/opentelemetry.proto.collector.logs.v1.LogsService/Export"}


class Authority:
    """Who signs certificates, and the files they stand in."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder, self.ca = folder, trustme.CA()
        self.file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)

    def own(self, name: str = "bot@desk.example.com") -> dict[str, str]:
        """A certificate for the sidecar, as a route names it."""
        issued = self.ca.issue_cert(name)
        certificate, key = (str(self._folder / f"own.{end}") for end in ("pem", "key"))
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return {"client_certificate": certificate, "client_key": key}

    def server(self, name: str = "127.0.0.1", **more: Any) -> trustme.LeafCert:
        return self.ca.issue_cert(name, **more)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@contextmanager
def serving(way: str, server: trustme.LeafCert, *, wants: Authority | None = None) -> Iterator[Collector]:
    """A collector with that certificate, which asks for one of an authority's, or for none."""
    if way == "http":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.configure_cert(context)
        if wants is not None:
            wants.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        with collecting(context=context) as found:
            yield found
        return
    chain = b"".join(part.bytes() for part in server.cert_chain_pems)
    trusted = wants.ca.cert_pem.bytes() if wants is not None else None
    credentials = grpc.ssl_server_credentials(
        [(server.private_key_pem.bytes(), chain)],
        root_certificates=trusted,
        require_client_auth=wants is not None,
    )
    with collecting_grpc(credentials=credentials) as found:
        yield found


def asked(way: str, url: str, **more: str) -> Answer:
    """What one request comes to."""
    route = Route(url + PATH[way], is_grpc=way == "grpc", timeout=10, **more)  # type: ignore[arg-type]
    post = (GrpcPost if way == "grpc" else Post)(route)
    try:
        return post.send(b"")
    finally:
        post.close()


def going_to(way: str, url: str, **more: Any) -> Destination:
    protocol = "grpc" if way == "grpc" else "http/protobuf"
    told = destination(
        Otlp.model_validate({"endpoint": url, "protocol": protocol, "signals": ("logs",), **more}), {}
    )
    assert told is not None
    return told


@pytest.mark.parametrize("way", WAYS)
def test_a_trusted_collector_is_sent_to(way: str, authority: Authority) -> None:
    with serving(way, authority.server()) as collector:
        answer = asked(way, collector.url, certificate=authority.file)

    assert answer.status == 200
    assert collector.asked == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("trusted", ["nobody", "another"])
def test_an_untrusted_collector_gets_nothing_and_the_mend_is_named(
    tmp_path: Path, way: str, trusted: str, authority: Authority
) -> None:
    other = Authority(tmp_path / "other").file if trusted == "another" else ""
    with serving(way, authority.server()) as collector:
        answer = asked(way, collector.url, certificate=other)

    assert answer.status == 0
    assert answer.fault.startswith("the collector's certificate is not trusted (")
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in answer.fault
    assert collector.asked == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_certificate_for_another_name_is_not_enough(way: str, authority: Authority) -> None:
    with serving(way, authority.server("collector.example.com")) as collector:
        by_address = asked(way, collector.url, certificate=authority.file)
        by_name = asked(way, collector.url.replace("127.0.0.1", "localhost"), certificate=authority.file)

    assert (by_address.status, by_name.status, collector.asked) == (0, 0, 0)
    assert by_address.fault.startswith("the collector's certificate is not for 127.0.0.1")
    assert by_name.fault.startswith("the collector's certificate is not for localhost")


@pytest.mark.parametrize("way", WAYS)
def test_an_expired_certificate_is_called_so(way: str, authority: Authority) -> None:
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    with serving(way, authority.server(not_after=past)) as collector:
        answer = asked(way, collector.url, certificate=authority.file)

    assert answer.fault == "the collector's certificate has expired: renew it there"
    assert collector.asked == 0


@pytest.mark.parametrize("way", WAYS)
def test_who_asks_for_a_certificate_of_ours_gets_it(way: str, authority: Authority) -> None:
    with serving(way, authority.server(), wants=authority) as collector:
        answer = asked(way, collector.url, certificate=authority.file, **authority.own())

    assert answer.status == 200
    assert collector.asked == 1


@pytest.mark.parametrize("way", WAYS)
def test_who_asks_for_a_certificate_of_ours_and_gets_none_is_told_of(way: str, authority: Authority) -> None:
    with serving(way, authority.server(), wants=authority) as collector:
        answer = asked(way, collector.url, certificate=authority.file)

    assert answer.status == 0
    assert "wants a certificate of ours: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" in answer.fault
    assert collector.asked == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_certificate_of_ours_that_the_collector_does_not_know_is_named(
    tmp_path: Path, way: str, authority: Authority
) -> None:
    ours = Authority(tmp_path / "ours").own()
    with serving(way, authority.server(), wants=authority) as collector:
        answer = asked(way, collector.url, certificate=authority.file, **ours)

    assert answer.status == 0
    assert f"does not accept our certificate {ours['client_certificate']}" in answer.fault


@pytest.mark.parametrize("way", WAYS)
def test_where_no_tls_is_spoken_it_is_said(way: str) -> None:
    with collecting() if way == "http" else collecting_grpc() as collector:
        answer = asked(way, collector.url.replace("http:", "https:"))

    assert answer.fault == "the collector speaks no TLS there: write http:// or another port"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_a_file_that_cannot_be_used_is_named_and_nothing_is_sent(
    tmp_path: Path, way: str, content: str | None, authority: Authority
) -> None:
    wrong = tmp_path / "wrong.pem"
    if content is not None:
        wrong.write_text(content)
    with serving(way, authority.server()) as collector:
        trust = asked(way, collector.url, certificate=str(wrong))
        own = asked(way, collector.url, certificate=authority.file, client_certificate=str(wrong))

    assert (trust.status, own.status, collector.asked) == (0, 0, 0)
    assert trust.fault.startswith(f"{wrong}: cannot be used")
    assert own.fault.startswith(f"{wrong}: cannot be used")


@pytest.mark.parametrize("way", WAYS)
def test_what_an_untrusted_collector_does_not_get_waits_until_its_authority_is_named(
    tmp_path: Path, way: str, authority: Authority
) -> None:
    # As an operator mends it: the file that the settings name is replaced, nothing is restarted.
    named = tmp_path / "trusted.pem"
    named.write_text(Path(Authority(tmp_path / "other").file).read_text())
    with serving(way, authority.server()) as collector:
        aim = going_to(way, collector.url, certificate=str(named))
        with Sidecar(tmp_path / "obs", destination=aim) as sidecar:
            feed(sidecar, [said(n) for n in range(20)])
            assert until(lambda: any("not trusted" in line for line in sidecar.snapshot().not_known))
            assert counts(sidecar) == Counts(taken=20, sent=0, waiting=20, dropped={})

            named.write_text(Path(authority.file).read_text())
            assert until(lambda: is_empty(sidecar), 20)

            assert counts(sidecar) == Counts(taken=20, sent=20, waiting=0, dropped={})
            assert not any("OpenTelemetry" in line for line in sidecar.snapshot().not_known)

    assert sorted(collector.bodies) == sorted(f"line {n}" for n in range(20))


@pytest.mark.parametrize("way", WAYS)
def test_a_key_with_a_password_asks_nobody_and_is_named(
    tmp_path: Path, way: str, authority: Authority
) -> None:
    ours = authority.own()
    locked = tmp_path / "locked.key"
    _lock(Path(ours["client_key"]), locked)
    with serving(way, authority.server(), wants=authority) as collector:
        route = {**ours, "client_key": str(locked), "certificate": authority.file}
        # In a program of its own without a terminal: one that asks would fail otherwise.
        program = (
            "import sys, json; from tests.exporting.test_tls import asked; "
            "way, url, route = sys.argv[1:]; print(asked(way, url, **json.loads(route)).fault)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, way, collector.url, json.dumps(route)],
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    assert "locked.key: cannot be used: give a certificate and its key without a password" in done.stdout


def _lock(key: Path, locked: Path) -> None:
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
