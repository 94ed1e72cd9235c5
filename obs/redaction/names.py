"""Decides which names announce a secret, in any spelling and several languages.

`api_key`, `apiKey`, `X-MBX-APIKEY`, `bot.exchange.secret` and `비밀번호` are names of secrets; `max_tokens`, `secretary`,
`token_symbol` and `cache_key` are not. The value is judged elsewhere (`pairs.py`): here only words count.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["FOREIGN_NAMES", "STEMS", "Name", "classify", "is_foreign_hint"]


class Name(NamedTuple):
    """What a name promises about its value."""

    kind: str
    """The kind of the mask."""
    strict: bool
    """Whether any value counts (`password`), or only one that looks random (`token`, `sign`)."""
    numeric: bool = False
    """Whether digits alone are a likely value (PIN, one-time code, account number)."""


_STRONG = {
    # As the compact tail of a name: lower case, separators removed.
    "password": "password",
    "passwd": "password",
    "passwort": "password",
    "kennwort": "password",
    "contrasena": "password",
    "motdepasse": "password",
    "senha": "password",
    "parola": "password",
    "wachtwoord": "password",
    "haslo": "password",
    "losenord": "password",
    "sifre": "password",
    "matkhau": "password",
    "bimilbeonho": "password",
    "geheimnis": "api_secret",
    "passphrase": "passphrase",
    "passcode": "password",
    "passkey": "password",
    "pwd": "password",
    "pswd": "password",
    "secret": "api_secret",
    "secretkey": "api_secret",
    "secretaccesskey": "aws_secret",
    "apisecret": "api_secret",
    "appsecret": "api_secret",
    "clientsecret": "api_secret",
    "apikey": "api_key",
    "appkey": "api_key",
    "accesskey": "api_key",
    "accesskeyid": "api_key",
    "apitoken": "token",
    "authkey": "api_key",
    "authtoken": "token",
    "accesstoken": "token",
    "refreshtoken": "token",
    "bottoken": "token",
    "bearertoken": "token",
    "idtoken": "token",
    "sessiontoken": "token",
    "securitytoken": "token",
    "csrftoken": "token",
    "xsrftoken": "token",
    "privatekey": "private_key",
    "privkey": "private_key",
    "signingkey": "private_key",
    "signerkey": "private_key",
    "encryptionkey": "private_key",
    "masterkey": "private_key",
    "sharedkey": "private_key",
    "accountkey": "private_key",
    "sharedaccesskey": "private_key",
    "storagekey": "private_key",
    "sshkey": "private_key",
    "hmackey": "private_key",
    "jwtkey": "private_key",
    "walletkey": "private_key",
    "consumerkey": "api_key",
    "subscriptionkey": "api_key",
    "licensekey": "api_key",
    "integrationkey": "api_key",
    "routingkey": "api_key",
    "servicekey": "api_key",
    "approvalkey": "api_key",
    "authorizationkey": "api_key",
    "listenkey": "listen_key",
    "sessionkey": "session",
    "hashkey": "api_key",
    "authorization": "authorization",
    "credential": "credential",
    "credentials": "credential",
    "creds": "credential",
    "mnemonic": "mnemonic",
    "seedphrase": "mnemonic",
    "seedwords": "mnemonic",
    "recoveryphrase": "mnemonic",
    "recoverywords": "mnemonic",
    "backupphrase": "mnemonic",
    "walletseed": "mnemonic",
    "connectionstring": "credential",
}
# As a whole word of the name: the value must look random.
_WEAK = {
    "token": "token",
    "tokens": "token",
    "key": "api_key",
    "keys": "api_key",
    "auth": "authorization",
    "bearer": "token",
    "jwt": "token",
    "sign": "signature",
    "sig": "signature",
    "signature": "signature",
    "hmac": "signature",
    "session": "session",
    "sessionid": "session",
    "jsessionid": "session",
    "phpsessid": "session",
    "sess": "session",
    "sid": "session",
    "cookie": "cookie",
    "csrf": "token",
    "xsrf": "token",
    "nonce": "",
    "access": "api_key",
    "webhook": "webhook",
    "seed": "mnemonic",
    "refresh": "token",
    "pat": "token",
    "apisign": "signature",
    "apikeys": "api_key",
    "secrets": "api_secret",
    "passwords": "password",
}
# Whole words that are strict, but too short to be found inside other words.
_SHORT = {"pw": "password", "pass": "password", "psw": "password", "pword": "password"}
_NUMERIC = {
    "pin": "pin",
    "otp": "one_time_code",
    "totp": "one_time_code",
    "mfa": "one_time_code",
    "2fa": "one_time_code",
    "tfa": "one_time_code",
    "cvv": "pin",
    "cvc": "pin",
    "cano": "account_number",
    "ssn": "account_number",
    "iban": "account_number",
}
_NUMERIC_TAILS = {
    "pincode": "pin",
    "otpcode": "one_time_code",
    "authcode": "one_time_code",
    "verificationcode": "one_time_code",
    "accountno": "account_number",
    "accountnumber": "account_number",
    "acctno": "account_number",
    "acctnum": "account_number",
    "accountnum": "account_number",
    "cardnumber": "account_number",
    "cardno": "account_number",
    "kontonummer": "account_number",
}

# After the secret word, these say that the value is about the secret and not the secret.
_ABOUT = frozenset(
    """count counts length len limit limits symbol symbols name names file files path paths dir folder type types
    expiry expires expired expire expiration expiring ttl url uri host policy reset status state valid invalid age
    version ver algorithm algo alg method mode address addr usage used max min total num size budget price rate
    error errors err check checked required require missing manager provider store storage class field fields
    column index idx label hint prompt rotation rotated at on time timestamp date days per sec second seconds
    minute exists ok enabled disabled encoding format source env var variable header param info vault arn ref
    kind scheme realm length strength len bits chars loaded pair pairs function fn func callback handler id_type
    window cookies_enabled dataclass decimals contract supply balance amount standard by from order""".split()
)
# Before `token` or `key`, these say that it is a count or a name of something else.
_OTHER = frozenset(
    """max min total num input output prompt completion cached reasoning cache idempotency sort partition primary
    foreign group dict lookup redis metric public pub base quote row column index hot topic dedupe dedup
    map hash_ message routing_ generated context window new thinking candle series order data config feature
    state bucket object s3 translation i18n press keyboard arrow unique composite natural surrogate
    token0 token1 lp erc20 erc nft native wrapped pool rate next page continuation trading market
    call block tx gas sell buy from to in out pair event""".split()
)

STEMS = re.compile(
    r"passw|passphr|passc|passk|pass\b|pwd|pw\b|psw|secret|key|token|auth|sign|sig\b|hmac|bearer|jwt|credential|creds"
    r"|cookie|session|sess|sid\b|csrf|xsrf|access|mnemonic|phrase|seed|recovery|connection_?string|webhook|refresh"
    r"|pin\b|pin_?code|otp|mfa\b|2fa\b|tfa\b|cvv|cvc|cano\b|ssn\b|iban\b|account|acct|card_?n|verification|pat\b"
    r"|kennwort|contrase|mot_?de_?passe|mot de passe|senha|parola|wachtwoord|haslo|losenord|sifre|geheim|konto"
)
"""Where in a lower-case text a name of a secret may stand."""

FOREIGN_NAMES: dict[str, str] = {
    "비밀번호": "password",
    "패스워드": "password",
    "암호": "password",
    "비번": "password",
    "시크릿": "api_secret",
    "비밀키": "api_secret",
    "비밀 키": "api_secret",
    "보안키": "api_secret",
    "개인키": "private_key",
    "개인 키": "private_key",
    "토큰": "token",
    "인증키": "api_key",
    "인증 키": "api_key",
    "인증번호": "one_time_code",
    "접근키": "api_key",
    "액세스키": "api_key",
    "액세스 키": "api_key",
    "엑세스키": "api_key",
    "앱키": "api_key",
    "앱시크릿": "api_secret",
    "api키": "api_key",
    "api 키": "api_key",
    "서명": "signature",
    "세션": "session",
    "쿠키": "cookie",
    "계좌번호": "account_number",
    "니모닉": "mnemonic",
    "시드 구문": "mnemonic",
    "시드구문": "mnemonic",
    "복구 구문": "mnemonic",
    "복구구문": "mnemonic",
    "密码": "password",
    "密碼": "password",
    "口令": "password",
    "密钥": "api_secret",
    "密鑰": "api_secret",
    "秘钥": "api_secret",
    "秘鑰": "api_secret",
    "私钥": "private_key",
    "私鑰": "private_key",
    "令牌": "token",
    "签名": "signature",
    "簽名": "signature",
    "助记词": "mnemonic",
    "助記詞": "mnemonic",
    "验证码": "one_time_code",
    "驗證碼": "one_time_code",
    "パスワード": "password",
    "暗証番号": "pin",
    "秘密鍵": "private_key",
    "シークレット": "api_secret",
    "トークン": "token",
    "アクセスキー": "api_key",
    "apiキー": "api_key",
    "パスフレーズ": "passphrase",
    "認証キー": "api_key",
    "署名": "signature",
    "口座番号": "account_number",
    "ニーモニック": "mnemonic",
    "пароль": "password",
    "секрет": "api_secret",
    "секретный ключ": "api_secret",
    "приватный ключ": "private_key",
    "закрытый ключ": "private_key",
    "ключ": "api_key",
    "токен": "token",
    "подпись": "signature",
    "сид-фраза": "mnemonic",
    "мнемоника": "mnemonic",
    "мнемоническая фраза": "mnemonic",
    "пін-код": "pin",
    "пин-код": "pin",
    "contraseña": "password",
    "contrasenya": "password",
    "clave secreta": "api_secret",
    "clave privada": "private_key",
    "clé secrète": "api_secret",
    "clé privée": "private_key",
    "clé api": "api_key",
    "clé": "api_key",
    "senha": "password",
    "chave privada": "private_key",
    "chave secreta": "api_secret",
    "geheimschlüssel": "api_secret",
    "schlüssel": "api_key",
    "şifre": "password",
    "parola": "password",
    "hasło": "password",
    "lösenord": "password",
    "mật khẩu": "password",
    "รหัสผ่าน": "password",
    "كلمة المرور": "password",
    "كلمة السر": "password",
    "סיסמה": "password",
    "पासवर्ड": "password",
    "κωδικός": "password",
    "heslo": "password",
    "jelszó": "password",
    "kata sandi": "password",
}
_FOREIGN = re.compile("|".join(sorted(map(re.escape, FOREIGN_NAMES), key=len, reverse=True)))

_WEAK_FOREIGN = frozenset({"token", "signature", "session", "cookie", "api_key"})
_NUMERIC_KINDS = frozenset({"pin", "one_time_code", "account_number"})

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+[a-z]*")


def is_foreign_hint(lower: str) -> re.Pattern[str]:
    """Return the pattern that finds names in other scripts and accented spellings."""
    return _FOREIGN


def foreign(word: str) -> Name:
    """Return what a name in another language promises; `word` is a key of `FOREIGN_NAMES`."""
    kind = FOREIGN_NAMES[word]
    return Name(kind, strict=kind not in _WEAK_FOREIGN, numeric=kind in _NUMERIC_KINDS)


@lru_cache(maxsize=4096)
def classify(identifier: str) -> Name | None:
    """Return what the name promises about its value, or None when it names no secret.

    Args:
        identifier: A name as printed, with its separators, such as `X-MBX-APIKEY` or `exchange.secret`.
    """
    words = [word.lower() for word in _WORDS.findall(identifier)]
    while words and (words[-1].isdigit() and len(words) > 1):
        words.pop()
    for end in range(len(words), 0, -1):
        found = _tail(words[:end])
        if found is not None:
            return None if any(word in _ABOUT for word in words[end:]) else found
    return None


def _tail(words: list[str]) -> Name | None:
    last = words[-1]
    for take in range(min(4, len(words)), 0, -1):
        compact = "".join(words[-take:])
        if compact in _STRONG:
            return Name(_STRONG[compact], strict=True)
        if compact in _NUMERIC_TAILS:
            return Name(_NUMERIC_TAILS[compact], strict=True, numeric=True)
    if last in _NUMERIC:
        return Name(_NUMERIC[last], strict=True, numeric=True)
    if last in _SHORT:
        return Name(_SHORT[last], strict=True)
    for tail, kind in _STRONG.items():
        # Run-together spellings: DBPASSWORD, mbxapikey, krxsecret. Four letters or more, so that `pwd` alone is no tail.
        if len(tail) > 5 and last.endswith(tail):
            return Name(kind, strict=True)
    if _WEAK.get(last) and not (len(words) > 1 and words[-2] in _OTHER):
        return Name(_WEAK[last], strict=False)
    return None
