"""The socket: where it may listen, and what to say when it cannot."""

from __future__ import annotations

import socket
import sys

from obs.config import Settings

__all__ = ["listen"]

WAITING = 1_024
"""Connections that wait to be accepted: a flood of slow ones must not keep others from being heard."""


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
