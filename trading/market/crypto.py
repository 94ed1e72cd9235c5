"""Bars from crypto exchanges by ccxt (extra `crypto`): Upbit, Bithumb, Binance, Bybit and others.

History comes in pages; a failure that may pass is tried again, later and later; a bar that is not complete is
never given out. Where nobody traded, exchanges leave bars out: those gaps stay, `checking` tells them.
"""

from __future__ import annotations

import email.utils
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from trading.bars import Bar, time_of
from trading.errors import MissingExtraError
from trading.logs import BotLog
from trading.market.source import DAY_NS, INTERVAL_NS, EmptyAnswerError, Interval, SourceError

__all__ = ["CryptoSource"]

MS_NS = 1_000_000
PAGES: Mapping[str, int] = {"upbit": 200, "binance": 1000, "bybit": 1000}
"""Bars in one answer."""
USUAL_PAGE = 500
PAGELESS = frozenset({"bithumb"})
"""Exchanges that give all they have in each answer."""
UNTIL = frozenset({"bybit"})
"""Exchanges that give the newest bars of a span, and so must be told its end."""
TRIES = 5
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
TIMEOUT_MS = 20_000
REFUSED = frozenset({403, 451})
"""Answers that another try does not change."""

Answer = TypeVar("Answer")


class CryptoSource:
    """Asks one exchange; public prices only, no key is needed or taken."""

    adjusted = False

    def __init__(
        self, exchange: str, *, log: BotLog | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Prepare, without asking anything yet.

        Args:
            exchange: As ccxt calls it: `upbit`, `bithumb`, `binance`, `bybit`, …
            log: Who speaks.
            clock: Unix ns; where the exchange tells an earlier time, that counts.
        """
        self.name = f"ccxt.{exchange}"
        self._exchange = exchange
        self._log = log or BotLog("data", "collector")
        self._clock = clock
        self._clients: dict[bool, Any] = {}
        self._heard: tuple[int, str] | None = None
        self.clock_offset_ms: float | None = None
        """The exchange's clock minus ours by its newest answer, good to half a second; `None`: not told."""

    def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
        """Return the complete bars of the days `first` to `last` of UTC, both included.

        Args:
            symbol: As ccxt writes it: `BTC/KRW`, `BTC/USDT:USDT` for a perpetual; the exchange's own spelling
                (`KRW-BTC`, `BTCUSDT`) does too.
            interval: Length of a bar.
            first: First day.
            last: Last day.

        Returns:
            Bars as they opened, in UTC. A daily bar has midnight UTC of the day in which it ends (Bithumb's
            end at midnight in Seoul, 15:00 UTC).

        Raises:
            EmptyAnswerError: If the exchange has no complete bar of these days.
            SourceError: If there is no such exchange, symbol or interval, or no answer after five tries.
            MissingExtraError: If ccxt is not installed.
        """
        client = self._ready(symbol, interval)
        length = INTERVAL_NS[interval]
        begin, end = time_of(first), time_of(last + timedelta(days=1))
        # A day that ends elsewhere began before midnight of UTC.
        since = begin - (length if interval == "1d" else 0)
        complete = self._pages(client, symbol, interval, since // MS_NS, end // MS_NS)
        bars = [bar for row in complete if begin <= (bar := _bar(row, length)).time < end]
        if not bars:
            raise EmptyAnswerError(
                f"{self._exchange}: {symbol}: not one complete bar of {interval} from {first} to {last}. "
                "Check that it was traded there then; an empty answer never means that nobody traded."
            )
        return bars

    def newest(self, symbol: str, interval: Interval, count: int) -> list[Bar]:
        """Return the complete bars that opened within the last `count` lengths: what a live run asks for.

        Args:
            symbol: As for `bars`.
            interval: Length of a bar.
            count: How far back; fewer bars come where nobody traded, none when nobody did at all.

        Raises:
            SourceError: As for `bars`, but an empty answer is none here.
        """
        client = self._ready(symbol, interval)
        length = INTERVAL_NS[interval]
        end = self._clock() // length * length + length
        rows = self._pages(client, symbol, interval, (end - (count + 1) * length) // MS_NS, end // MS_NS)
        return [_bar(row, length) for row in rows]

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.session.close()
        self._clients = {}

    def _ready(self, symbol: str, interval: Interval) -> Any:
        """Return the client for a symbol, once the exchange has told its markets."""
        is_contract = ":" in symbol
        client = self._clients.get(is_contract) or self._opened(is_contract=is_contract)
        if interval not in (client.timeframes or {}):
            raise SourceError(
                f"{self._exchange}: {symbol}: no bars of {interval}. It has {', '.join(client.timeframes)}."
            )
        self._asked(client, f"{symbol}: markets", client.load_markets)
        return client

    def _pages(self, client: Any, symbol: str, interval: Interval, since: int, end: int) -> list[list[Any]]:
        """Return the rows of complete bars from `since` to `end`, both in ms."""
        step = INTERVAL_NS[interval] // MS_NS
        page = PAGES.get(self._exchange, USUAL_PAGE)
        rows: list[list[Any]] = []
        while since < end:
            count = -(-(end - since) // step)
            count = count if self._exchange in PAGELESS else min(page, count)
            extra = {"until": since + count * step - 1} if self._exchange in UNTIL else {}
            what = f"{symbol} from {datetime.fromtimestamp(since / 1000, UTC):%Y-%m-%d %H:%M}"
            asked = self._clock()
            came = self._asked(
                client,
                what,
                lambda: client.fetch_ohlcv(symbol, interval, since, count, extra),  # noqa: B023
            )
            fresh = [row for row in came if since <= row[0] < end]
            now = self._earliest(asked, client) // MS_NS
            rows += [row for row in fresh if row[0] + step <= now]
            if self._exchange in PAGELESS:
                break
            # Nothing there: before it was listed, or a halt; go on behind this page.
            since = fresh[-1][0] + step if fresh else since + count * step
        return rows

    def _asked(self, client: Any, what: str, ask: Callable[[], Answer]) -> Answer:
        """Return the answer, trying again what may pass.

        Raises:
            SourceError: If there is none in the end.
        """
        ccxt = _ccxt()
        for attempt in range(TRIES):
            begun = time.perf_counter()
            self._heard = None
            try:
                answer = ask()
            except ccxt.NetworkError as error:
                self._tell(begun, attempt, _type_of(error, ccxt))
                if attempt + 1 == TRIES or (self._heard and self._heard[0] in REFUSED):
                    raise self._error(what, error, "Try again later.") from None
                time.sleep(_wait_s(client, attempt))
            except ccxt.BadSymbol as error:
                self._tell(begun, attempt, "invalid")
                raise self._error(
                    what, error, "Check the symbol in the universe: BTC/KRW, as ccxt writes it."
                ) from None
            except ccxt.BaseError as error:
                self._tell(begun, attempt, _type_of(error, ccxt))
                raise self._error(what, error, "Check symbol and exchange.") from None
            except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
                self._tell(begun, attempt, "invalid")
                mend = "The exchange or ccxt has changed: pip install --upgrade ccxt"
                raise self._error(what, error, mend) from None
            else:
                if self._heard:
                    self._tell(begun, attempt, None)
                    self._compare_clocks(client, time.perf_counter() - begun)
                return answer
        raise AssertionError("unreachable")

    def _opened(self, *, is_contract: bool) -> Any:
        ccxt = _ccxt()
        if self._exchange not in ccxt.exchanges:
            raise SourceError(
                f'[data] exchange = "{self._exchange}": ccxt {ccxt.__version__} knows no such exchange. '
                "Write upbit, bithumb, binance, bybit or another of its names."
            )
        options: dict[str, Any] = {"timeout": TIMEOUT_MS, "enableRateLimit": True, "requests_trust_env": True}
        if self._exchange in ("binance", "bybit"):
            # Their lists of every kind of contract are long, and asked for one by one.
            types = ["linear", "inverse"] if is_contract else ["spot"]
            options["options"] = {"fetchMarkets": {"types": types}}
        client = getattr(ccxt, self._exchange)(options)
        heard = client.on_rest_response

        def hear(code: int, reason: str, url: str, method: str, headers: Any, body: str, *rest: Any) -> Any:
            self._heard = (code, urlsplit(url).path)
            # ccxt would take a page of words for candles without a time, and leave them all out.
            if code < 400 and not body.lstrip().startswith(("{", "[")):
                raise ValueError(f"the answer is no JSON, it begins with {body[:40]!r}")
            return heard(code, reason, url, method, headers, body, *rest)

        client.on_rest_response = hear
        self._clients[is_contract] = client
        return client

    def _earliest(self, asked: int, client: Any) -> int:
        """Return when the question was put, by our clock or the exchange's: whichever is behind.

        A bar that was open then may not pass as complete because our clock is fast or the answer took long.
        """
        told = (client.last_response_headers or {}).get("Date")
        try:
            return min(asked, time_of(email.utils.parsedate_to_datetime(told))) if told else asked
        except ValueError:
            return asked

    def _compare_clocks(self, client: Any, took_s: float) -> None:
        told = (client.last_response_headers or {}).get("Date")
        try:
            at = time_of(email.utils.parsedate_to_datetime(told)) if told else None
        except (TypeError, ValueError):
            at = None
        if at is not None:
            # Whole seconds are told, cut off: on average half a second more. It was told half-way.
            theirs, ours = at + 500 * MS_NS, self._clock() - round(took_s / 2 * 1e9)
            self.clock_offset_ms = round((theirs - ours) / MS_NS, 1)

    def _tell(self, begun: float, attempt: int, error: str | None) -> None:
        status, route = self._heard or (None, None)
        duration_ms = round((time.perf_counter() - begun) * 1000, 1)
        self._log.event(
            "api.requested",
            {
                "exchange.id": self._exchange,
                "http.route": route,
                "http.response.status_code": status,
                "error.type": error,
                "duration_ms": duration_ms,
                "retry.count": attempt,
            },
            "%s %s: %s in %s ms",
            self._exchange,
            route or "",
            f"failed ({error}, {status})" if error else status,
            duration_ms,
            level=logging.WARNING if error else None,
        )

    def _error(self, what: str, error: Exception, mend: str) -> SourceError:
        status = f"HTTP {self._heard[0]}, " if self._heard and self._heard[0] >= 400 else ""
        words = " ".join(str(error).split())[:200]
        return SourceError(f"{self._exchange}: {what}: {status}{type(error).__name__}: {words}. {mend}")


def _ccxt() -> ModuleType:
    try:
        import ccxt
    except ImportError:
        raise MissingExtraError("Prices from crypto exchanges", "crypto") from None
    return ccxt  # type: ignore[no-any-return]


def _bar(row: list[Any], length: int) -> Bar:
    opened = row[0] * MS_NS
    if length == DAY_NS:
        opened = -(-opened // DAY_NS) * DAY_NS
    return Bar(opened, *(float("nan") if value is None else float(value) for value in row[1:6]))


def _type_of(error: Exception, ccxt: ModuleType) -> str:
    kinds = (
        (ccxt.RequestTimeout, "timeout"),
        ((ccxt.RateLimitExceeded, ccxt.DDoSProtection), "rate_limit"),
        (ccxt.AuthenticationError, "auth"),
        (ccxt.NetworkError, "server"),
    )
    return next((word for kind, word in kinds if isinstance(error, kind)), "invalid")


def _wait_s(client: Any, attempt: int) -> float:
    asked = (client.last_response_headers or {}).get("Retry-After", "")
    wait = float(asked) if str(asked).isdigit() else FIRST_WAIT_S * 2**attempt
    return min(wait, LONGEST_WAIT_S)
