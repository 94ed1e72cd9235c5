"""The page's own files: `/` and `/static/...`, exactly those that ship with it, with type and ETag."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from obs.api.envelope import ApiError

__all__ = ["FOLDER", "Files", "routes"]

FOLDER = Path(__file__).resolve().parents[1] / "web" / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""What may be served, and as what; any other file stays where it is."""
LOOK_SECONDS = 1.0


class _File(msgspec.Struct, frozen=True):
    data: bytes
    kind: str
    etag: str
    stamp: tuple[int, int]


class Files:
    """The files of one folder, by the names they are asked by; nothing else can be named."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._names: dict[str, Path] = {}
        self._read: dict[str, _File] = {}
        self._lock = threading.Lock()
        self._looked_at = -LOOK_SECONDS

    def get(self, name: str) -> _File | None:
        """Return a file by its name relative to the folder, with forward slashes; None if there is none."""
        path = self._names.get(name)
        if path is None:
            self._look()
            path = self._names.get(name)
        if path is None:
            return None
        try:
            found = path.stat()
            stamp = found.st_mtime_ns, found.st_size
            known = self._read.get(name)
            if known is None or known.stamp != stamp:
                data = path.read_bytes()
                etag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
                known = _File(data, TYPES[path.suffix], etag, stamp)
                self._read[name] = known
        except OSError:
            return None
        return known

    def _look(self) -> None:
        """List the folder anew, seldom: an unknown name must not cost a walk each time."""
        with self._lock:
            if time.monotonic() < self._looked_at + LOOK_SECONDS:
                return
            self._looked_at = time.monotonic()
            root = self._folder.resolve()
            self._names = {
                path.relative_to(self._folder).as_posix(): path
                for path in self._folder.rglob("*")
                if path.suffix in TYPES and path.is_file() and path.resolve().is_relative_to(root)
            }


def routes(files: Files | None = None) -> list[Route]:
    """Return the routes of the page's files."""
    held = files if files is not None else Files()

    def answered(request: Request, name: str) -> Response:
        found = held.get(name)
        if found is None:
            raise ApiError(404)
        headers = {"ETag": found.etag, "Cache-Control": "no-cache"}
        wanted = request.headers.get("if-none-match", "")
        if found.etag in {tag.strip().removeprefix("W/") for tag in wanted.split(",")}:
            return Response(status_code=304, headers=headers)
        return Response(found.data, headers=headers, media_type=found.kind)

    async def index(request: Request) -> Response:
        return answered(request, "index.html")

    async def file(request: Request) -> Response:
        return answered(request, request.path_params["name"])

    return [Route("/", index, methods=["GET"]), Route("/static/{name:path}", file, methods=["GET"])]
