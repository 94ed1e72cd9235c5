"""The collector of KRX prices: a process of its own, started by `trading.market.krx`.

Importing pyKRX logs in, prints the login id, and says nothing when the login fails; its requests have no
time limit, and it turns every failure into an empty frame. So it lives here, apart: what it prints is thrown
away, each of its requests is watched, and whoever started this process gets one JSON object a line. Login and
password come by the environment (`KRX_ID`, `KRX_PW`) and go to KRX alone.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TextIO

TIMEOUT_S = (10.0, 30.0)
"""For one request: to connect, and between two bytes."""
TRIES = 3
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
LOGIN_DONE = "CD001"
COLUMNS = ("TRD_DD", "TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC", "TDD_CLSPRC", "ACC_TRDVOL")

Say = Callable[[Mapping[str, Any]], None]


class FailedError(OSError):
    """A request or an answer of no use; pyKRX does not swallow an `OSError`."""

    def __init__(
        self, kind: str, detail: str, status: int | None = None, wait_s: float | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        """`login` · `ended` · `http` · `network` · `timeout` · `unreadable` · `unknown` · `library`."""
        self.status = status
        self.wait_s = wait_s
        """How long KRX asks us to wait before the next try."""

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.kind in ("network", "timeout") or self.status in (429, 500, 502, 503, 504)


class Paper(NamedTuple):
    """What KRX lists under a code."""

    isin: str
    is_fund: bool


class Watch:
    """Stands between pyKRX and the network: time limits, retries, and a word for each request."""

    def __init__(self, send: Callable[..., Any], say: Say) -> None:
        self._send = send
        self._say = say
        self._free_at = 0.0
        self.pause_s = 0.0
        """Between two requests for data: KRX shuts out addresses that ask too much at once."""
        self.login_code = ""
        """What KRX answered to the newest login, e.g. `CD001`; "" before one."""
        self.login_words = ""

    def request(self, session: Any, method: str, url: str, **options: Any) -> Any:
        """Send one request in place of `requests.Session.request`.

        Raises:
            FailedError: If there is no answer, or one that is no data.
        """
        options["timeout"] = TIMEOUT_S
        path = url.partition("://")[2].partition("/")[2]
        is_login = "/COMS/client/" in url
        route = _route(path, options.get("data"))
        for attempt in range(TRIES):
            if not is_login:
                time.sleep(max(0.0, self._free_at - time.monotonic()))
                self._free_at = time.monotonic() + self.pause_s
            try:
                return self._once(session, method, url, options, route, attempt, is_login=is_login)
            except FailedError as failed:
                # A second try of a login could lock the account; what KRX refuses once, it refuses again.
                if is_login or not failed.is_passing or attempt + 1 == TRIES:
                    raise
                wait_s = failed.wait_s if failed.wait_s is not None else FIRST_WAIT_S * 2**attempt
                time.sleep(min(wait_s, LONGEST_WAIT_S))
        raise AssertionError("unreachable")

    def _once(
        self,
        session: Any,
        method: str,
        url: str,
        options: dict[str, Any],
        route: str,
        attempt: int,
        *,
        is_login: bool,
    ) -> Any:
        import requests

        begun = time.monotonic()
        status: int | None = None
        problem: FailedError | None = None
        try:
            answer = self._send(session, method, url, **options)
            status = answer.status_code
            problem = _problem(answer, route, is_login=is_login)
        except requests.Timeout:
            problem = FailedError("timeout", f"{route} gave no answer in time")
        except requests.RequestException as error:
            problem = FailedError("network", f"{route}: {type(error).__name__}")
        self._say(
            {
                "kind": "request",
                "route": route,
                "status": status,
                "error": problem.kind if problem else None,
                "duration_ms": round((time.monotonic() - begun) * 1000, 1),
                "retry": attempt,
            }
        )
        if problem is not None:
            raise problem
        if is_login and method == "POST":
            said = answer.json()
            self.login_code = str(said.get("_error_code", ""))
            self.login_words = str(said.get("_error_message", ""))
        return answer


def main() -> int:
    """Log in, then answer questions from stdin until it ends."""
    say = _speaker(os.fdopen(os.dup(1), "w", encoding="ascii"))
    # Nothing but our own lines may reach the pipe: pyKRX prints the login id, and anybody may print more.
    # The pipe is taken from below, because what stands in `sys.stdout` may copy text to elsewhere.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            watch = _watching(say)
            collect = _collector(watch)
        except FailedError as failed:
            say(_told(failed))
            return 1
        except ImportError as error:
            say(_told(FailedError("library", f"pykrx cannot be imported ({error})")))
            return 1
        say({"kind": "ready"})
        for line in sys.stdin:
            asked = json.loads(line)
            watch.pause_s = asked["pause_s"]
            try:
                say({"kind": "bars", "rows": collect(asked["symbol"], asked["first"], asked["last"])})
            except FailedError as failed:
                say(_told(failed))
    return 0


def _watching(say: Say) -> Watch:
    import requests

    watch = Watch(requests.Session.request, say)
    # pyKRX makes a session anew for each login, so the class is watched, in this process alone.
    requests.Session.request = lambda session, method, url, **options: watch.request(  # type: ignore[method-assign]
        session, method, url, **options
    )
    return watch


def _collector(watch: Watch) -> Callable[[str, str, str], list[list[Any]]]:
    """Log in by importing pyKRX, and return the function that asks for bars."""
    try:
        from pykrx.website.comm import webio
        from pykrx.website.krx.etx import core as funds
        from pykrx.website.krx.market import core as shares
    except FailedError:
        raise
    except (ValueError, AttributeError) as error:
        # What pyKRX says of an answer to the login that is no JSON.
        raise FailedError(
            "login", f"the answer to the login cannot be read ({type(error).__name__})"
        ) from None
    if watch.login_code != LOGIN_DONE or getattr(webio, "_session", None) is None:
        raise FailedError(
            "login", f"{watch.login_code or 'no answer to a login'} {watch.login_words}".strip()
        )
    papers: dict[str, Paper] = {}
    lists = [_shares, _funds, _shares_of_old]

    def collect(symbol: str, first: str, last: str) -> list[list[Any]]:
        with _named_parts():
            while symbol not in papers:
                if not lists:
                    raise FailedError("unknown", f"KRX lists no share and no fund {symbol}")
                # A list is fetched when those before it lack a code; one that fails is fetched again.
                more = lists[0](shares, funds)
                papers.update({code: paper for code, paper in more.items() if code not in papers})
                del lists[0]
            paper = papers[symbol]
            if paper.is_fund:
                frame = funds.개별종목시세_ETF().fetch(first, last, paper.isin)
            else:
                # 2: adjusted for splits and the like.
                frame = shares.개별종목시세().fetch(first, last, paper.isin, 2)
            return [_row(row) for row in frame.to_dict("records")]

    return collect


def _shares(shares: Any, _: Any) -> dict[str, Paper]:
    listed = shares.상장종목검색().fetch().to_dict("records")
    if not listed:
        raise FailedError("ended", "the list of shares is empty")
    return {row["short_code"]: Paper(row["full_code"], is_fund=False) for row in listed}


def _funds(_: Any, funds: Any) -> dict[str, Paper]:
    listed = funds.ETF_전종목기본종목().fetch().to_dict("records")
    return {row["ISU_SRT_CD"]: Paper(row["ISU_CD"], is_fund=True) for row in listed}


def _shares_of_old(shares: Any, _: Any) -> dict[str, Paper]:
    rows = shares.상폐종목검색().fetch().to_dict("records")
    # One code may stand for a share and, later, for rights to it: the first by ISIN is the share.
    rows.sort(key=lambda row: str(row["full_code"]), reverse=True)
    return {row["short_code"]: Paper(row["full_code"], is_fund=False) for row in rows}


@contextlib.contextmanager
def _named_parts() -> Iterator[None]:
    """Turn what a changed answer or a changed pyKRX looks like into one failure that says so."""
    try:
        yield
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise FailedError("unreadable", f"{type(error).__name__}: {error}") from None


def _row(row: Mapping[str, Any]) -> list[Any]:
    if missing := [name for name in COLUMNS if name not in row]:
        raise FailedError("unreadable", f"the answer has no {', '.join(missing)}")
    day, *numbers = (str(row[name]).strip() for name in COLUMNS)
    # KRX writes 88,000, and "-" or nothing where there was no trade.
    return [day.replace("/", "-"), *(0.0 if text in ("", "-") else _number(text) for text in numbers)]


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _problem(answer: Any, route: str, *, is_login: bool) -> FailedError | None:
    status, body = answer.status_code, answer.content.strip()
    if body == b"LOGOUT":
        return FailedError("ended", f"{route}: LOGOUT", status)
    if status >= 400:
        wait = answer.headers.get("Retry-After", "")
        return FailedError("http", f"{route}: HTTP {status}", status, float(wait) if wait.isdigit() else None)
    if not is_login and not body.startswith((b"{", b"[")):
        start = f"begins with {body[:40].decode('utf-8', 'replace')!r}" if body else "is empty"
        return FailedError("unreadable", f"{route}: the answer is no data, it {start}", status)
    return None


def _route(path: str, form: object) -> str:
    """The path, and for data the name of the table that is asked for."""
    table = form.get("bld", "") if isinstance(form, Mapping) else ""
    return f"/{path}" + (f" {table}" if table else "")


def _told(failed: FailedError) -> dict[str, Any]:
    return {"kind": "error", "error": failed.kind, "detail": _clean(str(failed)), "status": failed.status}


def _clean(text: str) -> str:
    for name in ("KRX_PW", "KRX_ID"):
        if secret := os.environ.get(name):
            text = text.replace(secret, "***")
    return text[:300]


def _speaker(out: TextIO) -> Say:
    def say(message: Mapping[str, Any]) -> None:
        out.write(json.dumps(message, ensure_ascii=True) + "\n")
        out.flush()

    return say


if __name__ == "__main__":
    sys.exit(main())
