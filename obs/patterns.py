"""Masks what varies in a free-text message, so that the same sentence has the same form.

The form is an exact key while streaming: equal forms count together, in any order and after any restart.
Values are masked by their shape alone (numbers, paths, hosts, symbols, ids); no vocabulary of any program.
"""

from __future__ import annotations

import re

__all__ = ["form"]

MAX_LENGTH = 2_000
"""Longer messages are cut before any pattern runs; what follows rarely names the problem."""

_CACHE_SIZE = 20_000
_cache: dict[str, str] = {}

_DIGITS = str.maketrans("123456789", "000000000")

# One alternation, most specific first; linear, as no branch can match the empty string or nests a repetition.
_VALUE = re.compile(
    r"""
      [a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s'"<>)\]}]+            # URL
    | \b0x[0-9a-fA-F]+\b                                        # address
    | '[^'\n]{1,60}' | "[^"\n]{1,60}"                           # quoted value
    | \b[\w.+-]{1,60}@[\w.-]{2,60}                              # mail, name@host
    | (?:[A-Za-z]:\\|~?/|\.{1,2}/)[\w.@%+=:,\\/-]+              # path
    | \b[\w.-]{1,60}\.(?:py|json|toml|ya?ml|log|csv|txt|db|sqlite|feather|parquet|gz|ini|cfg)\b
    | \b[a-z0-9-]+(?:\.[a-z0-9-]+){1,6}\.(?:com|net|org|io|co|kr|exchange|invalid|local)(?::0+)?\b
    | \b[A-Z0-9]{2,12}[/_-](?:USDT|USDC|USD|BTC|ETH|KRW|EUR|BNB|BUSD|TRY|JPY)(?::[A-Z]{3,5})?\b
    | \b(?:KRW|BTC|USDT)-[A-Z0-9]{2,10}\b | \b[A-Z0-9]{2,8}(?:USDT|BUSD|USDC)\b
    | \b[0-9a-fA-F]{8,}\b                                       # hash
    | [-+]?[\w$@#%+~-]*0[\w$@#%+~.:,-]*                         # anything with a digit (all are 0 by now)
    """,
    re.VERBOSE,
)
_RUNS = re.compile(r"\*(?:[\s,;:|/+x×()\[\]{}-]*\*)+")
_BLANKS = re.compile(r"\s+")


def form(message: str) -> str:
    """Return the message with every value replaced by `*`.

    The first line alone decides, cut at `MAX_LENGTH` characters; case and words stay as they are.
    """
    head = message.split("\n", 1)[0][:MAX_LENGTH].translate(_DIGITS)
    while "00" in head:
        head = head.replace("00", "0")
    known = _cache.get(head)
    if known is None:
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        known = _cache[head] = _mask(head)
    return known


def _mask(head: str) -> str:
    masked = _VALUE.sub("*", head)
    return _BLANKS.sub(" ", _RUNS.sub("*", masked)).strip()
