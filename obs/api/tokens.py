"""Who may read and who may decide: bearer tokens, compared in constant time, kept by their owner alone."""

from __future__ import annotations

import contextlib
import enum
import hmac
import os
import secrets
import stat
import sys
from pathlib import Path

import msgspec

from obs.config import Settings

__all__ = ["FILE", "Scope", "TokenError", "Tokens", "in_force", "made_or_found", "stored"]

FILE = "token"
"""In `OBS_DIR`, readable by its owner alone."""
SHORTEST = 16
"""Characters below which a token can be guessed."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MOST_BYTES = 1_024


class TokenError(ValueError):
    """A token that cannot be used; the message says how to mend it and never shows it."""


class Scope(enum.IntEnum):
    """What a token allows; each includes those below."""

    NONE = 0
    READ = 1
    CONTROL = 2


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens in force."""

    control: str = ""
    """Allows everything; empty: nobody may decide anything."""
    read: str = ""
    """Allows reading only; empty: there is no such token."""
    is_read_open: bool = True
    """Whether reading needs no token: on loopback."""

    def __repr__(self) -> str:
        return (
            f"Tokens(control={bool(self.control)}, read={bool(self.read)}, is_read_open={self.is_read_open})"
        )

    def scope_of(self, token: str | bytes | None) -> Scope:
        """Return what a token allows; both comparisons are made whatever comes out."""
        given = token if isinstance(token, bytes) else (token or "").encode("utf-8", "surrogateescape")
        given = given[:_MOST_BYTES]
        is_control = hmac.compare_digest(given, self.control.encode()) and bool(self.control)
        is_read = hmac.compare_digest(given, self.read.encode()) and bool(self.read)
        if is_control:
            return Scope.CONTROL
        return Scope.READ if is_read else Scope.NONE


def in_force(settings: Settings, directory: Path) -> Tokens:
    """Return the tokens a sidecar serves with; on loopback the directory's own is made when there is none.

    Raises:
        TokenError: If it is to listen where others can reach it and there is no token, or one cannot be used.
    """
    control = checked(settings.token.get_secret_value(), "token")
    read = checked(settings.read_token.get_secret_value(), "read_token")
    if settings.host in LOOPBACK:
        with contextlib.suppress(OSError):
            control = control or made_or_found(directory)
        return Tokens(control=control, read=read)
    control = control or stored(directory)
    if not control:
        raise TokenError(
            f"host = {settings.host!r}: others can reach it, so it needs a token: set OBS_TOKEN to one of "
            f"{SHORTEST} characters or more, or start once on 127.0.0.1, which writes {directory / FILE}; "
            "or use 127.0.0.1 and a tunnel to look from elsewhere"
        )
    return Tokens(control=control, read=read, is_read_open=False)


def checked(token: str, name: str) -> str:
    """Return the token without blanks around it.

    Raises:
        TokenError: If it is too short or not printable ASCII, which no header could carry.
    """
    token = token.strip()
    if token and len(token) < SHORTEST:
        raise TokenError(
            f"{name}: has fewer than {SHORTEST} characters and could be guessed: use a longer one"
        )
    if not token.isascii() or not token.isprintable() or " " in token or len(token) > _MOST_BYTES:
        raise TokenError(f"{name}: holds characters a header cannot carry: use letters and digits")
    return token


def stored(directory: Path) -> str:
    """Return the token of the directory's file, or an empty text when there is none.

    Raises:
        TokenError: If others may read the file, or it cannot be read or used.
    """
    path = directory / FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise TokenError(
            f"{path}: cannot be read ({error.strerror}): make it a file of yours, or remove it"
        ) from None
    try:
        if sys.platform != "win32":
            found = os.fstat(descriptor)
            if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
                raise TokenError(
                    f"{path}: others can read it: remove it, and a new one is made (or chmod 600)"
                )
        text = os.read(descriptor, 4_096).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
    return checked(text, str(path))


def made_or_found(directory: Path) -> str:
    """Return the directory's token; make one, for its owner alone, when there is none.

    Raises:
        TokenError: As `stored`.
        OSError: If it cannot be written.
    """
    found = stored(directory)
    if found:
        return found
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / FILE
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    token = secrets.token_urlsafe(32)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        # Empty, or another was quicker.
        again = stored(directory)
        if again:
            return again
        path.unlink(missing_ok=True)
        descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token
