"""The outbox: each key once, also over a kill; what waits, waits for its hour and comes as one."""

from __future__ import annotations

import logging
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.notify.conftest import START_NS, Desk, message, told
from tests.trading.notify.standins import Standin
from trading.errors import TradingError
from trading.notify.message import Message
from trading.notify.notifier import Rules
from trading.notify.outbox import Outbox, OutboxError
from trading.notify.pacing import HOUR_NS, QuietHours, backoff_s, cap_until, read_quiet_hours

MakeDesk = Callable[..., Desk]
Records = list[logging.LogRecord]

SEOUL = ZoneInfo("Asia/Seoul")
NIGHT = read_quiet_hours("22:30-07:00", SEOUL)


def test_a_key_is_sent_once(telegram: Standin, desk: MakeDesk) -> None:
    one = desk("telegram")

    first = one.open().send(message())
    second = one.open().send(message(body="*other words*"))

    assert (first.duplicate, second.state, second.duplicate, second.ok) == (False, "sent", True, True)
    assert len(telegram.requests) == 1


def test_a_key_can_be_sent_again_on_purpose(telegram: Standin, desk: MakeDesk) -> None:
    notifier = desk("telegram").open()
    notifier.send(message())

    assert notifier.again("daily:2026-11-20").ok
    assert notifier.send(message()).duplicate
    assert len(telegram.accepted) == 2


def test_what_failed_for_good_may_be_sent_again(telegram: Standin, desk: MakeDesk) -> None:
    telegram.faults = ["401"]
    notifier = desk("telegram").open()

    assert notifier.send(message()).state == "failed"
    assert notifier.send(message()).state == "sent"


def test_a_page_that_arrived_is_not_sent_again_with_the_rest(telegram: Standin, desk: MakeDesk) -> None:
    one = desk("telegram")
    one.rules = Rules(pause_s=0, tries=1)
    notifier = one.open()
    body = "\n\n".join(["*title*", *[f"{number}. {'word ' * 300}" for number in range(1, 7)]])
    telegram.faults = ["", "500"]

    outcome = notifier.send(message(body=body))
    one.now_ns = outcome.due_ns
    notifier.flush()

    numbers = [page.partition("\n")[0] for page in telegram.accepted]
    assert numbers == [f"title ({number}/{len(numbers)})" for number in range(1, len(numbers) + 1)]


def test_the_outbox_is_the_owners_alone(desk: MakeDesk, telegram: Standin, tmp_path: Path) -> None:
    desk("telegram").open()

    assert stat.S_IMODE((tmp_path / "notifications.db").stat().st_mode) == 0o600


KILLED = """
import sys
from pathlib import Path
from apprise.plugins.telegram import NotifyTelegram
NotifyTelegram.notify_url = sys.argv[2] + "/bot"
from trading.logs import BotLog
from trading.notify.message import Message
from trading.notify.notifier import Notifier, Rules
from trading.notify.outbox import Outbox
from trading.notify.posting import posts_of
from trading.notify.secret import read_secrets
folder = Path(sys.argv[1])
secrets = read_secrets(folder / "config.yaml")
posts = posts_of(secrets, timeout_s=30)
notifier = Notifier(Outbox(folder), posts, log=BotLog("a", "b"), now=lambda: 1795183200 * 10**9)
notifier.send(Message(kind="daily", key="daily:2026-11-20", title="t", body="b"))
"""


def test_a_kill_while_the_answer_is_awaited_leaves_unknown_told_and_not_repeated(
    telegram: Standin, desk: MakeDesk, records: Records, tmp_path: Path
) -> None:
    one = desk("telegram")
    telegram.faults = ["hang"]
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), telegram.url])
    end = time.monotonic() + 20
    while not telegram.requests and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    outcome = one.open().send(message())

    assert (outcome.state, outcome.duplicate, outcome.ok) == ("unknown", True, False)
    assert told(records, "notification.failed") == [("telegram", None)]
    assert len(telegram.requests) == 1
    assert one.open().flush() == []
    assert len(told(records, "notification.failed")) == 1, "told once, not at every start"
    assert one.open().again("daily:2026-11-20").state == "sent"


