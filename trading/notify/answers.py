"""From what was heard of a delivery to what is known of it: certain, certain not, or nobody knows."""

from __future__ import annotations

import json
import re
import smtplib
from email.utils import parsedate_to_datetime
from typing import Any

from trading.notify.channels import Receipt
from trading.notify.hearing import NO_MAIL_YET, Heard

__all__ = ["of_error", "receipt_of", "words_of"]


def receipt_of(heard: Heard) -> Receipt:
    """Return the receipt of a delivery that Apprise calls failed; secrets may still stand in its detail."""
    if heard.answer is not None:
        return _of_answer(int(heard.answer.status_code), heard.answer)
    if heard.error is None:
        return Receipt("refused", "invalid", heard.words[-1] if heard.words else "refused without a reason")
    receipt = of_error(heard.error)
    if receipt.verdict == "unknown" and any(words.startswith(NO_MAIL_YET) for words in heard.words):
        detail = receipt.detail.replace("the connection broke", "no connection")
        return receipt._replace(verdict="again", detail=detail)
    return receipt


def _of_answer(status: int, answer: Any) -> Receipt:
    said = words_of(answer)
    detail = f"{status} {said}".rstrip()
    if status == 429:
        return Receipt("again", "rate_limit", detail, _asked_wait(answer))
    if status >= 500:
        return Receipt("again", "server", detail, _asked_wait(answer))
    # Telegram answers 404 for a token it does not know, Slack 403 and 404 for a webhook that was withdrawn.
    return Receipt("refused", "auth" if status in (401, 403, 404) else "invalid", detail)


def words_of(answer: Any) -> str:
    """Return what an HTTP answer says, one short line."""
    text = str(answer.text)[:2000]
    try:
        body = json.loads(text)
        text = str(next(body[key] for key in ("description", "message", "error") if body.get(key)))
        # Telegram: a group that grew has another id from then on.
        moved = (body.get("parameters") or {}).get("migrate_to_chat_id")
        text += f" (write chat: {moved})" if moved else ""
    except (ValueError, AttributeError, TypeError, StopIteration):
        text = re.sub(r"<[^>]*>", " ", text)
    return " ".join(text.split())[:300]


def _asked_wait(answer: Any) -> float | None:
    """Return the seconds to wait: Telegram's `parameters.retry_after`, else the header `Retry-After`."""
    try:
        return float(answer.json()["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        pass
    header = str(answer.headers.get("Retry-After", "")).strip()
    if re.fullmatch(r"\d+(\.\d+)?", header):
        return float(header)
    try:
        until, since = parsedate_to_datetime(header), parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (until - since).total_seconds())
    except (ValueError, TypeError):
        return None


def of_error(error: BaseException) -> Receipt:
    """Return the receipt of a delivery that ended with an exception of requests or smtplib."""
    import requests

    match error:
        case smtplib.SMTPAuthenticationError():
            return Receipt("refused", "auth", _smtp(error.smtp_code, error.smtp_error))
        case smtplib.SMTPRecipientsRefused():
            code, words = next(iter(error.recipients.values()))
            return _of_code(code, words)
        case smtplib.SMTPResponseException():
            return _of_code(error.smtp_code, error.smtp_error)
        case smtplib.SMTPNotSupportedError():
            return Receipt("refused", "invalid", str(error))
        case smtplib.SMTPServerDisconnected() if "timed out" in str(error):
            return Receipt("unknown", "timeout", "no answer in time")
        case smtplib.SMTPServerDisconnected():
            return Receipt("unknown", "server", "the mail server closed the connection")
        case requests.exceptions.ConnectTimeout():
            return Receipt("again", "timeout", "no connection in time")
        case requests.exceptions.SSLError():
            return Receipt("again", "server", "no secure connection: the certificate is not accepted")
        case requests.exceptions.ConnectionError() if "Max retries exceeded" in str(error):
            return Receipt("again", "server", "no connection (name, route, or nobody listens)")
        case requests.exceptions.Timeout():
            return Receipt("unknown", "timeout", "no answer in time")
        case requests.exceptions.RequestException():
            return Receipt("unknown", "server", "the connection broke before the answer")
        case TimeoutError():
            return Receipt("unknown", "timeout", "no answer in time")
        case OSError():
            return Receipt(
                "unknown", "server", f"the connection broke ({error.strerror or type(error).__name__})"
            )
    return Receipt("refused", "invalid", type(error).__name__)


def _of_code(code: int, words: bytes | str) -> Receipt:
    # RFC 5321, 4.2.1: 4xx is for now, 5xx for good.
    verdict = _smtp(code, words)
    return Receipt("refused", "invalid", verdict) if code >= 500 else Receipt("again", "server", verdict)


def _smtp(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(f"{code} {text}".split())[:300]
