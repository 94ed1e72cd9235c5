"""The cheap question asked of every line: can there be a secret at all?

About a microsecond per hundred characters: lower case, a handful of `in` over literals of which every name of a secret
contains one, and a byte translation that turns "a run of sixteen token characters" into a literal too.
"""

from __future__ import annotations

from obs.redaction import known

__all__ = ["has_hint"]

_NAMES = (
    *(
        "pass",
        "pw",
        "key",
        "token",
        "secret",
        "sig",
        "auth",
        "cred",
        "cookie",
        "sess",
        "://",
        "pin",
        "otp",
        "psw",
    ),
    *(
        "access",
        "account",
        "acct",
        "card",
        "phrase",
        "seed",
        "mnemonic",
        "recovery",
        "connection",
        "webhook",
        "refresh",
    ),
    *(
        "verification",
        "mfa",
        "2fa",
        "tfa",
        "cvv",
        "cvc",
        "cano",
        "ssn",
        "iban",
        "sid",
        "pat",
        "csrf",
        "xsrf",
        "-----",
    ),
    *(
        "kennwort",
        "contrase",
        "passe",
        "senha",
        "parola",
        "wachtwoord",
        "haslo",
        "losenord",
        "sifre",
        "geheim",
        "konto",
    ),
    *("xox", "\x1b", "-u ", "jwt", "hmac"),
)
_FOREIGN = (
    *(
        "비밀",
        "패스워드",
        "암호",
        "비번",
        "시크릿",
        "키",
        "토큰",
        "인증",
        "서명",
        "세션",
        "쿠키",
        "계좌",
        "니모닉",
        "구문",
    ),
    *(
        "密",
        "口令",
        "钥",
        "鑰",
        "令牌",
        "签",
        "簽",
        "助",
        "验证",
        "驗證",
        "パス",
        "暗証",
        "シー",
        "トー",
        "キー",
        "認証",
        "署名",
        "口座",
        "ニー",
    ),
    *(
        "парол",
        "секрет",
        "ключ",
        "токен",
        "подпис",
        "сид",
        "мнем",
        "код",
        "contrase",
        "clave",
        "clé",
        "chave",
        "schlüssel",
    ),
    *("şifre", "hasło", "lösenord", "mật", "รหัส", "كلمة", "סיסמה", "पास", "κωδ", "heslo", "jelsz", "sandi"),
)

_TABLE = bytes(97 if byte < 128 and (chr(byte).isalnum() or chr(byte) in "_-") else 32 for byte in range(256))
_RUN = b"a" * 16
_LOWER = bytes(range(97, 123))
_TWELVE_WORDS = b" " * 11


def has_hint(text: str) -> bool:
    """Return False when there is surely nothing to mask."""
    lower = text.lower()
    for name in _NAMES:
        if name in lower:
            return True
    raw = text.encode("utf-8", "surrogatepass")
    if _RUN in raw.translate(_TABLE) or _TWELVE_WORDS in raw.translate(None, _LOWER):
        return True
    if len(raw) != len(text):
        if any(word in lower for word in _FOREIGN) or _is_disguised(text):
            return True
    return known.is_known_hint(text)


def _is_disguised(text: str) -> bool:
    """Whether invisible or full-width characters may hide a name."""
    return any(
        "\u2000" <= c <= "\u206f" or "\uff00" <= c <= "\uff5e" or c in "\xad\ufeff\u3000" for c in text
    )
