"""Finds secrets by the structure around them, without a name: private keys, URLs, logins, webhooks, base64.

Every pattern is looked for only when its literal is there, and every repetition is bounded: linear time.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import islice

from obs.redaction.values import changes, is_placeholder, looks_random, looks_secret

__all__ = ["SHAPED_KINDS", "find_encoded", "find_shapes"]

Span = tuple[int, int, str]

SHAPED_KINDS = frozenset(
    {"token", "webhook", "password", "url_password", "private_key", "credential", "signature", "mnemonic"}
)
"""The kinds of masks that the structures below lead to."""

_MAX_TAILS = 16

_BEARER = re.compile(r"\bbearer(?:\s{1,4}|%20|\+)(?P<value>[A-Za-z0-9._~+/=\-]{12,4096})", re.IGNORECASE)
_HOOK = re.compile(
    r"(?:hooks\.slack(?:-gov)?\.com/(?:services/(?:T[A-Z0-9]{4,16}/B[A-Z0-9]{4,16}/|(?!T[A-Z0-9]{4,16}/B))|workflows/|triggers/)"
    r"|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/[0-9]{5,25}/"
    r"|webhook\.office\.com/webhookb2/|logic\.azure\.com(?::443)?/workflows/"
    r"|open-apis/bot/v2/hook/|/hooks/catch/[0-9]{1,12}/|/hooks/(?=[a-z0-9]{26})|/with/key/"
    r"|hc-ping\.com/|infura\.io/(?:ws/)?v3/|alchemy(?:api)?\.(?:com|io)/v2/|quiknode\.pro/|quicknode\.com/"
    r"|rpc\.ankr\.com/[a-z_]{1,30}/|api\.day\.app/|events\.pagerduty\.com/integration/|chainstack\.com/"
    r"|api\.opsgenie\.com/v1/json/|sctapi\.ftqq\.com/"
    r"|:9443/(?:ws|stream)/(?=[A-Za-z0-9]{48})|/ws/(?=[A-Za-z0-9]{60}))"
    r"(?P<value>[\w\-/.:%@]{6,400})"
)
_HOOK_LITERALS = (
    "hook",
    "/ws/",
    ":9443/",
    "/bot",
    "/with/key/",
    "hc-ping.",
    ".io/",
    "/v2/",
    ".pro/",
    ".com/",
)
_BEGIN = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 [A-Z ]{0,20}PRIVATE KEY ----"
    r"|PuTTY-User-Key-File-[23]:"
)
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"[A-Za-z0-9+/=\s:,.()\[\]\"'|\\-]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{16,}={0,2}")
_LOGIN = re.compile(
    r"\\{0,8}\"(?:op|method|type|event|action|cmd|e)\\{0,8}\"\s?:\s?"
    r"\\{0,8}\"(?:auth\w{0,16}|login|logon|signin|[a-z]{1,20}[./](?:auth|login|logon))\\{0,8}\""
)
_ARGUMENT = re.compile(r"[\"']([A-Za-z0-9+/=_\-!@#$%^&*.]{6,200})\\{0,8}[\"']")
_CALL = re.compile(
    r"\b(?!UUID|Hash|\w{0,30}(?:Id|ID|Error|Exception|Hash|Symbol|Path)\()(?:[A-Z]\w{0,30}|ccxt\.\w{1,30}|\w{0,20}(?:login|connect|authenticate|auth|sign_in|keys?|credentials|secret|account))"
    r"\((?=[\"'])"
)
_POSITIONAL = re.compile(r"\s{0,4}(?:\w{1,40}=)?[\"']([^\"'\s]{1,200})[\"'],?")
_USERINFO = re.compile(r"[^\s\"'`<>\\|\x00-\x1f]{0,600}")
_HOST = re.compile(r"(?:[\w.\-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?(?:[/?#,)\];&}]|$)")
_OPTION = re.compile(
    r"(?<!\S)(?:-u|--user|--proxy-user|-U)(?:\s{1,4}|=)[\"']?[^\s:\"'/]{1,100}:(?P<value>[^\s\"'/]{3,200})"
)
_STATEMENT = re.compile(
    r"(?i:\bidentified\s{1,4}(?:with\s{1,4}\w{1,40}\s{1,4})?by\s{1,4}[\"']|\bsshpass\s{1,4}-p\s{0,4}[\"']?"
    r"|\blogin\b.{0,80}?\s-p\s{1,4}[\"']?|\bredis-cli\b.{0,80}?\s-a\s{1,4}[\"']?|\"auth\"\s{1,4}\""
    r"|\bmysql\w{0,10}\b.{0,80}?\s-p[\"']?|:thin:\w{1,40}/|\bsqlplus\s{1,4}\w{1,40}/)(?P<value>[^\"'\s@]{3,200})"
)
_FIX = re.compile(r"(?:\x01|\||\^A|;)(?:554|925|96)=(?P<value>[^\x01|;^\s]{3,200})")
_PGPASS = re.compile(
    r"(?<![\w:/])[\w.*\-]{1,80}:(?:\d{2,5}|\*):[\w*\-]{1,60}:[\w*\-]{1,60}:(?P<value>[^\s:]{4,100})"
)


def find_shapes(text: str, lower: str) -> Iterator[Span]:
    """Yield secrets that need no name.

    Args:
        text: The text, without invisible characters.
        lower: The same in lower case, with the same length.
    """
    if "private key" in lower or "putty-user" in lower:
        yield from _private_keys(text)
    if "://" in text and "@" in text:
        yield from _urls(text)
    if "bearer" in lower:
        for found in _BEARER.finditer(text):
            yield *found.span("value"), "token"
    if "/" in text and any(literal in lower for literal in _HOOK_LITERALS):
        yield from _named_groups(_HOOK, text, "webhook")
    if " -u" in text or "-user" in text or text.startswith("-u"):
        yield from _named_groups(_OPTION, text, "password")
    if (
        "identified" in lower
        or "pass" in lower
        or "login" in lower
        or "redis" in lower
        or "mysql" in lower
        or ":thin:" in lower
        or "sqlplus" in lower
        or '"auth"' in lower
    ):
        yield from _named_groups(_STATEMENT, text, "password")
    if "8=FIX" in text:
        yield from _named_groups(_FIX, text, "password")
    if "pgpass" in lower or ":5432:" in text:
        yield from _named_groups(_PGPASS, text, "password")
    if "(" in text and ('("' in text or "('" in text):
        yield from _arguments(text)
    if '"' in text and ("auth" in lower or "log" in lower or "signin" in lower) and _LOGIN.search(text):
        for found in _ARGUMENT.finditer(text):
            if looks_random(found.group(1)):
                yield *found.span(1), "signature"


def _named_groups(pattern: re.Pattern[str], text: str, kind: str) -> Iterator[Span]:
    for found in pattern.finditer(text):
        if not is_placeholder(found["value"]):
            yield *found.span("value"), kind


def _arguments(text: str) -> Iterator[Span]:
    """`Client("key", "secret")`: the arguments of a call that look random."""
    for call in _CALL.finditer(text):
        at = call.end()
        lowercase = (
            call.group()[:-1].lower().endswith(("login", "connect", "authenticate", "auth", "sign_in"))
        )
        for _ in range(6):
            argument = _POSITIONAL.match(text, at)
            if argument is None:
                break
            value = argument.group(1)
            if (len(value) >= 16 and looks_random(value)) or (
                lowercase and looks_secret(value) and "@" not in value
            ):
                yield *argument.span(1), "credential"
            at = argument.end()


def _private_keys(text: str) -> Iterator[Span]:
    position = 0
    while (begin := _BEGIN.search(text, position)) is not None:
        end = _END.search(text, begin.end(), begin.end() + 20_000)
        if end is not None:
            position = end.end()
        else:
            body = _BODY.match(text, begin.end())
            position = body.end() if body else begin.end()
        yield begin.start(), position, "private_key"
    for end in islice(_END.finditer(text, position), _MAX_TAILS):
        # The tail of a key whose head stands in another record.
        head = text[max(0, end.start() - 4_096) : end.start()]
        lines = head.replace("\\n", "\n\n").split("\n")
        length = 0
        for line in reversed(lines):
            if line.strip() and not re.fullmatch(r"[A-Za-z0-9+/=\s]{1,80}", line):
                break
            length += len(line) + 1
        yield max(0, end.start() - min(length, len(head))), end.end(), "private_key"


def _urls(text: str) -> Iterator[Span]:
    at = text.find("://")
    while at >= 0:
        following = text.find("://", at + 3)
        found = _USERINFO.match(text, at + 3, following if following >= 0 else len(text))
        rest = found.group() if found else ""
        web = text[max(0, at - 5) : at].lower().endswith(("http", "https", "ws", "wss"))
        yield from _userinfo(rest, at + 3, web=web)
        at = following


def _userinfo(rest: str, at: int, *, web: bool) -> Iterator[Span]:
    first = rest.find("@")
    if first < 0:
        return
    path = min((i for i in (rest.find("/"), rest.find("?"), rest.find("#")) if i >= 0), default=len(rest))
    colon = rest.find(":")
    if first > path and (web or colon < 0 or colon > path or rest[colon + 1 : path].isdigit()):
        return
    # The last @ before a host ends the password: passwords hold @ and / when nobody escaped them.
    last = first
    following = rest.find("@", first + 1)
    while following >= 0 and (following < path or not web):
        if _HOST.match(rest, following + 1):
            last = following
        following = rest.find("@", following + 1)
    if 0 <= colon < last:
        if not is_placeholder(rest[colon + 1 : last]):
            yield at + colon + 1, at + last, "url_password"
    elif last >= 16 and changes(rest[:last]) >= 0.25 * last:
        yield at, at + last, "url_password"


def find_encoded(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield runs that are base64 of printable text, with that text."""
    for found in _BASE64.finditer(text):
        body = found.group().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            plain = base64.b64decode(body[: len(body) - (len(body) % 4 == 1)] + "===", validate=False).decode(
                "utf-8"
            )
        except (binascii.Error, ValueError):
            continue
        if all(c.isprintable() or c in "\r\n\t" for c in plain):
            yield found.start(), found.end(), plain
