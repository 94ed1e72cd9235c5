"""Hosts as logs name them: which are this machine, which are one peer, who stands behind one."""

from __future__ import annotations

import ipaddress

__all__ = ["is_local", "is_same_place", "labels_of", "site_of"]


def is_local(host: str) -> bool:
    """Whether a host is this machine: no network stands between."""
    name = host.rsplit(":", 1)[0].strip("[]") if host.count(":") == 1 else host.strip("[]")
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def site_of(host: str) -> str:
    """Return who stands behind a host: its last two labels, or the address."""
    name = host.split(":", 1)[0].lower().rstrip(".")
    labels = name.split(".")
    return name if labels[-1].isdigit() else ".".join(labels[-2:])


def labels_of(host: str) -> list[str]:
    """Return the parts of a host's name, lower case, its port left out."""
    return host.lower().split(":", 1)[0].split(".")


def is_same_place(a: str, b: str) -> bool:
    """Whether two names mean one peer: the same host, or an exchange's id and a host of its domain."""
    if a == b:
        return True
    short, long = sorted((a.lower(), b.lower()), key=len)
    return bool(short) and short in labels_of(long)
