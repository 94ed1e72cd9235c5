"""E-mail through a real SMTP server."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.trading.notify.conftest import Desk, message
from tests.trading.notify.standins import PASSWORD

MakeDesk = Callable[..., Desk]


class Mailbox:
    """Takes mails, but none for `gone@` for good, none for `full@` for now."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.ends_within_the_mail = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _s: SMTP, _x: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        if address.startswith("gone@"):
            return "550 5.1.1 no such mailbox here"
        if address.startswith("full@"):
            return "452 4.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.ends_within_the_mail:
            assert server.transport is not None
            server.transport.close()
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


class Here(Controller):
    """On a port that the system chooses."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()

    def login(
        _server: SMTP, _session: Session, _envelope: Envelope, _how: str, said: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=said.password == PASSWORD.encode(), handled=False)

    server = Here(box, hostname="127.0.0.1", port=0, authenticator=login, auth_require_tls=False)
    server.start()
    try:
        yield box, server.port
    finally:
        server.stop()


def channel(port: int, to: str = "me@example.org", **more: str) -> str:
    entries = {"security": "none", **more}
    said = ", ".join(f'{key}: "{value}"' for key, value in entries.items())
    return f'{{type: email, host: 127.0.0.1, port: {port}, from: "Bot <bot@example.org>", to: {to}, {said}}}'


def test_a_mail_has_subject_html_and_plain_text(mailbox: tuple[Mailbox, int], desk: MakeDesk) -> None:
    box, port = mailbox

    outcome = desk(mail=channel(port)).open().send(message())

    assert outcome.ok
    (mail,) = box.mails
    assert (mail["Subject"], mail["From"], mail["To"]) == (
        "매매 신호",
        "Bot <bot@example.org>",
        "me@example.org",
    )
    rich, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert rich is not None
    assert plain is not None
    assert "<b>[장마감] 매매 신호 알림</b>" in rich.get_content()
    assert "&nbsp;&nbsp;&nbsp;• 신뢰도: 75.3%" in rich.get_content()
    assert "1. 069500 (KODEX 200)" in plain.get_content()


def test_a_password_with_every_awkward_sign_logs_in(mailbox: tuple[Mailbox, int], desk: MakeDesk) -> None:
    box, port = mailbox

    outcome = desk(mail=channel(port, user="bot@example.org", password=PASSWORD)).open().send(message())

    assert (outcome.state, len(box.mails)) == ("sent", 1)


def test_a_wrong_password_is_a_matter_of_rights(mailbox: tuple[Mailbox, int], desk: MakeDesk) -> None:
    _, port = mailbox

    outcome = desk(mail=channel(port, user="bot", password="needle-wrong-password")).open().send(message())

    assert (outcome.state, outcome.error_type) == ("failed", "auth")
    assert outcome.detail.startswith("mail: 535 ")


def test_a_recipient_refused_for_good_is_not_tried_again(
    mailbox: tuple[Mailbox, int], desk: MakeDesk
) -> None:
    _, port = mailbox
    one = desk(mail=channel(port, "gone@example.org"))

    outcome = one.open().send(message())

    assert (outcome.state, outcome.error_type, one.waits) == ("failed", "invalid", [])
    assert outcome.detail == "mail: 550 5.1.1 no such mailbox here"


def test_a_full_mailbox_is_tried_again(mailbox: tuple[Mailbox, int], desk: MakeDesk) -> None:
    _, port = mailbox
    one = desk(mail=channel(port, "full@example.org"))

    outcome = one.open().send(message())

    assert (outcome.state, outcome.reason, one.waits) == ("queued", "retry", [1.0, 2.0])


def test_of_two_recipients_one_is_refused_and_the_other_gets_one_mail(
    mailbox: tuple[Mailbox, int], desk: MakeDesk
) -> None:
    box, port = mailbox
    notifier = desk(mail=channel(port, "[gone@example.org, me@example.org]")).open()

    outcome = notifier.send(message())
    notifier.flush()

    assert (outcome.state, outcome.ok) == ("sent", False)
    assert [mail["To"] for mail in box.mails] == ["me@example.org"]


def test_a_server_that_ends_within_the_mail_may_have_taken_it(
    mailbox: tuple[Mailbox, int], desk: MakeDesk
) -> None:
    box, port = mailbox
    box.ends_within_the_mail = True

    outcome = desk(mail=channel(port)).open().send(message())

    assert (outcome.state, outcome.error_type, len(box.mails)) == ("unknown", "server", 1)


def test_no_mail_leaves_in_the_clear_when_starttls_is_asked_for(
    mailbox: tuple[Mailbox, int], desk: MakeDesk
) -> None:
    box, port = mailbox

    outcome = desk(mail=channel(port, security="starttls")).open().send(message())

    assert (outcome.state, outcome.error_type, box.mails) == ("failed", "invalid", [])
    assert "STARTTLS" in outcome.detail


def test_a_mail_server_that_is_not_there_is_tried_again(desk: MakeDesk) -> None:
    one = desk(mail=channel(9))

    outcome = one.open().send(message())

    assert (outcome.state, outcome.error_type, one.waits) == ("queued", "server", [1.0, 2.0])
