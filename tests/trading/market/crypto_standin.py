"""A server on loopback that speaks as Binance, Bybit, Upbit and Bithumb do about markets and candles.

Wire formats as their documentation and ccxt have them: Binance gives candles from `startTime` on, oldest
first; Bybit the newest of a span, newest first; Upbit those before `to`, newest first, none for a minute
without a trade; Bithumb all it has, with days that begin at midnight in Seoul.
"""

from __future__ import annotations

import email.utils
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MINUTE, DAY = 60_000, 86_400_000
SEOUL = 9 * 3_600_000
HOSTS = {
    "https://api.binance.com": "/binance",
    "https://api.bybit.com": "/bybit",
    "https://api.upbit.com": "/upbit",
    "https://api.bithumb.com": "/bithumb",
}
STEPS = {"1m": MINUTE, "1": MINUTE, "1h": 60 * MINUTE, "60": 60 * MINUTE, "1d": DAY, "D": DAY, "24h": DAY}


@dataclass
class Trouble:
    """What goes wrong with the next requests for candles."""

    status: int = 200
    body: str = "<html>busy</html>"
    delay_s: float = 0.0
    is_half: bool = False
    times: int = 1


@dataclass
class Exchanges:
    """What the server knows, and what it was asked."""

    listed: int
    """When trading began, Unix ms."""
    now: int
    """The exchanges' clock, Unix ms."""
    halts: list[tuple[int, int]] = field(default_factory=list)
    """Spans without a trade."""
    troubles: list[Trouble] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths of all requests for candles, with their questions."""

    def candles(self, begin: int, end: int, step: int, shift: int = 0) -> list[int]:
        """Opening times from `begin` to `end` (not included); the newest may still be open."""
        first = -(-(max(begin, self.listed) + shift) // step) * step - shift
        times = range(first, min(end, self.now + 1), step)
        return [at for at in times if not any(start <= at < stop for start, stop in self.halts)]


def prices(at: int) -> tuple[float, float, float, float, float]:
    """Open, high, low, close and volume that the stand-in makes up."""
    base = 50_000.0 + at // MINUTE % 977
    return base, base + 12.5, base - 7.25, base + 3.5, round(1 + at // MINUTE % 89 / 7, 4)


class ExchangeServer(ThreadingHTTPServer):
    """The stand-in on a free port of loopback; use it as a context."""

    daemon_threads = True

    def __init__(self, *, listed: int, now: int) -> None:
        self.exchanges = Exchanges(listed, now)
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def standing_in(self, url: str) -> str:
        """Return the address that takes the place of an exchange's."""
        for host, folder in HOSTS.items():
            if url.startswith(host):
                return f"http://127.0.0.1:{self.server_address[1]}{folder}{url.removeprefix(host)}"
        return url

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ExchangeServer
    wbufsize = -1

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        _, exchange, *rest = parts.path.split("/")
        known = self.server.exchanges
        is_candles = any("andle" in part or "kline" in part for part in rest)
        if is_candles:
            known.asked.append(self.path)
            for trouble in known.troubles:
                if trouble.times > 0:
                    trouble.times -= 1
                    time.sleep(trouble.delay_s)
                    self._answer(trouble.status, trouble.body, is_half=trouble.is_half)
                    return
        status, answer = _ANSWERS[exchange](known, rest, asked, is_candles=is_candles)
        self._answer(status, json.dumps(answer))

    def _answer(self, status: int, text: str, *, is_half: bool = False) -> None:
        body = text.encode()
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(self.server.exchanges.now / 1000, usegmt=True))
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        if status >= 400:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_half else body)

    def log_message(self, *_: object) -> None:
        pass


def _binance(known: Exchanges, _: list[str], asked: dict[str, str], *, is_candles: bool) -> tuple[int, Any]:
    if not is_candles:
        market = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}
        more = {"isSpotTradingAllowed": True, "permissions": ["SPOT"], "filters": [], "orderTypes": ["LIMIT"]}
        return 200, {"timezone": "UTC", "symbols": [{**market, **more}]}
    if asked["symbol"] != "BTCUSDT":
        return 400, {"code": -1121, "msg": "Invalid symbol."}
    step, start, count = STEPS[asked["interval"]], int(asked["startTime"]), int(asked.get("limit", 500))
    times = known.candles(start, known.now + 1, step)[:count]
    return 200, [
        [at, *(f"{x:.8f}" for x in prices(at)), at + step - 1, "0.5", 40, "10.9", "0.27", "0"] for at in times
    ]


def _bybit(known: Exchanges, _: list[str], asked: dict[str, str], *, is_candles: bool) -> tuple[int, Any]:
    def said(result: Any) -> tuple[int, Any]:
        return 200, {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": known.now}

    if not is_candles:
        market = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "Trading"}
        return said({"category": "spot", "list": [market]})
    step = STEPS[asked["interval"]]
    times = known.candles(int(asked["start"]), int(asked["end"]) + 1, step)[-int(asked["limit"]) :]
    rows = [[str(at), *map(str, prices(at)), "15.7"] for at in reversed(times)]
    return said({"symbol": "BTCUSDT", "category": asked["category"], "list": rows})


def _upbit(known: Exchanges, rest: list[str], asked: dict[str, str], *, is_candles: bool) -> tuple[int, Any]:
    if not is_candles:
        return 200, [{"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"}]
    if asked["market"] != "KRW-BTC":
        return 404, {"error": {"name": 404, "message": "Code not found"}}
    step = DAY if "days" in rest else int(rest[-1]) * MINUTE
    before = int(datetime.fromisoformat(asked["to"]).timestamp() * 1000)
    count = int(asked["count"])
    if count > 200:
        return 400, {"error": {"name": 400, "message": "count: too many"}}
    times = known.candles(known.listed, before, step)[-count:]
    return 200, [_upbit_row(at) for at in reversed(times)]


def _upbit_row(at: int) -> dict[str, Any]:
    first, high, low, close, volume = prices(at)
    return {
        "market": "KRW-BTC",
        "candle_date_time_utc": f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%S}",
        "candle_date_time_kst": f"{datetime.fromtimestamp((at + SEOUL) / 1000, UTC):%Y-%m-%dT%H:%M:%S}",
        "opening_price": first,
        "high_price": high,
        "low_price": low,
        "trade_price": close,
        "timestamp": at + 59_123,
        "candle_acc_trade_price": close * volume,
        "candle_acc_trade_volume": volume,
        "unit": 1,
    }


def _bithumb(known: Exchanges, rest: list[str], _: dict[str, str], *, is_candles: bool) -> tuple[int, Any]:
    if not is_candles:
        ticker = {"opening_price": "1", "closing_price": "2", "min_price": "1", "max_price": "2"}
        coins = {"BTC": ticker} if rest[-1].endswith("KRW") else {}
        return 200, {"status": "0000", "data": {**coins, "date": str(known.now)}}
    step = STEPS[rest[-1]]
    times = known.candles(known.listed, known.now + 1, step, SEOUL if step == DAY else 0)
    return 200, {"status": "0000", "data": [_bithumb_row(at) for at in times]}


def _bithumb_row(at: int) -> list[Any]:
    first, high, low, close, volume = prices(at)
    return [at, str(first), str(close), str(high), str(low), str(volume)]


_ANSWERS = {"binance": _binance, "bybit": _bybit, "upbit": _upbit, "bithumb": _bithumb}


def ms(times: Iterable[int]) -> list[int]:
    """Return times in ns as ms."""
    return [time // 1_000_000 for time in times]
