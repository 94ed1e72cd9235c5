"""What the daily run does when it cannot do its work: what it says, to whom, and how it goes on."""

from __future__ import annotations

from datetime import date

import pytest

from tests.trading.daily.conftest import Run
from tests.trading.daily.stage import Phone, Stage, event, store_of
from trading.bars import Bar, time_of
from trading.market.files import FileSource
from trading.market.source import LoginError
from trading.sessions import SessionsError
from trading.store.database import StoreError
from trading.store.locks import locked

CLOSED = "2025-01-10T15:40+09:00"
DAY = date(2025, 1, 10)


def test_data_that_are_not_there_yet_are_waited_for(
    stage: Stage, run: Run, heard: Phone, history: dict[str, list[Bar]]
) -> None:
    stage.put(history, until=date(2025, 1, 9))

    early, late, later = run(CLOSED), run("2025-01-10T17:40+09:00"), run("2025-01-10T18:40+09:00")

    assert [early.code, late.code, later.code] == [75, 75, 75]
    assert "0 of 5 symbols have a bar" in early.text
    assert "the newest bar is of 2025-01-09. The source has not published the session yet." in early.text
    assert early.text.endswith("Tried again at the next call.")
    # Two hours after the close the operator is told, once.
    assert [title.partition(":")[0] for title in heard.titles()] == ["❌ 오류 알림"]
    assert "ERROR" in {record.levelname for record in early.records if event(record) == "data.collected"}

    stage.put(history)
    done = run("2025-01-10T19:40+09:00")

    assert done.code == 0, done.text
    assert "going on after 2 of 10 steps (attempt 4)" in done.text
    assert heard.titles()[1:] == ["[장마감] 매매 신호 알림 2025-01-10", "🔄 리밸런싱 안내 2025-01-10"]


def test_a_symbol_without_a_bar_is_named_and_the_others_go_on(
    stage: Stage, run: Run, heard: Phone, history: dict[str, list[Bar]]
) -> None:
    stage.put({**history, "005930": history["005930"][:-1]})

    ran = run(CLOSED)

    assert ran.code == 0, ran.text
    assert "1 without a bar" in ran.text
    assert "시세 없음: 005930" in heard.messages[0]["message"]
    with store_of(stage) as store:
        assert "005930" not in {row["symbol"] for row in store.signals.signals(DAY)}


def test_fewer_symbols_than_wanted_count_as_not_yet_published(
    stage: Stage, run: Run, history: dict[str, list[Bar]]
) -> None:
    symbols = list(history)
    stage.put({symbol: history[symbol][: -1 if symbol in symbols[:3] else None] for symbol in symbols})

    assert run(CLOSED).code == 75

    stage.set("daily", least_share=0.4)
    assert run(CLOSED).code == 0


