"""What counts as a secret in text, what does not, and that looking for it is safe and linear.

All values are made up here by a seeded generator; nothing in this file was ever issued.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs.redaction import (
    MASK,
    forget_known,
    has_hint,
    redact,
    redact_attributes,
    register_environment,
    register_known,
)

RANDOM = random.Random(20260101)
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def value(length: int = 32, alphabet: str = ALNUM) -> str:
    return "".join(RANDOM.choice(alphabet) for _ in range(length))


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.fixture(autouse=True)
def _no_known_values() -> Iterator[None]:
    forget_known()
    yield
    forget_known()


NAMES = (
    "apiKey",
    "X-MBX-APIKEY",
    "OK-ACCESS-PASSPHRASE",
    "UPBIT_SECRET_KEY",
    "exchange.password",
    "kis_appsecret",
    "KRX_PW",
    "clientSecret",
    "DBPASSWORD",
    "walletPrivateKey",
    "AWS_SECRET_ACCESS_KEY",
    "refresh_token",
    "비밀번호",
    "시크릿키",
    "密码",
    "パスワード",
    "пароль",
    "contraseña",
    "mot_de_passe",
)

ENVELOPES: dict[str, Callable[[str, str], str]] = {
    "name=value": lambda n, v: f"loaded {n}={v} from file",
    "header": lambda n, v: f"GET /\r\nHost: x\r\n{n}: {v}\r\n",
    "json": lambda n, v: json.dumps({"a": 1, n: v}, ensure_ascii=False),
    "json, ascii only": lambda n, v: json.dumps({n: v}),
    "json in json in json": lambda n, v: json.dumps({"log": json.dumps({"msg": json.dumps({n: v})})}),
    "python dict": lambda n, v: f"config { ({n: v, 'x': 1})!r} read",
    "pair of bytes": lambda n, v: f"[(b'{n}', b'{v}'), (b'accept', b'*/*')]",
    "dataclass": lambda n, v: f"Config(name='okx', {n}={v!r}, debug=False)",
    "yaml": lambda n, v: f"exchange:\n  {n}: {v}\n  name: okx",
    "toml": lambda n, v: f'{n} = "{v}"\nretries = 3',
    "xml element": lambda n, v: f"<cfg><{n}>{v}</{n}></cfg>",
    "xml attributes": lambda n, v: f'<add key="{n}" value="{v}" />',
    "name and value fields": lambda n, v: json.dumps({"name": n, "value": v}, ensure_ascii=False),
    "url query": lambda n, v: f"https://x.invalid/p?symbol=BTC&{quote(n)}={v}&limit=5",
    "percent-encoded json": lambda n, v: "body=" + quote(json.dumps({n: v}, ensure_ascii=False)),
    "curl header": lambda n, v: f"curl -s -H '{n}: {v}' https://x.invalid/api",
    "option": lambda n, v: f"python bot.py --{n} {v} --verbose",
    "export": lambda n, v: f"export {n}='{v}'",
    "logfmt": lambda n, v: f'level=info msg="start" {n}="{v}" ts=1',
    "sentence": lambda n, v: f"the {n} is {v}, please check",
    "colours": lambda n, v: f"\x1b[36m{n}\x1b[0m=\x1b[35m{v}\x1b[0m done",
    "zero-width": lambda n, v: f"{n[:1]}\u200b{n[1:]}={v}",
    "full-width": lambda n, v: wide(n + ":") + v,
    "base64 of json": lambda n, v: "state " + base64.b64encode(json.dumps({n: v}).encode()).decode(),
    "table": lambda n, v: f"| {n} | {v} | x |",
    "subscript": lambda n, v: f'os.environ["{n}"] = "{v}"',
    "call": lambda n, v: f"{n}=SecretStr('{v}')",
    "container log": lambda n, v: json.dumps({"log": f"{n}={v}\n", "stream": "stdout"}),
}


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_a_named_secret_is_masked_in_every_envelope(envelope: str) -> None:
    """Fault 43: secrets in JSON in JSON, base64, percent, colours, zero-width, full-width, languages."""
    for name in NAMES:
        secret = value(24)
        text = ENVELOPES[envelope](name, secret)

        masked = redact(text)

        assert secret[:6] not in masked, (name, masked)
        assert MASK.search(masked), (name, masked)


@pytest.mark.parametrize("envelope", ["name=value", "json", "yaml", "python dict", "option", "sentence"])
def test_a_password_of_signs_is_masked_whole(envelope: str) -> None:
    for secret in ("aB3$xy!Kw9", "p@ss,w0rd!", "(x)Zz9;qQ7", "Wolverine14!"):
        text = ENVELOPES[envelope]("exchange_password", secret)

        assert not any(secret[i : i + 5] in redact(text) for i in range(len(secret) - 4)), redact(text)


TOKENS = {
    "telegram": lambda: "1234567890:AA" + value(33, ALNUM + "_-"),
    "openai": lambda: "sk-proj-" + value(40),
    "anthropic": lambda: "sk-ant-api03-" + value(60),
    "groq": lambda: "gsk_" + value(52),
    "hugging face": lambda: "hf_" + value(34),
    "slack": lambda: "xoxb-" + value(12, string.digits) + "-" + value(24),
    "github": lambda: "ghp_" + value(36),
    "gitlab": lambda: "glpat-" + value(20),
    "aws": lambda: "AKIA" + value(16, string.ascii_uppercase),
    "google": lambda: "AIza" + value(35),
    "stripe": lambda: "sk_live_" + value(24),
    "sendgrid": lambda: "SG." + value(22) + "." + value(43),
    "extended key": lambda: "xprv" + value(107, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"),
    "binance key": lambda: value(60) + "0OlI",
    "jwt": lambda: base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode() + "." + value(60) + "." + value(43),
}


@pytest.mark.parametrize("vendor", TOKENS)
@pytest.mark.parametrize(
    "around", ["{}", "using {} now", "https://x.invalid/a/{}/b", 'x "{}"', "line\\n{}\\n"]
)
def test_a_token_with_a_known_shape_needs_no_name(vendor: str, around: str) -> None:
    token = TOKENS[vendor]()

    masked = redact(around.format(token))

    assert token[-8:] not in masked, masked


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgresql://bot:Zq9xKw2mPv@db/trades", "Zq9xKw2mPv"),
        ("postgresql://bot:Z@x:q/9Kw2m@db.example.com:5432/t", "Z@x:q/9Kw2m"),
        ("redis://:Zq9xKw2mPv@127.0.0.1:6379/0", "Zq9xKw2mPv"),
        ("https://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/Zq9xKw2mPvLr8sTu", "Zq9xKw2mPvLr8sTu"),
        ("POST https://api.telegram.org/bot123456789:AAZq9xKw2mPvLr8sTuZq9xKw2mPvLr8sTuv/getMe", "AAZq9xKw"),
        ("curl -u bot:Zq9xKw2mPv https://x.invalid", "Zq9xKw2mPv"),
        ("mysql -ubot -pZq9xKw2mPv trades", "Zq9xKw2mPv"),
        ("CREATE USER bot IDENTIFIED BY 'Zq9xKw2mPv'", "Zq9xKw2mPv"),
        ("8=FIX.4.4|35=A|553=user|554=Zq9xKw2mPv|10=1|", "Zq9xKw2mPv"),
        ("Authorization: Basic Ym90Olpx", "Ym90Olpx"),
        ("Cookie: lang=en; sessionid=q9x2w7m4p1v8r5t3; theme=dark", "q9x2w7m4p1v8r5t3"),
        ('{"op": "auth", "args": ["Zq9xKw2mPvLr8sTu12", 1767225600000, "9f3ac01b77de4512"]}', "Zq9xKw2mPvLr"),
        ("client = Client('Zq9xKw2mPvLr8sTu12', 'y7Bn4Lq0Zq9xKw2mPv')", "y7Bn4Lq0Zq9xKw2mPv"),
        (
            "wallet from legal winner thank year wave sausage worth useful legal winner thank yellow",
            "sausage",
        ),
        ("니모닉: legal winner thank year wave sausage worth useful legal winner thank yellow", "sausage"),
        ("인증번호 [349921] 입력", "349921"),
        ("계좌번호 62682361-01 잔고 조회", "62682361"),
        ("비밀번호는 aB3xyKw9z 입니다", "aB3xyKw9z"),
        ("パスワードは「aB3xyKw9z」です", "aB3xyKw9z"),
    ],
)
def test_the_structure_around_a_secret_gives_it_away(text: str, secret: str) -> None:
    masked = redact(text)

    assert secret not in masked
    assert MASK.search(masked)


@pytest.mark.parametrize("newline", ["\n", "\\n", "\\\\n"])
def test_a_private_key_is_masked_over_its_lines(newline: str) -> None:
    """Fault 44: PEM bodies are masked across the lines of one record."""
    body = [value(64, ALNUM + "+/") for _ in range(3)]
    pem = newline.join(["-----BEGIN EC PRIVATE KEY-----", *body, "-----END EC PRIVATE KEY-----"])

    assert redact(f"key {pem} read") == "key [REDACTED:private_key] read"


def test_a_private_key_cut_at_either_end_is_masked() -> None:
    """Fault 44: a secret split over two records."""
    body = [value(64, ALNUM + "+/") for _ in range(4)]

    head = redact("-----BEGIN PRIVATE KEY-----\n" + "\n".join(body[:2]))
    tail = redact("\n".join(body[2:]) + "\n-----END PRIVATE KEY-----\nnext line")

    assert head == "[REDACTED:private_key]"
    assert tail == "[REDACTED:private_key]\nnext line"


def test_a_secret_is_masked_again_later_in_the_text_without_its_name() -> None:
    """Fault 45, within one record."""
    secret = value(20)

    masked = redact(f"api_secret = '{secret}'\nValueError: bad value {secret}")

    assert masked == "api_secret = '[REDACTED:api_secret]'\nValueError: bad value [REDACTED:api_secret]"


def test_a_known_value_is_masked_wherever_and_however_it_is_written() -> None:
    """Fault 45: the same secret later, without a name."""
    secret = 'tr!cky "phrase" & more'
    register_known([secret])

    for written in (
        f"we tried {secret} again",
        f"we tried {quote(secret)} again",
        json.dumps({"m": f"we tried {secret} again"}),
        json.dumps(json.dumps(f"we tried {secret} again")),
        "we tried " + base64.b64encode(b"user:" + secret.encode()).decode(),
    ):
        masked = redact(written)

        assert "phrase" not in masked
        assert MASK.search(masked), masked


def test_the_environment_registers_the_values_of_secret_names_only() -> None:
    register_environment(
        {"BINANCE_SECRET": "correct horse battery", "HOME": "/home/somebody", "DB_PASSWORD": "short"}
    )

    assert redact("tried correct horse battery") == "tried [REDACTED:known_value]"
    assert redact("in /home/somebody, short of memory") == "in /home/somebody, short of memory"


def test_where_the_shell_stands_is_no_secret() -> None:
    """`PWD` reads like a password: its value stands in every path of every traceback."""
    register_environment({"PWD": "/srv/trading/bot", "OLDPWD": "/srv/trading", "DB_PWD": "correct horse"})

    assert redact('File "/srv/trading/bot/run.py", line 1') == 'File "/srv/trading/bot/run.py", line 1'
    assert redact("tried correct horse") == "tried [REDACTED:known_value]"


LOOKALIKES = (
    "max_tokens=4096 total_tokens: 1532",
    "token: BTC, token_symbol=WETH, quote_token='USDT'",
    "token=0xdAC17F958D2ee523a2206206994597C13D831ec7",
    "secretary problem, keyboard shortcut, passenger, compass=north, authored by=me",
    "password reset requested, password authentication failed for user bot",
    "password: required",
    "api_key=None api_secret='' password=***** token=<hidden> secret=${SECRET}",
    "api_key: Optional[str] = None",
    "key=BTC/USDT cache_key=candles:BTCUSDT:1m:1767225600",
    "sign=-1 signal=buy signature verified, session=asia",
    "pin 3 of 5, spin=0.5, mapping: 1234",
    "client_order_id=O-20120210-174400-001-000-1130 trade_id=T-bb8220269f2fa06d-1130",
    "tx 0x" + "ab12cd34" * 8 + " confirmed",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "id 6f1c1e6e-3c59-4d5a-8f0e-0a4a1f7a8a10 done",
    "private key file not found: keys/bot.pem",
    "primary_key=user_id foreign_key=order_id",
    "def __init__(self, api_key: str, secret: str = None):",
    "api_key = os.environ['BINANCE_API_KEY'] password=getpass.getpass()",
    "wallet 7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU balance 3",
    "pageToken=EAAaBlBUOkNBVQ nonce=1767225600123 seed=42 hotkey: ctrl+k",
    "비밀번호 변경 완료, 인증키 확인 필요, 암호화폐 시세 12345678",
    "required credentials: ('apiKey', 'secret', 'password')",
    "https://example.com/@user/path?x=a@b wss://stream.binance.com:9443/ws/btcusdt@trade",
    "Established session 0x14f05578bd80013 with negotiated timeout 10000",
    "the quick brown fox jumps over lazy dogs while nobody looks at them from here",
    "sha512-" + base64.b64encode(bytes(range(64))).decode(),
    "토큰 상장: SOL, 서명 확인 완료, 키 포인트 3개",
)


@pytest.mark.parametrize("text", LOOKALIKES)
def test_a_lookalike_is_left_alone(text: str) -> None:
    """Fault 46."""
    assert redact(text) == text


def test_the_words_around_a_secret_stay() -> None:
    masked = redact("connect host=db user=bot password=Zq9xKw2mPv dbname=trades timeout=5")

    assert masked == "connect host=db user=bot password=[REDACTED:password] dbname=trades timeout=5"


def test_a_mask_is_never_masked_again() -> None:
    register_known(["REDACTED:token"])

    masked = redact('password="ab12 [REDACTED:token] cd34"')

    assert masked == 'password="[REDACTED:password][REDACTED:token][REDACTED:password]"'
    assert redact(masked) == masked


def test_attributes_are_judged_by_their_names_at_any_depth() -> None:
    attributes = {
        "exchange": {"apiKey": "aB3xyKw9z", "name": "okx"},
        "llm.tokens": 1532,
        "pin": 4711,
        "headers": [("X-MBX-APIKEY: aB3xyKw9zQ",)],
        "note": "password=hunter22",
        "ok": True,
    }

    assert redact_attributes(attributes) == {
        "exchange": {"apiKey": "[REDACTED:api_key]", "name": "okx"},
        "llm.tokens": 1532,
        "pin": "[REDACTED:pin]",
        "headers": [("X-MBX-APIKEY: [REDACTED:api_key]",)],
        "note": "password=[REDACTED:password]",
        "ok": True,
    }


def test_attributes_keep_their_shape() -> None:
    """Who gives a tuple may compare it with one, or use it as a key."""
    given = {"pair": ("BTC", "hint password=hunter22"), "sides": [("buy", 1), ["sell", 2]], "empty": ()}

    assert redact_attributes(given) == {
        "pair": ("BTC", "hint password=[REDACTED:password]"),
        "sides": [("buy", 1), ["sell", 2]],
        "empty": (),
    }


SIGNS = (
    "=",
    ": ",
    '"',
    "'",
    "\\",
    "{",
    "[",
    ",",
    "://",
    "@",
    "\ud800",
    "\u200b",
    "\x1b[31m",
    "%22",
    "\\u0022",
    " ",
)
WORDS = (
    "Bearer ",
    "-----BEGIN PRIVATE KEY-----",
    "eyJ",
    "sk-",
    "[REDACTED:api_key]",
    "[REDACTED:",
    "hunter22",
)
SCRAPS = st.sampled_from([*NAMES, *SIGNS, *WORDS, "Zq9xKw2mPvLr8sTu12"])


@given(st.lists(st.one_of(SCRAPS, st.text(max_size=8)), max_size=14).map("".join))
def test_any_text_is_redacted_without_error_and_only_once(text: str) -> None:
    once = redact(text)

    assert redact(once) == once


@given(st.text())
def test_text_without_a_hint_comes_back_as_it_is(text: str) -> None:
    if not has_hint(text):
        assert redact(text) is text