def test_an_error_caught_in_a_kill_goes_out_by_the_next_channel(
    telegram: Standin, slack: Standin, desk: MakeDesk, records: Records, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path)
    number = outbox.add(message(severity="error"), ["telegram", "slack"], START_NS)
    outbox.settle(number, "sending", START_NS)
    outbox.lay_out(number, "telegram", 1, ["page"], START_NS)
    outbox.mark(number, "telegram", outbox.pages(number, "telegram")[0], "sending", START_NS)
    outbox.close()

    outcomes = desk("telegram", "slack").open().flush()

    assert [(outcome.state, outcome.channel) for outcome in outcomes] == [("sent", "slack")]
    assert (len(telegram.requests), len(slack.accepted)) == (0, 1)
    assert told(records, "notification.failed") == [("telegram", None)]


def test_what_was_written_down_but_never_handed_over_goes_out_after_a_kill(
    telegram: Standin, desk: MakeDesk, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(message(), ["telegram"], START_NS)
    outbox.close()

    outcome = desk("telegram").open().send(message())

    assert (outcome.state, outcome.duplicate, len(telegram.accepted)) == ("sent", True, 1)


def test_what_was_taken_up_but_never_handed_over_goes_out_after_a_kill(
    telegram: Standin, desk: MakeDesk, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path)
    outbox.settle(outbox.add(message(), ["telegram"], START_NS), "sending", START_NS)
    outbox.close()

    assert [outcome.state for outcome in desk("telegram").open().flush()] == ["sent"]
    assert len(telegram.accepted) == 1


def test_of_very_many_held_messages_the_digest_tells_the_titles(telegram: Standin, desk: MakeDesk) -> None:
    one = desk("telegram")
    one.rules = Rules(quiet=NIGHT, zone=SEOUL, pause_s=0)
    notifier = one.open()
    held = [notifier.send(message(f"news {number}")) for number in range(11)]

    one.now_ns = held[0].due_ns
    notifier.flush()

    assert telegram.accepted == ["📦 11 messages held back\n" + "\n🕒 11-20 23:00 매매 신호" * 11]


def test_only_one_process_sends_at_a_time(desk: MakeDesk, telegram: Standin, tmp_path: Path) -> None:
    other = Outbox(tmp_path, patience_s=0.1)
    with (
        Outbox(tmp_path).turn(),
        pytest.raises(OutboxError, match="another process is sending"),
        other.turn(),
    ):
        pass


def test_a_broken_outbox_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "notifications.db").write_bytes(b"no database at all" * 100)

    with pytest.raises(OutboxError, match=r"notifications\.db: no outbox"):
        Outbox(tmp_path)


def test_quiet_hours_hold_small_news_and_let_errors_through(telegram: Standin, desk: MakeDesk) -> None:
    one = desk("telegram")
    one.rules = Rules(quiet=NIGHT, zone=SEOUL, pause_s=0)
    notifier = one.open()

    held = notifier.send(message("a"))
    through = notifier.send(message("b", severity="error"))

    assert (held.state, held.reason, held.ok) == ("queued", "quiet", True)
    assert datetime.fromtimestamp(held.due_ns / 1e9, SEOUL).strftime("%m-%d %H:%M") == "11-21 07:00"
    assert (through.state, len(telegram.accepted)) == ("sent", 1)


