"""The text panel of *Issues & Briefings* in a browser, on a page of another origin as Grafana is one."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.browser.chromium import NoBrowserError, chromium
from tests.grafana.boards import panels
from tests.grafana.stack import free_ports, wait_for
from tests.servers import missing


class _Grafana(BaseHTTPRequestHandler):
    page = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def grafana(text: str) -> Iterator[str]:
    """Serve a page with a text panel, filled in; gives its origin."""

    class Page(_Grafana):
        page = f"<!doctype html><body style='height: 400px'>{text}</body>".encode()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def sidecar(folder: Path, port: int, origin: str) -> Iterator[None]:
    """Run `obs up` over a log with one error, where only `origin` may show the briefing."""
    folder.mkdir()
    (folder / "bot.log").write_text(
        "2026-11-20 10:00:00 ERROR bot: order 42 rejected: no margin\n", encoding="utf-8"
    )
    (folder / "obs.toml").write_text(f'port = {port}\nallowed_origins = ["{origin}"]\n', encoding="utf-8")
    with (folder / "up.log").open("wb") as log:
        command = [sys.executable, "-m", "obs", "up", "bot.log"]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            wait_for("the briefing", lambda: b"obs briefing" in _get(f"http://127.0.0.1:{port}/api/briefing"))
            yield
        finally:
            process.terminate()
            process.wait(60)


def _get(address: str) -> bytes:
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(address, timeout=10) as answer:
        return bytes(answer.read())
    return b""


def test_the_panel_shows_the_briefing_where_obs_allows_it_and_links_where_not(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    (panel,) = (panel for _, panel in panels() if panel["type"] == "text")
    filled = panel["options"]["content"].replace("${obs}", f"http://127.0.0.1:{port}").replace("${__to}", "1")
    assert "${" not in filled
    # As Grafana's own cleaning leaves it: address and size, and nothing of it may run.
    assert re.fullmatch(r'(?s).*<iframe src="[^"]*" width="100%" height="\d+"></iframe>\n', filled)
    filled = filled.replace("<iframe ", "<iframe sandbox credentialless referrerpolicy=no-referrer ")
    try:
        browsers = contextlib.ExitStack()
        browser = browsers.enter_context(chromium())
    except NoBrowserError as error:
        missing(str(error))
        raise

    with browsers, grafana(filled) as ours, grafana(filled) as other, sidecar(tmp_path / "obs", port, ours):
        shown, refused = browser.new_page(), browser.new_page()
        shown.goto(ours)
        refused.goto(other)

        assert "obs briefing" in shown.frame_locator("iframe").locator("body").inner_text(timeout=30_000)
        assert "obs briefing" not in refused.frame_locator("iframe").locator("body").inner_text(
            timeout=30_000
        )
        # The links are there without the frame too, and lead to what they say.
        refused.click("text=Live page")
        refused.wait_for_url(f"http://127.0.0.1:{port}/**")
        shown.click("text=한국어")
        shown.wait_for_url(f"http://127.0.0.1:{port}/api/briefing?lang=ko")
        assert "브리핑" in shown.inner_text("body")
