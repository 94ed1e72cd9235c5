"""The cheap question asked of every line: can there be a secret at all?

Lower case, a score of `in` over literals of which every name that accepts short values contains one, and a
byte translation that turns "a run of sixteen token characters" into a literal too. Names that need a random
value (`sign=`, `session=`) and nameless shapes come through that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from obs.redaction import known
from obs.redaction.limits import LONG
from obs.redaction.names import grouped
from obs.redaction.values import changes

__all__ = ["has_hint", "has_twelve_words", "twelve_words"]

_FOREIGN = (
    *("비밀", "암호", "비번", "번호", "시크릿", "패스", "키", "토큰", "인증", "계좌", "보안"),
    *("密", "口令", "暗", "验证", "驗證", "钥", "鑰", "パス", "シーク", "番号", "キー", "账号", "認証"),
    *(
        "парол",
        "секрет",
        "код",
        "ключ",
        "счёта",
        "contrase",
        "clave",
        "clé",
        "chave",
        "secr",
        "schlüssel",
        "segredo",
    ),
    *("şifre", "hasło", "lösenord", "mật", "รหัส", "كلمة", "סיסמה", "पास", "κωδ", "jelsz", "sandi", "lozinka"),
)
_FOREIGN_NAMES = re.compile(grouped(_FOREIGN))
_TABLE = bytes(
    97 if byte < 128 and (chr(byte).isalnum() or chr(byte) in "_-+/=") else 32 for byte in range(256)
)
_WORDS = bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))
_ACCOUNT = ("acct", "account_n", "account n", "account-n", "accountn", "accno", "acc_no")
_PIN = ("pin=", "pin:", 'pin"', "pin'", "pin ", "pin_", "pin-", "pinc", "pin\\")
_RUN = b"a" * 16
_DROPPED = bytes(range(97, 123)) + b",;\"'"
_PART = 4_096
_AROUND = 512
_TWELVE_WORDS = b" " * 11
_DISGUISE = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u206f\uff01-\uff5e\ufeff\xad\U0001d400-\U0001d7ff\U000e0000-\U000e01ef]"
)


def has_hint(text: str) -> bool:
    """Return False when there is surely nothing to mask."""
    if len(text) > LONG:
        # To look at a long text costs no more than to ask so much of it.
        return True
    lower = text.lower()
    # Written out: a loop or a generator over the words costs twice as much as the searches themselves.
    if (
        "pass" in lower
        or ("ke" in lower and ("key" in lower or "token" in lower))
        or ("cre" in lower and ("secret" in lower or "cred" in lower))
        or "pw" in lower
        or "auth" in lower
        or "otp" in lower
        or ("fa" in lower and ("mfa" in lower or "2fa" in lower))
        or ("acc" in lower and any(word in lower for word in _ACCOUNT))
        or ("pin" in lower and any(word in lower for word in _PIN))
        or ("ont" in lower and ("contrase" in lower or "konto" in lower))
        or "cvv" in lower
        or "iban" in lower
        or "wort" in lower
        or "senha" in lower
        or "parol" in lower
        or "geheim" in lower
        or "cano" in lower
        or "identified" in lower
        or "8=fix" in lower
        or (" -" in lower and (" -u" in lower or " -p" in lower or " -a " in lower))
        or ("\\" in lower and "\\u" in lower)
        or ("@" in lower and "://" in lower)
        or ("%" in lower and ("%e" in lower or "%d" in lower or "%c" in lower))
    ):
        return True
    if text.isascii():
        raw = text.encode()
    elif _FOREIGN_NAMES.search(lower) or not _is_plain(text):
        return True
    else:
        raw = text.encode("utf-8", "surrogatepass")
    flat = raw.translate(_TABLE)
    return (
        (_RUN in flat and _has_mixed_run(raw, flat))
        or (raw.count(b" ") >= 11 and _TWELVE_WORDS in raw.lstrip().translate(None, _DROPPED))
        or known.is_known_hint(text)
    )


def has_twelve_words(text: str) -> bool:
    """Whether twelve lower-case words stand in a row, as in a recovery phrase."""
    return text.count(" ") >= 11 and _TWELVE_WORDS in text.encode("utf-8", "surrogatepass").translate(
        None, _DROPPED
    )


def twelve_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield the parts of the text in which twelve words stand in a row."""
    first = last = 0
    for at in range(0, len(text), _PART):
        if not has_twelve_words(text[max(0, at - _AROUND) : at + _PART]):
            continue
        if at - _AROUND > last:
            if last:
                yield first, last
            first = max(0, at - _AROUND)
        last = min(len(text), at + _PART + _AROUND)
    if last:
        yield first, last


def _has_mixed_run(raw: bytes, flat: bytes) -> bool:
    """Whether a word of a long run mixes letters and digits, or cases as no class name does."""
    start = flat.find(_RUN)
    while start >= 0:
        end = flat.find(b" ", start)
        end = end if end >= 0 else len(flat)
        mixed = 0
        for word in raw[start:end].translate(_WORDS).split():
            if word.isdigit():
                continue
            # Short words of letters and digits count together: `pl24_a3uv_1kOa`.
            mixed += 0 if word.isalpha() else len(word)
            if mixed >= 8 or (len(word) >= 16 and word[1:].isupper()):
                return True
            if len(word) >= 20 and changes(word.decode()) >= 0.4 * len(word):
                return True
        start = flat.find(_RUN, end)
    return False


def _is_plain(text: str) -> bool:
    """Whether no invisible and no full-width character can hide a name; only few scripts need the look."""
    return _DISGUISE.search(text) is None