def test_a_session_of_which_no_bar_will_come_is_skipped_and_said(
    stage: Stage, run: Run, heard: Phone, history: dict[str, list[Bar]]
) -> None:
    run("2025-01-08T15:40+09:00")
    hole = time_of(date(2025, 1, 9))
    stage.put({symbol: [bar for bar in bars if bar.time != hole] for symbol, bars in history.items()})

    ran = run(CLOSED)

    assert ran.code == 0, ran.text
    assert "Skipped: 2025-01-09: not one bar, though there are later ones." in ran.text
    daily = next(each["message"] for each in heard.messages if each["title"].endswith("알림 2025-01-10"))
    assert "2025-01-09: not one bar" in daily
    assert "누락 후 처리" not in daily
    with store_of(stage) as store:
        assert [row["session"] for row in store.ledger.performance()] == ["2025-01-08", "2025-01-10"]
        run_row = store.journal.run(date(2025, 1, 9))
        assert run_row is not None
        assert run_row["status"] == "skipped"
    assert run("2025-01-10T17:00+09:00").lines[-1].startswith("2025-01-10 is done")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("empty", "the universe is empty, nothing could be traded"),
        ("params", "best_params.json: no JSON"),
        ("login", "KRX did not let us in"),
        ("bars", "none of 5 instruments has usable bars"),
    ],
)
def test_a_step_that_fails_is_told_once_and_gone_on_with_when_it_is_mended(
    harm: str,
    said: str,
    stage: Stage,
    run: Run,
    heard: Phone,
    monkeypatch: pytest.MonkeyPatch,
    history: dict[str, list[Bar]],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise LoginError("KRX did not let us in. Check KRX_ID and KRX_PW.")

    universe = (stage.folder / "universe.toml").read_text("utf-8")
    params = (stage.folder / "best_params.json").read_text()
    with monkeypatch.context() as patched:
        if harm == "empty":
            (stage.folder / "universe.toml").write_text('name = "none"')
        if harm == "params":
            (stage.folder / "best_params.json").write_text("{")
        if harm == "login":
            patched.setattr(FileSource, "bars", refuse)
        if harm == "bars":
            stage.put({symbol: [] for symbol in history})
        first, second = run(CLOSED), run("2025-01-10T15:55+09:00")

    assert (first.code, second.code) == (1, 1)
    assert said in first.text
    assert "The operator was told before (sent)." in second.text
    assert len(heard.messages) == 1
    assert said in heard.messages[0]["message"]
    assert [record.levelname for record in first.records if record.name == "trading.daily"] == ["ERROR"]
    with store_of(stage) as store:
        assert store.ledger.performance() == []

    (stage.folder / "universe.toml").write_text(universe, "utf-8")
    (stage.folder / "best_params.json").write_text(params)
    stage.put(history)
    assert run("2025-01-10T16:10+09:00").code == 0


def test_an_error_whose_words_change_only_in_numbers_is_told_once(
    stage: Stage, run: Run, heard: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"no answer from <connection at {hex(id(object()))}> after {next(tries)} s")

    tries = iter(range(10, 100))
    monkeypatch.setattr(FileSource, "bars", fail)

    first, second = run(CLOSED), run("2025-01-10T15:55+09:00")

    assert "Failed: step 3, signals of 2025-01-10: RuntimeError: no answer from" in first.text
    assert "The operator was told before (sent)." in second.text
    assert len(heard.messages) == 1


def test_a_phone_that_is_not_reached_costs_the_message_and_not_the_account(stage: Stage, run: Run) -> None:
    stage.connect(9)
    stage.set("notify", tries=1)

    ran = run(CLOSED)

    assert ran.code == 1
    assert "The daily message is " in ran.text
    with store_of(stage) as store:
        assert len(store.ledger.performance()) == 1
        assert store.journal.runs()[0]["status"] == "done"


def test_without_any_channel_the_run_is_done_and_says_so(stage: Stage, run: Run) -> None:
    (stage.folder / "secret" / "config.yaml").unlink()

    ran = run(CLOSED)

    assert ran.code == 0
    assert f"nobody to tell: {stage.folder / 'secret' / 'config.yaml'} is not there" in ran.text


def test_a_message_that_could_not_be_begun_is_not_sent_a_day_late_but_named(
    stage: Stage, run: Run, heard: Phone
) -> None:
    secret = stage.folder / "secret" / "config.yaml"
    secret.chmod(0o644)
    failed = run("2025-01-09T15:40+09:00")
    secret.chmod(0o600)

    ran = run(CLOSED)

    assert failed.code == 1
    assert "Failed: step 9, notification of 2025-01-09" in failed.text
    assert "others may read it (mode 644)" in failed.text
    assert ran.code == 0, ran.text
    assert heard.titles() == ["[장마감] 매매 신호 알림 2025-01-10", "🔄 리밸런싱 안내 2025-01-10"]
    assert "2025-01-09" in heard.messages[0]["message"]


def test_a_store_that_cannot_be_used_is_told_too(stage: Stage, run: Run, heard: Phone) -> None:
    stage.store.mkdir(parents=True)
    (stage.store / "performance.db").write_text("no database" * 100)

    with pytest.raises(StoreError, match=r"performance\.db: file is not a database"):
        run(CLOSED)

    assert heard.titles() == ["❌ 오류 알림: store"]
    assert "trading store restore" in heard.messages[0]["message"]


def test_a_calendar_that_cannot_be_used_is_told_too(stage: Stage, run: Run, heard: Phone) -> None:
    stage.set("market", overrides="own.toml")
    (stage.folder / "own.toml").write_text("holidays = 1")

    with pytest.raises(SessionsError, match=r"own\.toml"):
        run(CLOSED)

    assert heard.titles() == ["❌ 오류 알림: calendar"]


def test_after_sessions_that_were_left_out_nothing_is_bought_at_a_later_open(stage: Stage, run: Run) -> None:
    run("2025-01-03T15:40+09:00")
    stage.set("daily", catch_up=1)

    ran = run(CLOSED)

    assert ran.code == 0, ran.text
    assert "Left out: 4 sessions from 2025-01-06 to 2025-01-09 ([daily] catch_up = 1)." in ran.lines
    with store_of(stage) as store:
        assert store.signals.actions(date(2025, 1, 3))
        assert store.ledger.fills() == []


def test_two_runs_do_not_work_at_once(stage: Stage, run: Run) -> None:
    with locked(stage.store / "daily.lock", "a daily run"):
        ran = run(CLOSED)

    assert ran.code == 75
    assert ran.lines == [ran.lines[0]]
    assert "a daily run is at work already (process " in ran.text


def test_the_command_names_what_is_wrong_with_its_options(stage: Stage) -> None:
    for options, said in (
        (("--as-of", "2025-01-01"), "2025-01-01 is no session of XKRX"),
        (("--as-of", "1/2/2025"), "is no day: write it as 2026-11-20"),
    ):
        done = stage.run(*options, now=CLOSED)
        assert done.returncode == 2
        assert said in done.stderr