def test_what_was_held_comes_as_one_digest(telegram: Standin, desk: MakeDesk) -> None:
    one = desk("telegram")
    one.rules = Rules(quiet=NIGHT, zone=SEOUL, pause_s=0)
    notifier = one.open()
    held = [notifier.send(message(key, body=f"*news {key}*\n\nbody {key}", language="ko")) for key in "abc"]

    assert notifier.flush() == []
    one.now_ns = held[0].due_ns
    outcomes = notifier.flush()

    assert [outcome.state for outcome in outcomes] == ["sent"]
    (shown,) = telegram.accepted
    assert shown.startswith("📦 보류된 알림 3건\n\n🕒 11-20 23:00 매매 신호\n\nnews a\n\nbody a\n\n🕒 ")
    assert notifier.send(message("a")) == outcomes[0]._replace(state="folded", channel="", duplicate=True)


def test_what_goes_by_other_channels_comes_in_a_digest_of_its_own(
    telegram: Standin, slack: Standin, desk: MakeDesk
) -> None:
    one = desk("telegram", "slack")
    one.rules = Rules(quiet=NIGHT, zone=SEOUL, pause_s=0)
    notifier = one.open()
    for key in "abcd":
        held = notifier.send(message(key), channels=["slack"] if key in "ab" else ["telegram"])

    one.now_ns = held.due_ns
    notifier.flush()

    assert (len(telegram.accepted), len(slack.accepted)) == (1, 1)


def test_a_retry_of_small_news_waits_for_the_morning_too(telegram: Standin, desk: MakeDesk) -> None:
    one = desk("telegram")
    one.rules = Rules(quiet=read_quiet_hours("23:01-07:00", SEOUL), zone=SEOUL, pause_s=0, tries=1)
    notifier = one.open()
    telegram.faults = ["500", "500"]
    notifier.send(message("small"))
    error = notifier.send(message("error", severity="error"))

    one.now_ns = error.due_ns
    night = notifier.flush()
    one.now_ns += 9 * HOUR_NS
    morning = notifier.flush()

    assert [outcome.state for outcome in night] == [outcome.state for outcome in morning] == ["sent"]
    assert len(telegram.accepted) == 2


def test_a_flood_is_capped_and_errors_keep_their_share(telegram: Standin, desk: MakeDesk) -> None:
    one = desk("telegram")
    one.rules = Rules(per_hour=5, pause_s=0)
    notifier = one.open()

    small = [notifier.send(message(f"small{number}")).reason for number in range(8)]
    errors = [notifier.send(message(f"error{number}", severity="error")).reason for number in range(3)]
    one.now_ns += HOUR_NS + 1
    outcomes = notifier.flush()

    assert small == ["", "", "", "", "cap", "cap", "cap", "cap"]
    assert errors == ["", "cap", "cap"]
    assert [outcome.state for outcome in outcomes] == ["sent"]
    assert telegram.accepted[-1].startswith("📦 6 messages held back")


def test_an_unknown_channel_is_told_with_those_there_are(desk: MakeDesk) -> None:
    with pytest.raises(
        TradingError, match=r'No channel is called "pager"\. The secret file has: telegram, slack'
    ):
        desk("telegram", "slack").open().send(message(), channels=["pager"])


DAYS = st.integers(0, 4000).map(lambda days: START_NS + days * 24 * HOUR_NS)


