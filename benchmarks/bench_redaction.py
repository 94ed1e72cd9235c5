"""What redaction costs: lines a second at 200 characters, with and without secrets, and hostile megabytes.

Run with `pytest benchmarks/bench_redaction.py`.
"""

from __future__ import annotations

import base64
import random
import string

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from obs.redaction import has_hint, redact

PLAIN = (
    "2026-01-01 00:00:00,123 INFO bot.engine order 42 filled BTC/USDT 0.5 at 97123.45 fee 0.0012 latency 9 s "
    "position now 1.5 BTC, unrealised 12.40, next funding in 3 h, equity 10231.55, drawdown 1.2 %, spread 1 b"
)
HINTED = PLAIN.replace("next funding in 3 h", "token BTC, keys 3 ok")
SECRET = PLAIN.replace("latency 9 s position now 1.5 BTC", "api_key=Zq9xKw2mPvLr8sTuZq9xKw2mPvLr8sTu")
KOREAN = (
    "주문 체결 완료: KRW-BTC 0.5개 매수 단가 97,123,000원 수수료 0.05% 잔고 1,234,567원 남은 포지션 3개" * 2
)


@pytest.mark.parametrize("line", [PLAIN, HINTED, SECRET, KOREAN], ids=["plain", "hinted", "secret", "korean"])
def test_a_line_of_two_hundred_characters(benchmark: BenchmarkFixture, line: str) -> None:
    benchmark.extra_info["characters"] = len(line)

    benchmark(redact, line)


def test_the_gate_alone(benchmark: BenchmarkFixture) -> None:
    assert benchmark(has_hint, PLAIN[:120]) is False


DICE = random.Random(5)
HOSTILE = {
    "unfinished private keys": "-----BEGIN RSA PRIVATE KEY-----",
    "token heads": "eyJ",
    "names": "password ",
    "assignments": "password=",
    "schemes": "://",
    "urls": "https://a:b@h ",
    "mail": "a.",
    "blanks": " ",
    "base64": "QUJDREVGR0hJSktMTU5P ",
    "zero-width": "\u200b",
    "zero-width between letters": "a\u200b",
    "paths of ats": "@c/",
    "unfinished escapes": "\\u",
    "tokens": "ghp_aaaaaaaaaaaaaaaaaaaa1 ",
    "masks": "[REDACTED:api_key]",
    "tokens in one word": "eyJhbGciOiJ9.",
    "words as long as keys": "a" * 64 + " ",
    "random bytes in base64": base64.b64encode(DICE.randbytes(750_000)).decode(),
    "random signs": "".join(DICE.choices(string.printable, k=1_000_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_megabyte(benchmark: BenchmarkFixture, name: str) -> None:
    text = (HOSTILE[name] * (1_000_000 // len(HOSTILE[name]) + 1))[:1_000_000]

    benchmark.pedantic(redact, (text,), rounds=3)
