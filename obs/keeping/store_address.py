"""Where a store is: the setting `store` taken apart, and shown without its password.

`postgresql://user:password@host:port/database?schema=obs&sslmode=require`; `host` may be the folder of a Unix
socket, written as libpq does: `postgresql:///database?host=/run/postgresql`. Nothing heavy is imported here,
because every command checks its settings.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

__all__ = ["Address", "AddressError", "parse", "shown"]

SCHEMES = ("postgresql", "postgres", "postgresql+pg8000")
SSL_MODES = ("disable", "prefer", "require", "verify-full")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PASSWORD = re.compile(r"(?i)(//[^/@\s:]*:).*(@)|([?&](?:password|passwd|pwd|sslpassword)=)[^&\s]*")


class AddressError(ValueError):
    """The setting is no address of a store; the message says what to write."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A PostgreSQL database and the schema in it that is ours."""

    host: str
    port: int
    database: str
    user: str
    password: str
    schema: str
    sslmode: str = "prefer"

    def __str__(self) -> str:
        place = f"{self.host}:{self.port}" if not self.host.startswith("/") else ""
        return f"postgresql://{place}/{self.database} schema {self.schema}"

    # A password must not come out by way of a traceback either.
    __repr__ = __str__


def parse(text: str) -> Address:
    """Return the parts of an address.

    Raises:
        AddressError: If it is none; the message holds no password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or 5432
    except ValueError:
        raise AddressError(f"{shown(text)} is no address: its port must be a number") from None
    if parts.scheme not in SCHEMES:
        raise AddressError(
            "is no store that obs knows: write postgresql://user@host/database, or leave it empty for obs.db"
        )
    query = dict(parse_qsl(parts.query))
    known = {"schema", "sslmode", "host", "port", "user", "password"}
    strange = sorted(query.keys() - known)
    if strange:
        raise AddressError(f"{shown(text)}: {strange[0]} is not known: use {', '.join(sorted(known))}")
    schema, sslmode = query.get("schema", "obs"), query.get("sslmode", "prefer")
    if _NAME.fullmatch(schema) is None:
        raise AddressError(f"schema = {schema!r}: use small letters, digits and _, as in obs")
    if sslmode not in SSL_MODES:
        raise AddressError(f"sslmode = {sslmode!r}: use one of {', '.join(SSL_MODES)}")
    user = unquote(parts.username or query.get("user", "")) or "postgres"
    return Address(
        host=query.get("host") or parts.hostname or "localhost",
        port=int(query["port"]) if query.get("port", "").isdigit() else port,
        database=unquote(parts.path.lstrip("/")) or user,
        user=user,
        password=unquote(parts.password or query.get("password", "")),
        schema=schema,
        sslmode=sslmode,
    )


def shown(text: str) -> str:
    """Return an address as a person may see it: with its password masked."""
    return _PASSWORD.sub(lambda found: f"{found[1] or found[3]}***{found[2] or ''}", text)
