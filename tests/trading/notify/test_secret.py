"""The secret file: refused when others may read it; no value is ever said, also when deliveries fail."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.conftest import collected
from tests.trading.notify.conftest import Desk, message, secret_file
from tests.trading.notify.standins import NEEDLES, PASSWORD, SMS_TOKEN, TOKEN, Standin
from trading.__main__ import main
from trading.notify.posting import posts_of
from trading.notify.secret import SecretError, read_secrets, struck_out

MakeDesk = Callable[..., Desk]


def refusal(path: Path, environment: dict[str, str] | None = None) -> str:
    """Return the error's text; with its whole trace it must hold no needle."""
    with pytest.raises(SecretError) as caught:
        posts_of(read_secrets(path, environment))
    everything = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not [needle for needle in NEEDLES if needle in everything]
    return str(caught.value)


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused_with_the_mend(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, "telegram")
    path.chmod(mode)

    assert refusal(path) == f"{path}: others may read it (mode {mode:o}). chmod 600 {path}"


def test_a_file_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    assert "no such file. Write one as docs/trading.md shows, then: chmod 600" in refusal(
        tmp_path / "config.yaml"
    )


def test_values_may_come_from_the_environment(tmp_path: Path) -> None:
    path = written(
        tmp_path, 'channels: {telegram: {token: "${TG}", chat: "${CHAT}"}, x: {type: apprise, url: "a$${b}"}}'
    )

    secrets = read_secrets(path, {"TG": TOKEN, "CHAT": "5"})

    assert secrets.channels["telegram"].token == TOKEN  # type: ignore[union-attr]
    assert secrets.channels["x"].url == "a${b}"  # type: ignore[union-attr]
    assert TOKEN in secrets.values
    assert TOKEN not in repr(secrets) + repr(secrets.channels)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "channels: {telegram: {token: '${TG}', chat: 1}}",
            "channels.telegram.token: ${TG} is not set. export TG=",
        ),
        (f"channels:\n  telegram:\n\ttoken: {TOKEN}", "line 3, column 1: no YAML."),
        (f"channels:\n  telegram: {{token: {TOKEN}: x: y}}", "no YAML."),
        (f"channels: {{telegram: {TOKEN!r}}}", "channels.telegram has no entries."),
        (f"telegram: {{token: '{TOKEN}'}}", "no channels. Write at least one under `channels:`"),
        (
            f"channels: {{pager: {{token: '{TOKEN}'}}}}",
            "channels.pager.type: unknown. Write one of telegram, ",
        ),
        (f"channels: {{telegram: {{tokn: '{TOKEN}', chat: 1}}}}", "Object contains unknown field `tokn`"),
        (f"channels: {{telegram: {{token: '{TOKEN}'}}}}", "Object missing required field `chat`"),
        ("channels: {email: {host: h, to: a@b.c, from: a@b.c, security: no}}", "channels.email.security: "),
        (
            f"channels: {{telegram: {{token: '{TOKEN[10:]}', chat: 1}}}}",
            "channels.telegram: an entry does not look",
        ),
        (
            f"channels: {{email: {{host: h, to: a@b.c, from: a@b.c, security: '{PASSWORD}'}}}}",
            "channels.email.security: Invalid enum value '***'.",
        ),
        (
            "channels: {slack: {webhook: 'https://example.org/x'}}",
            "channels.slack.webhook: no webhook of Slack's",
        ),
        ("channels: {apprise: {url: 'nosuch://needle/needle'}}", "channels.apprise: an entry does not look"),
    ],
)
def test_a_wrong_file_is_told_by_place_and_never_by_value(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in refusal(written(tmp_path, text), {})


@given(
    st.text(st.characters(codec="utf-8"), min_size=6, max_size=40), st.text(max_size=20), st.text(max_size=20)
)
def test_a_secret_is_struck_out_wherever_it_stands(secret: str, before: str, after: str) -> None:
    from urllib.parse import quote

    told = struck_out(f"{before}{secret} {quote(secret, safe='')}{after}", (secret,))

    assert secret not in told.replace(before, "").replace(after, "") or secret in "***"


def test_the_file_that_the_guide_shows_makes_every_channel(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "trading.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(channels:\n  telegram:\n.*?)```", guide, re.S)
    environment = {
        "TELEGRAM_TOKEN": TOKEN,
        "MAIL_PASSWORD": PASSWORD,
        "TWILIO_TOKEN": SMS_TOKEN,
        "DISCORD_URL": "discord://012345678901234567/abcdefghijklmnopqrstuvwxyz0123456789",
    }

    posts = posts_of(read_secrets(written(tmp_path, shown), environment))

    assert {name: post.recipients for name, post in posts.items()} == {
        "telegram": 2,
        "team": 1,
        "mail": 2,
        "sms": 1,
        "discord": 1,
    }


def test_ordinary_words_of_an_address_are_not_struck_out(tmp_path: Path) -> None:
    values = read_secrets(secret_file(tmp_path, "slack", "telegram", "sms")).values

    assert struck_out("the services of hooks.slack.com at 12345678", values) == (
        "the services of hooks.slack.com at 12345678"
    )


FAULTS = ["401", "400", "429:900", "500", "hang", "reset", "half"]


@pytest.mark.parametrize("fault", FAULTS)
def test_no_token_is_found_anywhere_after_a_failure(
    fault: str,
    telegram: Standin,
    slack: Standin,
    twilio: Standin,
    desk: MakeDesk,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for standin in (telegram, slack, twilio):
        standin.faults = [fault] * 3
    login = f'user: a, password: "{PASSWORD}"'
    mail = f"{{type: email, host: 127.0.0.1, port: 9, from: a@example.org, to: b@example.org, {login}}}"
    loud = logging.StreamHandler(sys.stderr)
    for name in ("", "apprise", "urllib3", "urllib3.connectionpool"):
        logging.getLogger(name).addHandler(loud)
    try:
        with collected() as records:
            notifier = desk("telegram", "slack", "sms", mail=mail).open()
            # The text itself may carry a token: an error of another part that quotes an address.
            for name in ("telegram", "slack", "sms", "mail"):
                quoting = f"GET https://api.telegram.org/bot{TOKEN}/getMe failed"
                outcome = notifier.send(message(name, body=quoting, short=quoting), channels=[name])
                assert not outcome.ok
                shown = f"{outcome!r} {notifier!r} {notifier.channels!r}"
                records.append(logging.makeLogRecord({"name": "test", "msg": shown}))
    finally:
        for name in ("", "apprise", "urllib3", "urllib3.connectionpool"):
            logging.getLogger(name).removeHandler(loud)

    notifier.close()
    told = capfd.readouterr()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name != "config.yaml")
    everything = (
        "".join(f"{record.getMessage()} {vars(record)}" for record in records)
        + told.out
        + told.err
        + kept.decode("utf-8", "replace")
    )
    assert not [needle for needle in NEEDLES if needle in everything]
    assert not [record for record in records if record.name.startswith(("apprise", "urllib3"))]


def test_the_command_line_takes_no_secret_and_shows_none(
    telegram: Standin, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret_file(tmp_path, "telegram")
    (tmp_path / "trading.toml").write_text('[notify]\nsecret = "config.yaml"\n[paths]\nstore = "store"\n')
    telegram.faults = ["401"]
    command = ["notify", "--config", str(tmp_path / "trading.toml")]

    codes = [main([*command, "test"]), main([*command, "status"]), main([*command, "test", "pager"])]

    told = capfd.readouterr()
    assert codes == [1, 1, 2]
    assert "telegram: NOT sent: 401 Bad Request. Look at the token" in told.out
    assert 'No channel is called "pager"' in told.err
    assert not [needle for needle in NEEDLES if needle in told.out + told.err]


def test_who_wrote_to_the_bot_is_listed_and_a_wrong_token_is_told(
    telegram: Standin, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = f'{{type: telegram, token: "{TOKEN[:-3]}xyz", chat: 1}}'
    secret_file(tmp_path, "telegram", "slack", other=other)
    (tmp_path / "trading.toml").write_text('[notify]\nsecret = "config.yaml"\n')
    command = ["notify", "--config", str(tmp_path / "trading.toml"), "chats"]

    codes = [main(command), main([*command, "other"]), main([*command, "slack"])]

    told = capfd.readouterr()
    assert codes == [0, 2, 2]
    assert told.out == "4711  Min Kim\n-100200  Desk\n"
    assert "channels.other: Telegram says 401 Unauthorized. Look at the token." in told.err
    assert "channels.slack: no channel of Telegram's" in told.err
    assert not [needle for needle in (*NEEDLES, TOKEN[:-3]) if needle in told.out + told.err]
