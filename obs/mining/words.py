"""What the shape of one word says: a value, a name with a value in it, or a word of the language.

A word is what stands between blanks, brackets, quotes, commas and equals signs; its digits are all `0`. The
shapes are those in which programs of any kind print values; no word of any one program is among them.
"""

from __future__ import annotations

import re

from obs.mining.vocabulary import FILE_ENDINGS, HOST_ENDINGS, QUOTES

__all__ = ["MaskedWords"]

_EDGES = ".,:;!?-*"
_PLAIN = re.compile(r"[^0/\\@.A-Za-z]+|[^\w/\\@.]*[A-Za-z_]{1,7}[^\w/\\@.]*")
_NUMBER = re.compile(r"[A-Za-z_$#%+~-]*+0[A-Za-z0_$#%+~-]*(?:\.[A-Za-z0_$#%+~-]+)*")
_COLON_HEX = re.compile(r"(?:[0-9a-fA-F]{0,8}:){3,}+[0-9a-fA-F]{0,8}(?:[.%@/][\w.@]*)?")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,15}://\S*\w/?")
_PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:|\\)?[/\\].*[\w/*\\]|[/\\]")
_ACRONYMS = re.compile(r"[A-Z]{1,4}(?:/[A-Z]{1,4})+")
_SYMBOL = re.compile(
    rf"[A-Z0-9]{{2,15}}[/_-](?:{'|'.join(QUOTES)})(?::[A-Z]{{3,5}})?|(?:KRW|BTC|USDT|USD)-[A-Z0-9]{{2,10}}"
    r"|[A-Z0-9]{2,10}(?:USDT|BUSD|USDC|FDUSD)"
)
_HOST = re.compile(
    rf"(?:[a-z0-9_-]++\.)+(?:{'|'.join(sorted(HOST_ENDINGS))})|(?:[a-z0-9_-]++\.){{2,}}[a-z0-9_-]++"
    r"|(?:com|org|net|io)(?:\.[A-Za-z0_$-]++){2,}(?<!Exception)(?<!Error)"
)
_SERVED = re.compile(r"[a-z0-9_-]++(?:\.[a-z0-9_-]++)+")
_FILE = re.compile(rf"[\w.+~-]*\w\.(?:{'|'.join(sorted(FILE_ENDINGS))})")
_RUN = re.compile(r"[A-Za-z0_$@#%+~^&.*-]+")
_JOINED = re.compile(r"[-+~<]?\*(?:[.:/@#x+_-]+\*)+")


class MaskedWords(dict[str, str]):
    """Word -> what is left of it when its value is masked; learned when asked for, cleared when full."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __missing__(self, word: str) -> str:
        if len(self) >= self._size:
            self.clear()
        masked = self[word] = _masked(word)
        return masked


def _masked(word: str) -> str:
    if word.isalpha():
        return "*" if _is_code(word) else word
    if _PLAIN.fullmatch(word):
        return word
    if _NUMBER.fullmatch(word):
        return "*"
    core = word.strip(_EDGES)
    if core.isalpha():
        return word.replace(core, "*") if _is_code(core) else word
    if not core:
        return word
    start = word.index(core)
    before, after = word[:start], word[start + len(core) :]
    if before.endswith(("-", ".")) and core[0] in "0/\\.":
        # A sign, or the dots of a relative path, belong to the value.
        stripped = before.rstrip(".") if core[0] in "/\\" else before[:-1]
        before, core = stripped, before[len(stripped) :] + core
    return f"{before}{_core(core)}{after}"


def _core(core: str) -> str:
    # Tests of single characters stand before the patterns, because most words of foreign text fail here.
    if "/" in core or "\\" in core:
        url = _URL.search(core) if "://" in core else None
        if url:
            return f"{core[: url.start()]}*"
        if _PATH.fullmatch(core):
            return "*"
    if ":" not in core:
        return _part(core)
    if core.count(":") > 2 and _COLON_HEX.fullmatch(core):
        return "*"
    if core[0].isupper() and _SYMBOL.fullmatch(core):
        return "*"
    parts = core.split(":")
    if len(parts) == 2 and parts[1] == "0" and _SERVED.fullmatch(parts[0]):
        return "*"
    return _JOINED.sub("*", ":".join(map(_part, parts)))


def _part(part: str) -> str:
    """Mask a piece without colons."""
    if part == "0":
        return "*"
    if part.isalpha():
        return "*" if _is_code(part) else part
    if not part:
        return part
    if "/" in part or "\\" in part:
        return _pathlike(part)
    if "@" in part.lstrip("@"):
        return "*"
    if "." in part:
        bare = part.rstrip(".")
        if "." in bare and (_HOST.fullmatch(bare) or _FILE.fullmatch(bare)):
            return f"*{part[len(bare) :]}"
    if (part[0].isupper() or part[0] == "0") and _SYMBOL.fullmatch(part):
        return "*"
    if "0" not in part:
        return part
    masked = _RUN.sub(_digits, part)
    return _JOINED.sub("*", masked) if masked.count("*") > 1 or masked[0] in "-+~<" else masked


def _pathlike(part: str) -> str:
    if _ACRONYMS.fullmatch(part) and not part.endswith(QUOTES):
        return part
    body = part.rstrip("-.*!?") or part
    return f"*{part[len(body) :]}"


def _is_code(letters: str) -> bool:
    """Whether plain letters are a trading symbol or a hash."""
    if letters.isupper() and _SYMBOL.fullmatch(letters):
        return True
    return len(letters) >= 8 and not (letters.strip("abcdef") and letters.strip("ABCDEF"))


def _digits(run: re.Match[str]) -> str:
    """Mask a run of letters and signs when a digit is in it; dots at its ends and `...` are no part of it."""
    text = run[0]
    if "0" not in text:
        return text
    if "..." in text:
        return "...".join("*" if "0" in piece else piece for piece in text.split("..."))
    bare = text.strip(".")
    start = text.index(bare)
    return f"{text[:start]}*{text[start + len(bare) :]}"
