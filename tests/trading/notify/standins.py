"""Stand-ins of Telegram's Bot API, Slack's webhooks and Twilio, as documented; each can be told to misbehave.

Telegram: core.telegram.org/bots/api#making-requests and #sendmessage. Slack:
docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. Twilio: twilio.com/docs/messaging/api.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from trading.notify.markup import Span

TOKEN = "123456789:AAEexampleNeedleTokenForTestsOnly_42"
HOOK = ("T0NEEDLE01", "B0NEEDLE02", "needleNeedleNeedle03wxyz")
ACCOUNT = "ACaaaabbbbccccddddeeeeffff00001111"
SMS_TOKEN = "deadbeefneedle00deadbeefneedle00"
PASSWORD = "pa:ss/w@rd needle%41"

NEEDLES = (TOKEN, TOKEN.partition(":")[2], *HOOK, ACCOUNT, SMS_TOKEN, PASSWORD)
"""What must stand nowhere but in the secret file."""


@dataclass
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


@dataclass
class Standin:
    """A server on this machine; `faults` are used up one by one, then it works."""

    service: str
    requests: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """`hang`, `reset`, `half`, `drip`, or a status, with seconds for Retry-After: `429:3`."""
    accepted: list[Any] = field(default_factory=list)
    """What a person would see: texts, in the order of their arrival."""
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def standing(service: str) -> Iterator[Standin]:
    """Run a stand-in until the end of the block."""
    standin = Standin(service)

    class Handler(_Handler):
        about = standin

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    standin.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        standin.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    about: Standin

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.path, dict(self.headers), body)
        self.about.requests.append(request)
        fault = self.about.faults.pop(0) if self.about.faults else ""
        if fault == "hang":
            self.about.closing.wait(30)
            self.close_connection = True
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{")
            self.close_connection = True
        elif fault == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
            while not self.about.closing.is_set():
                self.wfile.write(b" ")
                time.sleep(0.1)
        else:
            status, text = getattr(self, f"_{self.about.service}")(request, fault)
            self._answer(status, text, fault)

    def _answer(self, status: int, text: str, fault: str) -> None:
        self.send_response(status)
        seconds = fault.partition(":")[2]
        # Telegram says it in the body; the others in the header.
        if seconds and self.about.service != "telegram":
            self.send_header("Retry-After", seconds)
        data = text.encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.about.requests.append(Request(self.path, dict(self.headers), b""))
        if self.path != f"/bot{TOKEN}/getUpdates":
            self._answer(401, '{"ok": false, "error_code": 401, "description": "Unauthorized"}', "")
            return
        private = {"id": 4711, "type": "private", "first_name": "Min", "last_name": "Kim"}
        group = {"id": -100200, "type": "supergroup", "title": "\u202eDesk"}
        updates = [
            {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": private, "text": "hi"}},
            {"update_id": 2, "my_chat_member": {"chat": group, "date": 2}},
        ]
        self._answer(200, json.dumps({"ok": True, "result": updates}), "")

    def _telegram(self, request: Request, fault: str) -> tuple[int, str]:
        if fault == "moved":
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            more = {"migrate_to_chat_id": -1001234567890}
            return 400, json.dumps({"ok": False, "error_code": 400, "description": words, "parameters": more})
        status, _, seconds = fault.partition(":")
        says = {"429": f"Too Many Requests: retry after {seconds}", "500": "Internal Server Error"}
        if request.path != f"/bot{TOKEN}/sendMessage":
            status, says["401"] = "401", "Unauthorized"
        said = request.json
        if not status:
            try:
                spans = read_markdown_v2(said["text"])
                assert said["parse_mode"] == "MarkdownV2"
                shown = "".join(span.text for span in spans)
                if len(shown.encode("utf-16-le")) // 2 > 4096:
                    status, says["400"] = "400", "Bad Request: message is too long"
            except ValueError as error:
                status, says["400"] = "400", f"Bad Request: {error}"
        if status:
            refusal = {
                "ok": False,
                "error_code": int(status),
                "description": says.get(status, "Bad Request"),
            }
            if seconds:
                refusal["parameters"] = {"retry_after": int(seconds)}
            return int(status), json.dumps(refusal)
        self.about.accepted.append(shown)
        return 200, json.dumps({"ok": True, "result": {"message_id": len(self.about.accepted)}})

    def _slack(self, request: Request, fault: str) -> tuple[int, str]:
        status = fault.partition(":")[0]
        if request.path != "/" + "/".join(HOOK):
            return 403, "invalid_token"
        if status:
            return int(status), {"429": "rate_limited"}.get(status, "rollup_error")
        blocks = request.json["attachments"][0]["blocks"]
        text = blocks[0]["text"]
        if text["type"] != "mrkdwn" or not 1 <= len(text["text"]) <= 3000:
            return 400, "invalid_blocks"
        self.about.accepted.append(text["text"])
        return 200, "ok"

    def _json(self, request: Request, fault: str) -> tuple[int, str]:
        if fault:
            return int(fault.partition(":")[0]), "no"
        self.about.accepted.append((request.json["title"], request.json["message"]))
        return 200, ""

    def _twilio(self, request: Request, fault: str) -> tuple[int, str]:
        status = fault.partition(":")[0]
        if status:
            refusal = {"code": 20429, "message": "Too Many Requests", "status": int(status)}
            return int(status), json.dumps(refusal)
        if request.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return 401, json.dumps({"code": 20003, "message": "Authenticate", "status": 401})
        if request.form["To"] == "+821000000000":
            # A number Twilio does not write to: its code is not the status.
            return 400, json.dumps({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400})
        self.about.accepted.append(request.form["Body"])
        return 201, json.dumps({"sid": "SM1", "status": "queued"})


def read_markdown_v2(text: str) -> list[Span]:
    """Read as Telegram's server does; an unescaped reserved character is refused, as there."""
    found, place, style, plain = [], 0, "", ""
    while place < len(text):
        letter = text[place]
        if letter == "\\" and 1 <= ord(text[place + 1]) <= 126:
            plain += text[place + 1]
            place += 2
            continue
        if letter in "*`" and (style == "" or style == {"*": "bold", "`": "code"}[letter]):
            found.append((plain, style))
            style, plain = ("" if style else {"*": "bold", "`": "code"}[letter]), ""
        elif letter in "_*[]()~`>#+-=|{}.!" and style != "code":
            raise ValueError(f"can't parse entities: Character '{letter}' is reserved and must be escaped")
        else:
            plain += letter
        place += 1
    if style:
        raise ValueError("can't parse entities: Can't find end of the entity")
    return joined([Span(*each) for each in [*found, (plain, "")]])  # type: ignore[arg-type]


def joined(stretches: list[Span]) -> list[Span]:
    """Return the stretches with neighbours of one style made one, empty ones left out."""
    out: list[Span] = []
    for span in stretches:
        if out and out[-1].style == span.style:
            out[-1] = Span(out[-1].text + span.text, span.style)
        elif span.text:
            out.append(span)
    return out
