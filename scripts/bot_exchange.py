"""A stand-in for the Binance spot REST API on the loopback address, enough for a bot's dry run.

Candles and books follow from the time alone, so two runs see the same market. Started by `test_bots.py`.
"""

from __future__ import annotations

import http.server
import json
import math
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["PAIRS", "candle", "serve"]

PAIRS = {"BTC/USDT": 97_000.0, "ETH/USDT": 3_200.0}
_MINUTES = {"m": 1, "h": 60, "d": 1_440}


def candle(base: float, start_ms: int) -> tuple[float, float, float, float, float]:
    """Return open, high, low, close and volume of the candle that starts at a time."""

    def price(at_ms: int) -> float:
        hours = at_ms / 3_600_000
        return base * (1 + 0.02 * math.sin(hours) + 0.006 * math.sin(hours * 7.3))

    first, last = price(start_ms), price(start_ms + 300_000)
    return first, max(first, last) * 1.001, min(first, last) * 0.999, last, 50 + 20 * math.sin(start_ms)


class _Exchange(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        answer = _ANSWERS.get(url.path.removeprefix("/api/v3"))
        found = answer(query) if answer is not None else None
        body = json.dumps(found if answer is not None else {"code": -1, "msg": "not played"}).encode()
        self.send_response(200 if answer is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def serve() -> Iterator[str]:
    """Run the exchange and give its address; it ends with the block."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Exchange)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _info(_: dict[str, str]) -> dict[str, Any]:
    return {
        "timezone": "UTC",
        "serverTime": int(time.time() * 1000),
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [_symbol(pair) for pair in PAIRS],
    }


def _symbol(pair: str) -> dict[str, Any]:
    base, quote = pair.split("/")
    return {
        "symbol": base + quote,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "9000", "stepSize": "0"},
            {
                "filterType": "NOTIONAL",
                "minNotional": "5",
                "applyMinToMarket": True,
                "maxNotional": "9000000",
            },
        ],
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
    }


def _base(symbol: str) -> float:
    return next(price for pair, price in PAIRS.items() if pair.replace("/", "") == symbol)


def _klines(query: dict[str, str]) -> list[list[Any]]:
    interval = query.get("interval", "5m")
    step = int(interval[:-1]) * _MINUTES[interval[-1]] * 60_000
    limit = int(query.get("limit", 500))
    now = int(time.time() * 1000)
    first = int(query.get("startTime", now - limit * step)) // step * step
    rows = []
    for start in range(first, min(now, first + limit * step), step):
        values = [f"{value:.2f}" for value in candle(_base(query["symbol"]), start)]
        rows.append([start, *values, start + step - 1, "1000.0", 10, "25.0", "500.0", "0"])
    return rows


def _last(symbol: str) -> float:
    return candle(_base(symbol), int(time.time() * 1000) // 300_000 * 300_000)[3]


def _book(query: dict[str, str]) -> dict[str, Any]:
    price = _last(query["symbol"])
    steps = range(1, 21)
    return {
        "lastUpdateId": int(time.time() * 1000),
        "bids": [[f"{price * (1 - step / 10_000):.2f}", "5.0"] for step in steps],
        "asks": [[f"{price * (1 + step / 10_000):.2f}", "5.0"] for step in steps],
    }


def _ticker(query: dict[str, str]) -> Any:
    rows = [_ticker_row(pair.replace("/", "")) for pair in PAIRS]
    return next((row for row in rows if row["symbol"] == query.get("symbol")), rows)


def _ticker_row(symbol: str) -> dict[str, Any]:
    price, now = f"{_last(symbol):.2f}", int(time.time() * 1000)
    names = (
        "lastPrice",
        "price",
        "bidPrice",
        "askPrice",
        "openPrice",
        "highPrice",
        "lowPrice",
        "prevClosePrice",
    )
    return {
        "symbol": symbol,
        **dict.fromkeys(names, price),
        "bidQty": "5",
        "askQty": "5",
        "volume": "1000",
        "quoteVolume": "90000000",
        "openTime": now - 86_400_000,
        "closeTime": now,
        "count": 1000,
    }


_ANSWERS = {
    "/ping": lambda _: {},
    "/time": lambda _: {"serverTime": int(time.time() * 1000)},
    "/exchangeInfo": _info,
    "/klines": _klines,
    "/depth": _book,
    "/ticker/24hr": _ticker,
    "/ticker/bookTicker": _ticker,
    "/ticker/price": _ticker,
}
