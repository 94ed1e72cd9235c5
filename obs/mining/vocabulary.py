"""Words of the trade of printing: endings of files and hosts, words for results, words that announce a name.

General knowledge of how programs speak; no word of any one program is here.
"""

from __future__ import annotations


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


QUOTES = (
    "USDT",
    "USDC",
    "BUSD",
    "FDUSD",
    "TUSD",
    "USD",
    "BTC",
    "ETH",
    "KRW",
    "EUR",
    "GBP",
    "BNB",
    "TRY",
    "JPY",
)
"""What prices are quoted in: `BTCUSDT`, `ETH-BTC` and `KRW-XRP` are symbols."""

HOST_ENDINGS = _listed(
    """com net org edu gov info biz dev app cloud exchange local lan internal localdomain invalid
    test io ai co me tv kr jp cn hk tw in sg us uk de fr nl ch at it es se no fi pl cz ru ua br mx
    ca au eu"""
)
FILE_ENDINGS = _listed(
    """py pyc js ts java class jar war rb go rs c cc cpp h so dll exe sys mum cat bat sh json jsonl
    toml yml yaml xml htm html css ini cfg conf config cnf properties plist kext bundle log txt md
    csv tsv db sqlite sqlite0 wal feather parquet pkl pickle joblib onnx pt h0 npy npz gz bz0 zip
    tar tgz xz zst tmp bak lock pid sock dat bin img iso pem crt key rdb png jpg jpeg gif svg pdf"""
)
"""Endings of files, their digits written `0`."""

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

CONSTANTS = _listed("true false yes no on off none null nil nan undefined enabled disabled")
"""Values that say what is the case, so that messages which differ in them say different things."""

RESULTS = _listed(
    """open close start stop buy sell long short ok error fail failure success up down begin end
    read write get put post patch head options delete set reset add remove send connect disconnect
    create update insert select enter exit entry lost found begun sent kept held hold new old call
    low high warn warning info debug critical fatal left right in out to from with for of at by and
    or not is was are before after 매수 매도 시작 종료 성공 실패 완료 취소 접수 체결 거부 거절"""
)
"""Words for what was done or came of it: they are not values, although many of them fit one place."""

INTRODUCERS = _listed(
    """user users username account host hostname node server service app application module plugin
    pair symbol coin ticker market exchange bot strategy queue topic table database db schema
    channel thread task job worker process program package class driver device interface named
    called by name id"""
)
"""Words after which a name stands."""