@given(
    st.integers(0, 2**32), st.times(), st.times(), st.sampled_from(["Asia/Seoul", "America/New_York", "UTC"])
)
def test_after_the_end_of_quiet_hours_it_is_no_longer_quiet(seconds: int, begin, end, zone: str) -> None:  # type: ignore[no-untyped-def]
    hours = QuietHours(
        begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0), ZoneInfo(zone)
    )
    if hours.begin == hours.end:
        return
    now = (START_NS // 10**9 + seconds) * 10**9

    until = hours.until(now)

    clock = datetime.fromtimestamp(now // 10**9, UTC).astimezone(ZoneInfo(zone)).time()
    inside = (
        hours.begin <= clock < hours.end
        if hours.begin < hours.end
        else clock >= hours.begin or clock < hours.end
    )
    assert (until is not None) == inside
    if until is not None:
        assert now < until <= now + 26 * HOUR_NS


@pytest.mark.parametrize("text", ["23-7", "24:00-07:00", "07:00-07:00", "night"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(TradingError, match="23:00-07:00"):
        read_quiet_hours(text, SEOUL)


def test_a_cap_opens_when_its_oldest_message_is_an_hour_old() -> None:
    sent = [10, 20, 30, 40, 50]

    assert cap_until(sent, 60, 5, "error") == 10 + HOUR_NS
    assert cap_until(sent, 60, 5, "info") == 20 + HOUR_NS
    assert cap_until(sent, 60, 6, "error") is None
    assert cap_until(sent, 45 + HOUR_NS, 2, "error") is None


def test_waits_double_up_to_half_a_minute_but_never_undercut_what_was_asked() -> None:
    assert [backoff_s(tries, None) for tries in (1, 2, 3, 9)] == [1, 2, 4, 30]
    assert backoff_s(1, 12.5) == 12.5


AT_STATEMENT = """
import os, signal, sys
from pathlib import Path
from trading.logs import BotLog
from trading.notify.channels import Receipt, TELEGRAM
from trading.notify.message import Message
from trading.notify.notifier import Notifier, Rules
from trading.notify.outbox import Outbox

folder, last = Path(sys.argv[1]), int(sys.argv[2])

class Paper:
    name, form, recipients = "paper", TELEGRAM._replace(limit=200), 1
    def deliver(self, recipient, title, page):
        with (folder / "arrived.txt").open("a") as file:
            file.write(page.split(chr(10))[0] + chr(10))
        return Receipt("taken")

outbox = Outbox(folder)
count = 0
def killed(statement):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
outbox._database.set_trace_callback(killed)
clock = lambda: 1795183200 * 10**9
notifier = Notifier(outbox, {"paper": Paper()}, log=BotLog("a", "b"), now=clock, rules=Rules(pause_s=0))
body = "*t*" + "".join(f"{chr(10)*2}{number} {'word ' * 25}" for number in range(3))
outcome = notifier.send(Message(kind="daily", key="k", title="t", body=body))
print(outcome.state)
"""


@pytest.mark.slow
def test_a_kill_at_any_statement_loses_nothing_silently_and_repeats_no_page(tmp_path: Path) -> None:
    states = set[str]()
    for last in range(1, 200):
        folder = tmp_path / str(last)
        folder.mkdir()
        command = [sys.executable, "-c", AT_STATEMENT, str(folder)]
        killed = subprocess.run([*command, str(last)], capture_output=True, text=True)
        if killed.returncode == 0:
            break

        again = subprocess.run([*command, "0"], capture_output=True, text=True, check=True)

        state = again.stdout.strip()
        arrived = (folder / "arrived.txt").read_text().split("\n")[:-1]
        assert len(arrived) == len(set(arrived)), last
        assert state == "unknown" or arrived == ["*t* \\(1/3\\)", "*t* \\(2/3\\)", "*t* \\(3/3\\)"], last
        states.add(state)
    assert killed.returncode == 0
    assert last > 20
    assert states == {"sent", "unknown"}


def test_two_processes_with_one_key_send_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", AT_STATEMENT, str(tmp_path), "0"]

    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    assert [process.communicate(timeout=20)[0].strip() for process in both] == ["sent", "sent"]
    assert len((tmp_path / "arrived.txt").read_text().split()) == 2 * 3


def test_a_full_disk_is_told_by_the_outboxs_name(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox._database.execute("PRAGMA max_page_count = 1")

    with pytest.raises(OutboxError, match="cannot be written"), outbox.turn():
        outbox.add(message(body="x" * 100_000), ["telegram"], START_NS)


def test_a_message_of_nothing_but_a_title_shows_its_title(telegram: Standin, desk: MakeDesk) -> None:
    notifier = desk("telegram").open()

    outcome = notifier.send(Message(kind="alert", key="\ud800", title="feed\nstopped \udc00*", body=" "))

    assert (outcome.state, telegram.accepted) == ("sent", ["feed stopped ?*"])
