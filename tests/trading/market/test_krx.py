"""Prices from KRX: the collector in its own process, against a stand-in that speaks KRX's formats."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.trading.market.krx_standin import (
    DATA,
    FUNDS,
    HALTED,
    LOGIN,
    SHARES,
    SPLIT,
    Fault,
    KrxServer,
    close_of,
)
from trading.bars import time_of
from trading.errors import MissingExtraError
from trading.market import krx_worker
from trading.market.krx import KrxSource
from trading.market.source import EmptyAnswerError, LoginError, SourceError

# Found, not imported: an import would try to log in.
pytestmark = pytest.mark.skipif(find_spec("pykrx") is None, reason='the extra "krx" is not installed')

HERE = Path(__file__).parent
PASSWORD = "pa55-word!"
SAMSUNG, KODEX = SHARES[0]["full_code"], FUNDS[0]["ISU_CD"]
PRICES = "MDCSTAT01701"


def environment(server: KrxServer, password: str = PASSWORD, account: str = "0ther-trader") -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(HERE / "at_standin"),
        "STANDINS": f"https://data.krx.co.kr={server.url}",
        "KRX_ID": account,
        "KRX_PW": password,
    }


def opened(server: KrxServer, password: str = PASSWORD, account: str = "0ther-trader") -> KrxSource:
    return KrxSource(environment=environment(server, password, account), pause_s=0.0)


@pytest.fixture
def server() -> Iterator[KrxServer]:
    with KrxServer() as running:
        yield running


@pytest.fixture(scope="module")
def shared_server() -> Iterator[KrxServer]:
    with KrxServer() as running:
        yield running


@pytest.fixture(scope="module")
def logged_in(shared_server: KrxServer) -> Iterator[KrxSource]:
    with opened(shared_server, account="trader") as source:
        source.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 2))
        yield source


@pytest.fixture
def faults(shared_server: KrxServer) -> Iterator[list[Fault]]:
    yield shared_server.krx.faults
    shared_server.krx.faults.clear()


def days(bars: list[object]) -> list[str]:
    return [str(datetime.fromtimestamp(bar.time // 10**9, UTC).date()) for bar in bars]  # type: ignore[attr-defined]


def children() -> list[int]:
    """Processes that this thread has started and that still run."""
    thread = threading.get_native_id()
    return [int(pid) for pid in Path(f"/proc/self/task/{thread}/children").read_text().split()]


def test_shares_come_adjusted_oldest_first_and_dated_by_session(
    logged_in: KrxSource, shared_server: KrxServer
) -> None:
    first, last = date(2021, 4, 13), date(2021, 4, 16)

    bars = logged_in.bars("035720", "1d", first, last)

    closes = [close_of(SHARES[1]["full_code"], first.replace(day=day)) for day in (13, 14, 15, 16)]
    assert first < SPLIT < last
    assert [bar.close for bar in bars] == closes
    assert bars[0] == (
        time_of(first),
        closes[0] - 50,
        closes[0] + 100,
        closes[0] - 150,
        closes[0],
        33_431_809,
    )
    assert shared_server.krx.asked[-1]["adjStkPrc"] == "2"


def test_funds_come_too_also_those_with_a_letter_in_their_code(logged_in: KrxSource) -> None:
    first, last = date(2025, 1, 2), date(2025, 1, 3)

    kodex, tiger = (logged_in.bars(code, "1d", first, last) for code in ("069500", "0000D0"))

    assert [bar.close for bar in kodex] == [close_of(KODEX, first), close_of(KODEX, last)]
    assert len(tiger) == 2


def test_a_share_that_is_no_longer_listed_is_found_not_the_rights_of_its_code(
    logged_in: KrxSource, shared_server: KrxServer
) -> None:
    logged_in.bars("030270", "1d", date(2015, 1, 5), date(2015, 1, 6))

    assert shared_server.krx.asked[-1]["isuCd"] == "KR7030270003"


def test_a_halted_session_is_a_row_as_krx_writes_it(logged_in: KrxSource) -> None:
    (bar,) = logged_in.bars("035720", "1d", HALTED, HALTED)

    assert bar == (time_of(HALTED), 0, 0, 0, close_of(SHARES[1]["full_code"], HALTED), 0)


def test_many_years_come_in_pieces_without_a_day_twice_or_lost(
    logged_in: KrxSource, shared_server: KrxServer
) -> None:
    before = len(shared_server.krx.asked)

    got = days(list(logged_in.bars("005930", "1d", date(2022, 1, 3), date(2024, 6, 28))))

    assert len(shared_server.krx.asked) - before == 2
    assert got == sorted(set(got))
    assert (got[0], got[-1], len(got)) == ("2022-01-03", "2024-06-28", 650)


@pytest.mark.parametrize("spelling", ["A005930", "005930.KS", "005930"])
def test_a_code_may_be_spelled_as_others_do(spelling: str, logged_in: KrxSource) -> None:
    assert len(logged_in.bars(spelling, "1d", date(2025, 1, 2), date(2025, 1, 3))) == 2


@pytest.mark.parametrize(
    ("symbol", "interval", "words"),
    [
        ("SAMSUNG", "1d", "no code of a share or fund. Write its six characters"),
        ("005930", "1m", 'no bars of 1m, only daily ones. Ask for "1d"'),
        ("999999", "1d", "KRX lists no share and no fund 999999. Check the code in the universe"),
    ],
)
def test_what_krx_cannot_give_is_an_error_with_its_mend(
    symbol: str, interval: str, words: str, logged_in: KrxSource
) -> None:
    with pytest.raises(SourceError) as raised:
        logged_in.bars(symbol, interval, date(2025, 1, 2), date(2025, 1, 3))  # type: ignore[arg-type]

    assert words in str(raised.value)


def test_an_empty_answer_is_an_error_never_no_trades(logged_in: KrxSource) -> None:
    with pytest.raises(EmptyAnswerError, match="005930: not one row from 2025-01-04 to 2025-01-05"):
        logged_in.bars("005930", "1d", date(2025, 1, 4), date(2025, 1, 5))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(PRICES, status=500, times=3), "HTTP 500. Try again later"),
        (Fault(PRICES, status=403), "HTTP 403. Try again later; 403 and 429 mean that too much was asked"),
        (Fault(PRICES, body="<html>점검 중</html>"), "the answer is no data, it begins with '<html>"),
        (Fault(PRICES, body=""), "the answer is no data, it is empty"),
        # What older versions of pyKRX end with when columns have other names.
        (
            Fault(PRICES, body='{"output": [{"TRD_DD": "2025/01/02", "OPEN": "1"}]}'),
            "no TDD_OPNPRC, TDD_HGPRC",
        ),
        (Fault(PRICES, body='{"block1": []}'), "KeyError: 'output'. KRX or pyKRX has changed"),
        (Fault(PRICES, body='{"output": ['), "KRX or pyKRX has changed"),
    ],
)
def test_an_answer_of_no_use_is_one_clear_error_and_the_next_symbol_goes_on(
    fault: Fault, words: str, logged_in: KrxSource, faults: list[Fault]
) -> None:
    faults.append(Fault(**vars(fault)))

    with pytest.raises(SourceError) as raised:
        logged_in.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))

    assert words in str(raised.value)
    assert "005930 from 2025-01-02 to 2025-01-03" in str(raised.value)
    assert len(logged_in.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))) == 2


def test_a_passing_failure_is_tried_again_and_each_request_is_an_event(
    logged_in: KrxSource, faults: list[Fault], caplog: pytest.LogCaptureFixture
) -> None:
    faults.append(Fault(PRICES, status=429))

    with caplog.at_level(logging.DEBUG, "trading"):
        bars = logged_in.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))

    told = [vars(record) for record in caplog.records]
    assert len(bars) == 2
    assert [(one["event_name"], one["levelname"], one["http.response.status_code"]) for one in told] == [
        ("api.requested", "WARNING", 429),
        ("api.requested", "DEBUG", 200),
    ]
    assert [one["retry.count"] for one in told] == [0, 1]
    assert told[0]["error.type"] == "rate_limit"
    assert told[0]["http.route"].endswith("getJsonData.cmd dbms/MDC/STAT/standard/MDCSTAT01701")


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(PRICES, delay_s=0.6, times=9), "timeout", "gave no answer in time"),
        (
            Fault(PRICES, body='{"output": [1, 2, 3]}', is_half=True, times=9),
            "network",
            "ChunkedEncodingError",
        ),
    ],
)
def test_a_request_without_a_whole_answer_is_tried_three_times_and_ends_in_time(
    fault: Fault, kind: str, words: str, server: KrxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    monkeypatch.setattr(krx_worker, "TIMEOUT_S", (0.2, 0.2))
    monkeypatch.setattr(krx_worker, "FIRST_WAIT_S", 0.0)
    server.krx.faults.append(fault)
    told: list[object] = []
    watch = krx_worker.Watch(requests.Session.request, told.append)

    with pytest.raises(krx_worker.FailedError, match=words) as raised:
        watch.request(
            requests.Session(),
            "POST",
            server.url + DATA,
            data={"bld": f"dbms/MDC/STAT/standard/{PRICES}"},
        )

    assert raised.value.kind == kind
    assert len(told) == krx_worker.TRIES


def test_requests_for_data_keep_their_distance(server: KrxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    watch = krx_worker.Watch(requests.Session.request, lambda _: None)
    watch.pause_s = 40.0
    server.krx.faults.append(Fault(PRICES, body="{}", times=9))

    for _ in range(2):
        watch.request(
            requests.Session(), "POST", server.url + DATA, data={"bld": f"dbms/MDC/STAT/standard/{PRICES}"}
        )

    (pause_s,) = [seconds for seconds in slept if seconds > 0]
    assert 30 < pause_s <= 40


def test_a_login_is_sent_once_whatever_comes_back(server: KrxServer) -> None:
    import requests

    server.krx.faults.append(Fault("login", status=503, times=9))
    told: list[object] = []
    watch = krx_worker.Watch(requests.Session.request, told.append)

    with pytest.raises(krx_worker.FailedError, match="HTTP 503"):
        watch.request(requests.Session(), "POST", server.url + LOGIN, data={"mbrId": "trader"})

    assert len(told) == 1


def test_only_one_collector_of_an_account_runs_at_a_time(
    logged_in: KrxSource, shared_server: KrxServer
) -> None:
    logins = len(shared_server.krx.logins)

    with (
        opened(shared_server, account="trader") as second,
        pytest.raises(SourceError, match="another collector on this machine is logged in with the same"),
    ):
        second.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))

    assert len(shared_server.krx.logins) == logins
    assert len(logged_in.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))) == 2


def test_neither_this_process_nor_the_process_table_knows_pykrx_or_the_password(logged_in: KrxSource) -> None:
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children()]

    assert any(b"krx_worker" in command for command in commands)
    assert not any(PASSWORD.encode() in command or b"trader" in command for command in commands)
    assert "pykrx" not in sys.modules


@pytest.mark.parametrize(
    ("password", "code", "fault", "words", "kind"),
    [
        # pyKRX prints a line and goes on; KRX repeats what it was given.
        ("wr0ng-word", "", None, "the login failed (CD005", LoginError),
        pytest.param(
            *(PASSWORD, "CD010", None, "the login failed (CD010 비밀번호를", LoginError),
            marks=pytest.mark.slow,
        ),
        (
            PASSWORD,
            "",
            Fault("login", body="<html></html>"),
            "the answer to the login cannot be read",
            LoginError,
        ),
        (PASSWORD, "", Fault("page", status=503, times=9), "the login: /contents/MDC", SourceError),
    ],
)
def test_a_login_that_fails_in_silence_is_one_error_and_is_not_tried_again(
    password: str,
    code: str,
    fault: Fault | None,
    words: str,
    kind: type[SourceError],
    server: KrxServer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.krx.code = code
    server.krx.faults += [Fault(**vars(fault))] if fault else []
    source = opened(server, password)
    before = children()

    with caplog.at_level(logging.DEBUG), pytest.raises(kind) as raised:
        source.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))

    assert words in str(raised.value)
    told = f"{raised.value}{caplog.text}{[vars(one) for one in caplog.records]}{''.join(capfd.readouterr())}"
    assert password not in told
    assert "0ther-trader" not in told
    assert children() == before
    if kind is LoginError:
        with pytest.raises(LoginError):
            source.bars("069500", "1d", date(2025, 1, 2), date(2025, 1, 3))
        assert len(server.krx.logins) <= 1


def test_a_session_that_ends_because_of_a_second_login_is_said_and_stays_ended(server: KrxServer) -> None:
    with opened(server) as source:
        source.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))
        server.krx.log_in_elsewhere()

        with pytest.raises(LoginError, match=r"ended the session .*LOGOUT.*let only one program use it"):
            source.bars("005930", "1d", date(2025, 1, 6), date(2025, 1, 7))
        with pytest.raises(LoginError):
            source.bars("069500", "1d", date(2025, 1, 6), date(2025, 1, 7))

    assert len(server.krx.logins) == 1


@pytest.mark.slow
def test_a_collector_that_dies_is_started_once_more_and_no_further(server: KrxServer) -> None:
    def ask(source: KrxSource) -> int:
        return len(source.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3)))

    before = children()
    with opened(server) as source:
        ask(source)
        os.kill((set(children()) - set(before)).pop(), signal.SIGKILL)
        with pytest.raises(SourceError, match="ended by itself \\(exit code -9\\)"):
            ask(source)
        assert ask(source) == 2
        source.patience_s = 0.2
        server.krx.faults.append(Fault(PRICES, delay_s=2))
        with pytest.raises(SourceError, match=r"was silent for 0\.2 s and was ended"):
            ask(source)
        assert children() == before
        # What stopped it the second time; it is not started a third time.
        with pytest.raises(
            SourceError, match=r"005930 from 2025-01-02 to 2025-01-03: the collector was silent"
        ):
            ask(source)

    # The second login finds the first one's session, and takes it over.
    assert [form.get("skipDup") for form in server.krx.logins] == [None, None, "Y"]


@pytest.mark.slow
def test_a_list_of_codes_that_failed_is_asked_for_again(server: KrxServer) -> None:
    server.krx.faults.append(Fault("finder_stkisu", status=404))

    with opened(server) as source:
        with pytest.raises(SourceError, match="HTTP 404"):
            source.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))

        assert len(source.bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))) == 2


@pytest.mark.parametrize("name", ["KRX_ID", "KRX_PW"])
def test_without_an_account_nothing_is_started(name: str, server: KrxServer) -> None:
    without = {key: value for key, value in environment(server).items() if key != name}
    before = children()

    with pytest.raises(LoginError, match=f"the variable {name} is not set"):
        KrxSource(environment=without).bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))

    assert children() == before


def test_without_pykrx_the_extra_is_named(server: KrxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pykrx", None)

    with pytest.raises(MissingExtraError, match=r"trading-core\[krx\]"):
        opened(server).bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))


def test_a_pykrx_from_before_the_login_is_refused_with_the_reason(
    server: KrxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pykrx-1.0.51.dist-info").mkdir()
    (tmp_path / "pykrx-1.0.51.dist-info" / "METADATA").write_text("Name: pykrx\nVersion: 1.0.51\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(SourceError, match=r'1\.0\.51 is older than KRX\'s login.*"pandas<3"'):
        opened(server).bars("005930", "1d", date(2025, 1, 2), date(2025, 1, 3))
