"""The socket: where it may listen, and what to say when it cannot."""

from __future__ import annotations

import socket
import sys

from obs.api.tokens import LOOPBACK, TokenError, Tokens
from obs.config import Settings, grpc_place
from obs.otlp.grpc_door import GrpcDoor

__all__ = ["grpc_door", "listen"]

WAITING = 1_024
"""Connections that wait to be accepted: a flood of slow ones must not keep others from being heard."""


def grpc_door(settings: Settings, tokens: Tokens) -> GrpcDoor | None:
    """Return the door for OpenTelemetry by gRPC, where the settings want one.

    Raises:
        TokenError: If others could reach it and there is no token.
        ValueError: If the extra is missing or the port is taken; the message says the mend.
    """
    place = grpc_place(settings)
    if place is None:
        return None
    if place[0] not in LOOPBACK and not tokens.control:
        raise TokenError(
            f"grpc = {settings.otlp.grpc!r} under [otlp]: others can reach it, so it needs a token: "
            "set OBS_TOKEN, or use 127.0.0.1"
        )
    return GrpcDoor(*place)


def listen(settings: Settings) -> socket.socket:
    """Return the listening socket.

    Whether it may listen there at all, `obs.api.tokens.in_force` has to be asked before.

    Raises:
        ValueError: If the address is not ours or the port is taken; the message says the mend.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((settings.host, settings.port))
    except OSError as error:
        door.close()
        raise ValueError(
            f"port {settings.port} on {settings.host}: {error.strerror}: "
            "choose another with --port or OBS_PORT, or end the program that holds it"
        ) from None
    door.listen(WAITING)
    return door
