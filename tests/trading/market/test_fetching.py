"""`python -m trading data fetch` as a user calls it, from KRX and from an exchange, against stand-ins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.builders import REPO
from tests.trading.market.crypto_standin import HOSTS, ExchangeServer
from tests.trading.market.krx_standin import KrxServer

HERE = Path(__file__).parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("pykrx") is None or find_spec("ccxt") is None, reason="krx or crypto is not installed"
    ),
]


def fetch(folder: Path, standins: str, more: Mapping[str, str], *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "trading", "data", "fetch", *options],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE / "at_standin"), str(REPO)]),
            "STANDINS": standins,
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_shares_and_funds_of_korea_are_fetched_once_and_then_come_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "trading.toml").write_text('[data]\nsource = "krx"\n')
    (tmp_path / "universe.toml").write_text('symbols = ["005930", "069500"]\n')
    account = {"KRX_ID": "a-trader", "KRX_PW": "pa55-word!"}
    days = ("--since", "2025-03-04", "--to", "2025-03-28")

    with KrxServer() as server:
        server.krx.accounts = {"a-trader": "pa55-word!"}
        standins = f"https://data.krx.co.kr={server.url}"
        first, text = fetch(tmp_path, standins, account, *days)
        asked = len(server.krx.asked)
        second, again = fetch(tmp_path, standins, {"KRX_ID": "", "KRX_PW": ""}, *days)
        refused, words = fetch(tmp_path, standins, {**account, "KRX_PW": "wr0ng-one"}, "035720", *days)

    assert (first, second, refused) == (0, 0, 2)
    assert text.count("19 bars, 2025-03-04 to 2025-03-28") == 2
    assert again.count("19 bars, 2025-03-04 to 2025-03-28, newest close") == 2
    assert again.count("from the cache") == 2
    assert "KRX: the login failed (CD005" in words
    assert "wr0ng-one" not in words
    assert asked == len(server.krx.asked)


def test_hours_of_a_coin_are_fetched_up_to_the_last_whole_day(tmp_path: Path) -> None:
    (tmp_path / "trading.toml").write_text(
        '[data]\nsource = "crypto"\nexchange = "upbit"\n[market]\ncalendar = "ALWAYS"\n'
    )
    (tmp_path / "universe.toml").write_text('symbols = ["BTC/KRW"]\n')
    now = datetime.now(UTC)
    day = (now - timedelta(days=1)).date()

    with ExchangeServer(
        listed=int((now - timedelta(days=30)).timestamp() * 1000), now=int(now.timestamp() * 1000)
    ) as server:
        standins = " ".join(f"{host}={server.standing_in(host)}" for host in HOSTS)
        code, text = fetch(
            tmp_path, standins, {}, "--interval", "1h", "--since", f"{day - timedelta(days=1)}"
        )

    assert code == 0, text
    assert f"BTC/KRW: 48 bars, {day - timedelta(days=1)} 00:00 UTC to {day} 23:00 UTC" in text
