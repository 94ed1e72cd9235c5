"""Numbers, money, times and lengths of time as the live page writes them, in the reader's language.

Unknown is `?`, none is `—`, zero is `0`: three different things. Money is never shortened; a sign stands on
results and changes only, and it is a true minus.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from obs.quoting import plain
from obs.web.model import Amount

__all__ = [
    "NONE",
    "UNKNOWN",
    "amount",
    "count",
    "digits",
    "length",
    "money",
    "ms",
    "ratio",
    "signed",
    "size",
]

NONE = "—"
UNKNOWN = "?"
MOST_CODE = 12
SPACE = "\u00a0"
"""Between a number and its unit: the two never stand on different lines."""

SECOND_NS = 1_000_000_000
_WHOLE = frozenset(
    {
        "KRW",
        "JPY",
        "VND",
        "CLP",
        "ISK",
        "HUF",
        "TWD",
        "IDR",
        "PYG",
        "UGX",
        "XAF",
        "XOF",
        "KMF",
        "RWF",
        "GNF",
        "BIF",
        "DJF",
        "VUV",
    }
)
"""Currencies whose amounts are written without decimals."""
_COINS = frozenset(
    {
        "BTC",
        "ETH",
        "BNB",
        "SOL",
        "XRP",
        "ADA",
        "DOGE",
        "DOT",
        "LTC",
        "BCH",
        "AVAX",
        "LINK",
        "TRX",
        "MATIC",
        "POL",
        "XMR",
        "XBT",
    }
)
"""Coins of which small fractions are money."""
_UNITS = {
    "en": (" d", " h", " min", " s", " days"),
    "ko": ("일", "시간", "분", "초", "일"),
}


def digits(currency: str) -> int:
    """Return how many decimals amounts of a currency are written with."""
    code = currency.upper()
    return 0 if code in _WHOLE else 6 if code in _COINS else 2


def money(value: Decimal | None, currency: str) -> str:
    """Return an amount without its currency, rounded by its rules; what is not nothing is never `0.00`."""
    if value is None:
        return UNKNOWN
    places = digits(currency)
    rounded = round(value, places)
    if value and not rounded and value.is_finite():
        # Two digits that count: an LLM call may cost a ten-thousandth.
        rounded = value.quantize(Decimal(1).scaleb(value.adjusted() - 1), ROUND_HALF_EVEN)
    if currency.upper() in _COINS:
        rounded = rounded.normalize() if rounded else Decimal(0)
    return f"{rounded:,f}".replace("-", "\u2212")


def signed(value: Decimal | None, currency: str) -> str:
    """Return a result with its sign, `+38.40`; nothing earned and nothing lost has none."""
    text = money(value, currency)
    return f"+{text}" if value is not None and value > 0 else text


def amount(value: Decimal | None, currency: str, lang: str = "en", *, sign: bool = False) -> Amount:
    """Return an amount with its currency, as the language writes it; the currency is a name."""
    text = signed(value, currency) if sign else money(value, currency)
    code = plain(currency, MOST_CODE) if currency != UNKNOWN else UNKNOWN
    return Amount(text, "원" if lang == "ko" and code == "KRW" else code)


def joined(shown: Amount) -> str:
    """Return an amount in running text: `1,240.50 USDT`, `1,420,000원`."""
    return f"{shown.text}{'' if shown.currency == '원' else SPACE if shown.currency else ''}{shown.currency}"


def count(number: int) -> str:
    """Return a count, its thousands apart."""
    return f"{number:,}".replace("-", "\u2212")


def ratio(value: float | Decimal | None, places: int = 0) -> str:
    """Return a share as per cent, `59.5%`; `?` when it is not known."""
    return UNKNOWN if value is None else f"{value * 100:,.{places}f}%".replace("-", "\u2212")


def size(value: Decimal | None) -> str:
    """Return a quantity or price as it was told, its thousands apart."""
    if value is None:
        return UNKNOWN
    text = f"{value.normalize():,f}" if value else "0"
    return text.replace("-", "\u2212")


def price(value: Decimal | None) -> str:
    """Return a price: two decimals at least, as many as it was told with at most eight."""
    if value is None:
        return UNKNOWN
    told = round(value, 8).normalize()
    return f"{told:,.{max(2, -_exponent(told))}f}".replace("-", "\u2212")


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def length(ns: int, lang: str = "en") -> str:
    """Return a length of time in at most two units: `48 s`, `2 h 14 min`, `18 days`."""
    day, hour, minute, second, days = (f"{SPACE}{u.strip()}" if lang == "en" else u for u in _UNITS[lang])
    seconds = max(ns, 0) / SECOND_NS
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + second
    if seconds < 60:
        return f"{seconds:.0f}{second}"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}{minute}"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}{hour}" + (f" {minutes}{minute}" if minutes else "")
    whole, hours = divmod(hours, 24)
    if whole < 4 and hours:
        return f"{whole}{day} {hours}{hour}"
    return f"{whole}{days}"


def ms(ns: int) -> int:
    """Return Unix milliseconds of Unix nanoseconds; 0 stays 0."""
    return ns // 1_000_000
