"""A server on loopback that speaks as KRX's data site does: login, lists of codes, prices.

Wire formats as pyKRX 1.2.9 reads them (`website/comm/auth.py`, the `core` modules) and as its users saw them:
without a session, data requests get HTTP 400 and the word LOGOUT (pyKRX issue 278).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

LOGIN = "/contents/MDC/COMS/client/MDCCOMS001D1.cmd"
DATA = "/comm/bldAttendant/getJsonData.cmd"
SHARES = [
    {"full_code": "KR7005930003", "short_code": "005930", "codeName": "삼성전자", "marketName": "유가증권"},
    {"full_code": "KR7035720002", "short_code": "035720", "codeName": "카카오", "marketName": "유가증권"},
]
FUNDS = [
    {"ISU_CD": "KR7069500007", "ISU_SRT_CD": "069500", "ISU_ABBRV": "KODEX 200", "LIST_DD": "2002/10/14"},
    {"ISU_CD": "KR70000D0009", "ISU_SRT_CD": "0000D0", "ISU_ABBRV": "TIGER", "LIST_DD": "2024/01/02"},
]
OLD_SHARES = [
    {"full_code": "KRA030270151", "short_code": "030270", "codeName": "가희 11R", "marketName": "코스닥"},
    {"full_code": "KR7030270003", "short_code": "030270", "codeName": "에스마크", "marketName": "코스닥"},
]
SPLIT = date(2021, 4, 15)
"""카카오 was split 5 to 1."""
HALTED = date(2021, 4, 12)


@dataclass
class Fault:
    """What goes wrong with the next requests for a table (the end of its name) or for `login`."""

    place: str
    status: int = 200
    body: str | None = None
    delay_s: float = 0.0
    is_half: bool = False
    times: int = 1


@dataclass
class KrxStandin:
    """The server's state: who may log in, who is, and what was asked."""

    accounts: dict[str, str] = field(
        default_factory=lambda: {"trader": "pa55-word!", "0ther-trader": "pa55-word!"}
    )
    faults: list[Fault] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The forms of all data requests."""
    logins: list[dict[str, str]] = field(default_factory=list)
    code: str = ""
    """What a right login gets instead of `CD001`."""
    _sessions: dict[str, str] = field(default_factory=dict)
    """Account to its one session."""
    _given: int = 0

    def new_session(self) -> str:
        self._given += 1
        return f"S{self._given:06d}.jvm1"

    def login(self, form: dict[str, str], session: str) -> dict[str, str]:
        self.logins.append(form)
        who = form.get("mbrId", "")
        if self.accounts.get(who) != form.get("pw"):
            # KRX repeats what it was given.
            return {
                "_error_code": "CD005",
                "_error_message": f"{who} / {form.get('pw')}: 회원정보가 없습니다.",
            }
        if self.code:
            return {"_error_code": self.code, "_error_message": "비밀번호를 변경하세요."}
        if self._sessions.get(who, session) != session and form.get("skipDup") != "Y":
            return {"_error_code": "CD011", "_error_message": "중복 로그인"}
        self._sessions[who] = session
        return {"_error_code": "CD001", "_error_message": "정상", "MBR_NO": "1"}

    def log_in_elsewhere(self) -> None:
        """Somebody uses the account in a browser: the session there is now the one."""
        for who in self._sessions:
            self._sessions[who] = self.new_session()

    def is_member(self, session: str) -> bool:
        return session in self._sessions.values()

    def fault(self, place: str) -> Fault | None:
        for fault in self.faults:
            if place.endswith(fault.place) and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def data(self, form: dict[str, str]) -> dict[str, Any]:
        self.asked.append(form)
        table = form["bld"].rpartition("/")[2]
        now = {"CURRENT_DATETIME": "2026.11.20 PM 06:10:10"}
        if table == "finder_stkisu":
            return {"block1": SHARES, **now}
        if table == "finder_listdelisu":
            return {"block1": OLD_SHARES, **now}
        if table == "MDCSTAT04601":
            return {"output": FUNDS, **now}
        first, last = (datetime.strptime(form[key], "%Y%m%d").date() for key in ("strtDd", "endDd"))  # noqa: DTZ007
        days = [first + timedelta(n) for n in range((last - first).days + 1)]
        rows = [
            _row(form["isuCd"], day, is_adjusted=form.get("adjStkPrc") == "2")
            for day in reversed(days)
            if day.isoweekday() < 6 and day <= date(2026, 11, 20)
        ]
        return {"output": rows, **now}


def close_of(isin: str, day: date) -> int:
    """The price the stand-in makes up, adjusted."""
    return 20_000 + int(isin[3:9], 36) % 50_000 + (day.toordinal() * 37) % 900


def _row(isin: str, day: date, *, is_adjusted: bool) -> dict[str, str]:
    close = close_of(isin, day)
    if isin == "KR7035720002" and day < SPLIT and not is_adjusted:
        close *= 5
    is_halted = isin == "KR7035720002" and day == HALTED
    others = (0, 0, 0, 0) if is_halted else (close - 50, close + 100, close - 150, 33_431_809)
    names = ("TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC", "ACC_TRDVOL")
    row = {"TRD_DD": f"{day:%Y/%m/%d}", "TDD_CLSPRC": f"{close:,}", "FLUC_TP_CD": "1", "FLUC_RT": "-1.90"}
    return {
        **row,
        **{name: f"{value:,}" for name, value in zip(names, others, strict=True)},
        "LIST_SHRS": "-",
    }


class KrxServer(ThreadingHTTPServer):
    """The stand-in on a free port of loopback; use it as a context."""

    daemon_threads = True

    def __init__(self) -> None:
        self.krx = KrxStandin()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: KrxServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        fault = self.server.krx.fault("page")
        session = self._session() or self.server.krx.new_session()
        if fault is not None:
            self._faulty(fault)
        else:
            self._answer(200, "<html></html>", {"Set-Cookie": f"JSESSIONID={session}; Path=/"}, "text/html")

    def do_POST(self) -> None:
        krx = self.server.krx
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
        place = "login" if self.path == LOGIN else form.get("bld", "")
        if (fault := krx.fault(place)) is not None:
            self._faulty(fault)
        elif self.path == LOGIN:
            self._answer(200, json.dumps(krx.login(form, self._session())))
        elif self.path != DATA or not krx.is_member(self._session()):
            self._answer(400, "LOGOUT", kind="text/html")
        else:
            self._answer(200, json.dumps(krx.data(form)))

    def _faulty(self, fault: Fault) -> None:
        time.sleep(fault.delay_s)
        body = fault.body if fault.body is not None else "<html>점검 중</html>"
        self._answer(fault.status, body, {"Retry-After": "0"}, is_half=fault.is_half)

    def _session(self) -> str:
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("JSESSIONID")
        return cookie.value if cookie else ""

    def _answer(
        self,
        status: int,
        text: str,
        headers: Mapping[str, str] | None = None,
        kind: str = "application/json; charset=utf-8",
        *,
        is_half: bool = False,
    ) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_half else body)
        self.close_connection = self.close_connection or is_half

    def log_message(self, *_: object) -> None:
        pass
