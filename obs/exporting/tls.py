"""TLS towards a collector: whom we trust, who we are, and in plain words why it did not work.

Files are read anew for each connection, so that a renewed certificate holds without a restart.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

from obs.exporting.destination import Route

__all__ = ["TlsError", "context_of", "files_of", "pried", "words_of"]

PRY_SECONDS = 2.0
_EXPIRED, _NOT_YET = 10, 9
_OTHER_NAME = (62, 64)
"""Verify codes of OpenSSL for a host name and for an address."""
_TRUST = "OTEL_EXPORTER_OTLP_CERTIFICATE, or `certificate` under [otlp]"
_OURS = (
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY, "
    "or `client_certificate` and `client_key` under [otlp]"
)


class TlsError(Exception):
    """A file of a certificate or key that cannot be used; the message names it and the mend."""


def context_of(route: Route) -> ssl.SSLContext:
    """Return how to connect.

    Raises:
        TlsError: If a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=route.certificate or None)
    except OSError as error:
        raise TlsError(
            _unusable(route.certificate, error, "certificates of the trusted authorities")
        ) from None
    if route.client_certificate:
        try:
            # With a password of our own nobody is asked for one on a terminal.
            context.load_cert_chain(
                route.client_certificate, route.client_key or None, password=lambda: "no password"
            )
        except OSError as error:
            names = " and ".join(dict.fromkeys(filter(None, (route.client_certificate, route.client_key))))
            raise TlsError(_unusable(names, error, "a certificate and its key without a password")) from None
    return context


def files_of(route: Route) -> tuple[bytes | None, bytes | None, bytes | None]:
    """Return, as PEM, whom we trust, our key and our certificate, each None where there is none.

    Raises:
        TlsError: If a file cannot be used.
    """
    context = context_of(route)
    if route.certificate:
        trusted = Path(route.certificate).read_bytes()
    else:
        # Those of this machine: gRPC would take a list of its own.
        known = context.get_ca_certs(binary_form=True)
        trusted = "".join(map(ssl.DER_cert_to_PEM_cert, known)).encode()
    if not route.client_certificate:
        return trusted or None, None, None
    chain = Path(route.client_certificate).read_bytes()
    return trusted or None, Path(route.client_key).read_bytes() if route.client_key else chain, chain


def words_of(error: BaseException, route: Route) -> str:
    """Return what went wrong with TLS; empty when it was something else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrusted(error, urlsplit(route.url).hostname or "")
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ""
    reason = (error.reason or "").upper()
    if "CERTIFICATE_REQUIRED" in reason or ("HANDSHAKE_FAILURE" in reason and not route.client_certificate):
        return f"the collector wants a certificate of ours: {_OURS}"
    if "ALERT" in reason and route.client_certificate:
        return f"the collector does not accept our certificate {route.client_certificate}"
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return "the collector speaks no TLS there: write http:// or another port"
    return f"TLS failed ({reason.lower().replace('_', ' ') or type(error).__name__})"


def pried(route: Route, protocols: tuple[str, ...] = ()) -> str:
    """Connect once to learn why a secure connection fails; return it in words, or nothing.

    Some collectors only hang up; what they say before that is lost to whoever sends at once.

    Args:
        route: Where to.
        protocols: Names for ALPN.
    """
    parts = urlsplit(route.url)
    ends_at = time.monotonic() + min(PRY_SECONDS, route.timeout)
    try:
        context = context_of(route)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        address = (parts.hostname or "", parts.port or 443)
        with (
            socket.create_connection(address, timeout=min(PRY_SECONDS, route.timeout)) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            secure.settimeout(max(0.05, ends_at - time.monotonic()))
            # Whoever is content with us waits for a request, or says a word of HTTP/2.
            return "" if _heard(secure) else _hung_up(route)
    except TlsError as error:
        return str(error)
    except OSError as error:
        return words_of(error, route)


def _heard(secure: ssl.SSLSocket) -> bool:
    """Whether the connection holds; False when the other side ends it without a word."""
    try:
        return bool(secure.recv(1))
    except TimeoutError:
        return True
    except (ConnectionError, ssl.SSLEOFError):
        return False


def _hung_up(route: Route) -> str:
    why = f"wants a certificate of ours: {_OURS}"
    if route.client_certificate:
        why = f"does not accept our certificate {route.client_certificate}"
    return f"the collector hangs up on us: perhaps it {why}"


def _distrusted(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code in _OTHER_NAME:
        return f"the collector's certificate is not for {host}: name it as its certificate does"
    if error.verify_code == _EXPIRED:
        return "the collector's certificate has expired: renew it there"
    if error.verify_code == _NOT_YET:
        return "the collector's certificate is not valid yet: look at the clocks of both machines"
    why = error.verify_message or "not verified"
    return f"the collector's certificate is not trusted ({why}): name its authority in {_TRUST}"


def _unusable(names: str, error: OSError, wanted: str) -> str:
    why = ""
    if not isinstance(error, ssl.SSLError):
        with contextlib.suppress(AttributeError):
            why = f" ({error.strerror})"
    return f"{names or 'the authorities of this machine'}: cannot be used{why}: give {wanted}, as PEM"
