"""Bodies unpacked within a bound: a few kilobytes may not become gigabytes."""

from __future__ import annotations

import zlib

__all__ = ["UnpackError", "unpacked"]

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class UnpackError(ValueError):
    """A body that cannot be unpacked, or would become too large."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """Return a body as it was before it was packed.

    Args:
        body: As it came.
        encoding: Its `Content-Encoding`: gzip, deflate or none.
        most: Bytes that it may have unpacked.

    Raises:
        UnpackError: If it is not packed as it says, ends early or has more bytes than that.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        if len(body) > most:
            raise UnpackError(413, f"the body has more than {most} bytes: send smaller batches")
        return body
    if encoding not in _WINDOWS:
        raise UnpackError(415, "Content-Encoding may be gzip, deflate or identity")
    window = _WINDOWS[encoding]
    if encoding == "deflate" and not _is_zlib(body):
        # Some send the bare stream under this name.
        window = -15
    parts: list[bytes] = []
    size = 0
    while True:
        packer = zlib.decompressobj(window)
        try:
            part = packer.decompress(body, most + 1 - size)
        except zlib.error:
            raise UnpackError(400, f"the body is not {encoding}") from None
        parts.append(part)
        size += len(part)
        if size > most:
            raise UnpackError(413, f"the body has more than {most} bytes unpacked: send smaller batches")
        if not packer.eof:
            raise UnpackError(400, f"the {encoding} body ends early")
        body = packer.unused_data
        if not body or window != 31:
            # Only gzip may have further members.
            return b"".join(parts)


def _is_zlib(body: bytes) -> bool:
    return len(body) >= 2 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
