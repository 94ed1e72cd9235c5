"""`trading notify`: try the channels, see what became of messages, send what waits."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from trading.logs import BotLog
from trading.notify.message import Message, Outcome
from trading.notify.outbox import FILE, Entry, Outbox
from trading.settings import TradingSettings, load_settings

__all__ = ["configure", "run"]

_MENDS = {
    "auth": "Look at the token, webhook or password in the secret file; was the bot blocked?",
    "invalid": "Look at the recipient in the secret file (Telegram: write to the bot first).",
}
"""What to do about a refusal, by its `error.type`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: trading.toml)")
    what = parser.add_subparsers(dest="what", required=True)
    test = what.add_parser("test", help="send a test message by one channel, or by each")
    test.add_argument("channel", nargs="?", help="its name in the secret file; all when left out")
    chats = what.add_parser("chats", help="who wrote to a Telegram bot, with the ids that `chat:` wants")
    chats.add_argument("channel", nargs="?", default="telegram", help="its name in the secret file")
    status = what.add_parser("status", help="what waits, and what became of the last messages")
    status.add_argument("-n", type=int, default=10, metavar="COUNT", help="how many of the last (default 10)")
    what.add_parser("flush", help="send what waits and is due (after quiet hours, after a failure)")
    again = what.add_parser("again", help="send a message once more")
    again.add_argument("key", help="its key, as `notify status` shows it")


def run(options: argparse.Namespace) -> int:
    """Run it; 0: all well, 1: a message did not arrive, or nobody knows."""
    settings = load_settings(options.config)
    if options.what == "status":
        return _status(settings, options.n)
    if options.what == "chats":
        return _chats(settings, options.channel)
    from trading.notify.notifier import open_notifier

    notifier = open_notifier(settings, log=BotLog("notify", "none"))
    try:
        if options.what == "flush":
            outcomes = notifier.flush()
            _say("Nothing waits that is due." if not outcomes else f"{len(outcomes)} taken up.")
        elif options.what == "again":
            outcomes = [notifier.again(options.key)]
        else:
            names = [options.channel] if options.channel else list(notifier.channels)
            language = settings.notify.language
            outcomes = [
                notifier.send(_test(name, settings, language), channels=[name], hold=False) for name in names
            ]
        for outcome in outcomes:
            _say(_told(outcome, settings))
    finally:
        notifier.close()
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _test(name: str, settings: TradingSettings, language: str) -> Message:
    now = time.time_ns()
    at = _clock(now, settings)
    if language == "ko":
        title, text = "🔔 시험 메시지", f"채널 `{name}` 이(가) 작동합니다.\n   • 보낸 시각: {at}"
        hint = "이 메시지가 보이면 설정이 끝났습니다."
    else:
        title, text = "🔔 Test message", f"The channel `{name}` works.\n   • Sent at: {at}"
        hint = "If you read this, the set-up is done."
    body = f"*{title}*\n\n{text}\n\n{hint}"
    return Message(
        kind="test",
        key=f"test:{name}:{now}",
        title=title,
        body=body,
        short=f"{title}: {name}, {at}",
        language="ko" if language == "ko" else "en",
    )


def _chats(settings: TradingSettings, name: str) -> int:
    from trading.notify.posting import chats_of
    from trading.notify.secret import read_secrets

    found = chats_of(read_secrets(settings.notify.secret), name, timeout_s=settings.notify.timeout_s)
    for number, who in found.items():
        _say(f"{number}  {who}")
    if not found:
        _say("Nobody wrote to the bot of late. Write a word to it (or in its group) and ask again.")
    return 0 if found else 1


def _status(settings: TradingSettings, count: int) -> int:
    if not (settings.paths.store / FILE).is_file():
        _say("No message was ever sent from here.")
        return 0
    outbox = Outbox(settings.paths.store)
    try:
        waiting, latest = outbox.entries("queued", "sending"), outbox.latest(count)
    finally:
        outbox.close()
    _say(f"{len(waiting)} waiting, {outbox.path}")
    for entry in latest:
        _say(_line(entry, settings))
    return 1 if any(entry.state in ("failed", "unknown") for entry in latest) else 0


def _line(entry: Entry, settings: TradingSettings) -> str:
    state: str = entry.state
    if state == "queued":
        state = f"queued ({entry.reason or 'now'}, due {_clock(entry.due_ns, settings)})"
    about = f" [{entry.detail}]" if entry.detail else ""
    by = f" by {entry.channel}" if entry.channel else ""
    at, message = _clock(entry.made_ns, settings), entry.message
    return f"{at}  {state}{by}  {message.title}  key {message.key}{about}"


def _told(outcome: Outcome, settings: TradingSettings) -> str:
    name, due = outcome.channel or "it", _clock(outcome.due_ns, settings)
    words = {
        "sent": f"{name}: sent",
        "folded": "went out in a digest",
        "sending": f"{name}: is being sent",
        "queued": f"{name}: waits ({outcome.reason}) until {due}",
        "failed": f"{name}: NOT sent",
        "unknown": f"{name}: not known whether it arrived; it is not sent again by itself",
    }[outcome.state]
    why = outcome.detail.removeprefix(f"{name}: ")
    mend = _MENDS.get(outcome.error_type, "") if outcome.state in ("failed", "sent") else ""
    return f"{words}{f': {why}' if why else ''}.{f' {mend}' if mend else ''}"


def _clock(at_ns: int, settings: TradingSettings) -> str:
    moment = datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).astimezone(ZoneInfo(settings.notify.zone))
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
