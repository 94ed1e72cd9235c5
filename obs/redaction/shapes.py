"""Finds secrets by the structure around them, without a name: private keys, URLs, logins, webhooks, base64.

Every pattern is looked for only when its literal is there, and every repetition is bounded: linear time.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

from obs.redaction.limits import OVERFLOW
from obs.redaction.values import changes, is_placeholder, looks_random, looks_secret

__all__ = ["SHAPED_KINDS", "find_encoded", "find_shapes"]

Span = tuple[int, int, str]

SHAPED_KINDS = frozenset(
    {"token", "webhook", "password", "url_password", "private_key", "credential", "signature", "mnemonic"}
)
"""The kinds of masks that the structures below lead to."""

_MAX_TAILS = 16

_compiled = lru_cache(maxsize=None)(re.compile)
"""Compiles a pattern of a table when it is first needed: all of them would delay a bot's first log call."""

_BEARER = re.compile(r"bearer(?<=\bbearer)(?:\s{1,4}|%20|\+)(?P<value>[a-z0-9._~+/=\-]{12,4096})")
_PATH = r"(?P<value>[\w\-/.:%@]{6,400})"
_HOOKS = {
    literal: pattern + _PATH
    for literal, pattern in {
        "hooks.slack": r"hooks\.slack(?:-gov)?\.com/(?:services/(?:T[A-Z0-9]{4,16}/B[A-Z0-9]{4,16}/"
        r"|(?!T[A-Z0-9]{4,16}/B))|workflows/|triggers/)",
        "discord": r"discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/[0-9]{5,25}/",
        "webhook.office": r"webhook\.office\.com/webhookb2/",
        "logic.azure": r"logic\.azure\.com(?::443)?/workflows/",
        "open-apis/bot": r"open-apis/bot/v2/hook/",
        "/hooks/": r"/hooks/(?:catch/[0-9]{1,12}/|(?=[a-z0-9]{26}))",
        "/with/key/": "/with/key/",
        "hc-ping.com/": r"hc-ping\.com/",
        "infura.io/": r"infura\.io/(?:ws/)?v3/",
        "alchemy": r"alchemy(?:api)?\.(?:com|io)/v2/",
        "quiknode.pro/": r"quiknode\.pro/",
        "quicknode.com/": r"quicknode\.com/",
        "rpc.ankr.com/": r"rpc\.ankr\.com/[a-z_]{1,30}/",
        "api.day.app/": r"api\.day\.app/",
        "events.pagerduty.com/": r"events\.pagerduty\.com/integration/",
        "chainstack.com/": r"chainstack\.com/",
        "api.opsgenie.com/": r"api\.opsgenie\.com/v1/json/",
        "sctapi.ftqq.com/": r"sctapi\.ftqq\.com/",
        ":9443/": r":9443/(?:ws|stream)/(?=[A-Za-z0-9]{48})",
        "/ws/": r"/ws/(?=[A-Za-z0-9]{60})",
    }.items()
}
"""Addresses whose path is the secret, by a literal that is looked for first."""

_BEGIN = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 [A-Z ]{0,20}PRIVATE KEY ----"
    r"|PuTTY-User-Key-File-[23]:"
)
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"[A-Za-z0-9+/=\s:,.()\[\]\"'|\\-]*")
_LONG_PART = re.compile(r"[A-Za-z0-9+/_\-]{16}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{16,}={0,2}")
_NO_CONTROLS = bytes({9, 10, 13, *range(32, 127), *range(128, 256)})
_FIRST = frozenset("CDIJKLMNOPQRSTUVWXYZabcdefwxyz0123456789")
"""How base64 of UTF-8 text begins: with a printable character, a break or the first byte of a longer one."""

_URL_SAFE = {ord("-"): "+", ord("_"): "/"}
_BREAKS = {9: " ", 10: " ", 13: " "}
_LOGIN = re.compile(
    r"\"(?:op|method|type|event|action|cmd|e)\\{0,8}\"\s?:\s?"
    r"\\{0,8}\"(?:auth\w{0,16}|login|logon|signin|[a-z]{1,20}[./](?:auth|login|logon))\\{0,8}\""
)
_ARGUMENT = re.compile(r"[\"']([A-Za-z0-9+/=_\-!@#$%^&*.]{6,200})\\{0,8}[\"']")
# A call whose first argument is long, not its only one, or belongs to a login.
_CALL = re.compile(
    r"\((?=[\"'](?:[^\"'\s]{1,15}+(?:[^\"'\s]|[\"'],))|(?<=[tT][eE]\(|[iI][nN]\(|[cC][tT]\(|[tT][hH]\()[\"'])"
)
_CALLED_BACKWARDS = re.compile(r"\w{1,52}")
_CALLED = re.compile(
    r"(?!UUID|Hash|\w{0,30}(?:Id|ID|Error|Exception|Hash|Symbol|Path)\Z)"
    r"(?:[A-Z]\w{0,30}|\w{0,20}(?:login|connect|authenticate|auth|sign_in|keys?|credentials|secret|account))\Z"
)
_LOGINS = ("login", "connect", "authenticate", "auth", "sign_in")
_POSITIONAL = re.compile(r"\s{0,4}(?:\w{1,40}=)?[\"']([^\"'\s]{1,200})[\"'],?")
_USERINFO = re.compile(r"[^\s\"'`<>\\|\x00-\x1f]{0,600}")
_HOST = re.compile(r"(?:[\w.\-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?(?:[/?#,)\];&}]|$)")
_OPTION = re.compile(
    r"-(?<!\S-)(?:u|-user|-proxy-user|U)(?:\s{1,4}|=)[\"']?[^\s:\"'/]{1,100}:(?P<value>[^\s\"'/]{3,200})"
)
_WORD = r"(?P<value>[^\"'\s@]{3,200})"
_STATEMENTS = {
    literal: (second, pattern + _WORD)
    for literal, second, pattern in (
        ("identified", "by", r"identified\s{1,4}(?:with\s{1,4}\w{1,40}\s{1,4})?by\s{1,4}[\"']"),
        ("sshpass", "-p", r"sshpass\s{1,4}-p\s{0,4}[\"']?"),
        ("login", " -p", r"login\b.{0,80}?\s-p\s{1,4}[\"']?"),
        ("redis-cli", " -a", r"redis-cli\b.{0,80}?\s-a\s{1,4}[\"']?"),
        ("mysql", " -p", r"mysql\w{0,10}\b.{0,80}?\s-p[\"']?"),
        ('"auth"', " ", r"\"auth\"\s{1,4}\""),
        (":thin:", "/", r":thin:\w{1,40}/"),
        ("sqlplus", "/", r"sqlplus\s{1,4}\w{1,40}/"),
    )
}
"""Commands that take a password, in lower case: the word they start with, and one they cannot lack."""

_FIX = re.compile(r"(?:\x01|\||\^A|;)(?:554|925|96)=(?P<value>[^\x01|;^\s]{3,200})")
_PGPASS = re.compile(r":(?:\d{2,5}|\*):[\w*\-]{1,60}:[\w*\-]{1,60}:(?P<value>[^\s:]{4,100})")
_PGHOST_BACKWARDS = re.compile(r"[\w.*\-]{1,80}(?![\w:/.*\-])")


def find_shapes(text: str, lower: str, most: int) -> Iterator[Span]:
    """Yield secrets that need no name.

    Args:
        text: The text, without invisible characters.
        lower: The same in lower case, with the same length.
        most: How many places may be read for one shape; what follows them is masked whole.
    """
    if "private key" in lower or "putty-user" in lower:
        yield from _private_keys(text)
    if "://" in text and "@" in text:
        yield from _urls(text, most)
    if "bearer" in lower:
        yield from _places(lower, "bearer", _BEARER, "token", most)
    if "/" in text:
        for literal, pattern in _HOOKS.items():
            if literal in text:
                yield from _places(text, literal, _compiled(pattern), "webhook", most)
    if " -u" in text or "-user" in text or text.startswith("-u"):
        for found in _OPTION.finditer(text):
            if not is_placeholder(found["value"]):
                yield *found.span("value"), "password"
    for literal, (second, statement) in _STATEMENTS.items():
        if literal in lower and second in lower:
            yield from _places(lower, literal, _compiled(statement), "password", most)
    if "8=FIX" in text:
        for found in _FIX.finditer(text):
            if not is_placeholder(found["value"]):
                yield *found.span("value"), "password"
    if "pgpass" in lower or ":5432:" in text:
        yield from _pgpass(text, most)
    if "(" in text and ('("' in text or "('" in text):
        yield from _arguments(text, most)
    if '"' in text and ("auth" in lower or "log" in lower or "signin" in lower) and _LOGIN.search(text):
        for number, found in enumerate(_ARGUMENT.finditer(text)):
            if number == most:
                yield found.start(), len(text), OVERFLOW
                return
            if looks_random(found.group(1)):
                yield *found.span(1), "signature"


def _places(text: str, literal: str, pattern: re.Pattern[str], kind: str, most: int) -> Iterator[Span]:
    """Read the pattern wherever its literal stands as a word."""
    at = text.find(literal)
    for _ in range(most):
        if at < 0:
            return
        found = pattern.match(text, at)
        if found is None:
            at = text.find(literal, at + len(literal))
            continue
        before = text[at - 1 : at] if literal[0].isalpha() and kind == "password" else ""
        if not before.isalnum() and before != "_" and not is_placeholder(found["value"]):
            yield *found.span("value"), kind
        at = text.find(literal, found.end())
    if at >= 0:
        yield at, len(text), OVERFLOW


def _pgpass(text: str, most: int) -> Iterator[Span]:
    for number, found in enumerate(_PGPASS.finditer(text)):
        if number == most:
            yield found.start(), len(text), OVERFLOW
            return
        host = _PGHOST_BACKWARDS.match(text[max(0, found.start() - 82) : found.start()][::-1])
        if host is not None and not is_placeholder(found["value"]):
            yield *found.span("value"), "password"


def _arguments(text: str, most: int) -> Iterator[Span]:
    """`Client("key", "secret")`: the arguments of a call that look random."""
    for number, call in enumerate(_CALL.finditer(text)):
        if number == most:
            yield call.start(), len(text), OVERFLOW
            return
        name = _called(text, call.start())
        if not name:
            continue
        at = call.end()
        lowercase = name.lower().endswith(_LOGINS)
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


def _called(text: str, end: int) -> str:
    """The name of what is called, when such a thing takes keys; else nothing."""
    backwards = _CALLED_BACKWARDS.match(text[max(0, end - 53) : end][::-1])
    if backwards is None:
        return ""
    name = backwards.group()[::-1]
    module = text[max(0, end - len(name) - 5) : end - len(name)] == "ccxt."
    return name if (module and len(name) <= 30) or _CALLED.match(name) else ""


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


def _urls(text: str, most: int) -> Iterator[Span]:
    seen = 0
    mail = text.find("@")
    while mail >= 0:
        at = text.rfind("://", max(0, mail - 603), mail)
        if at < 0:
            # Before the next scheme no @ can end a login.
            scheme = text.find("://", mail)
            mail = text.find("@", scheme) if scheme >= 0 else -1
            continue
        following = text.find("://", mail)
        found = _USERINFO.match(text, at + 3, following if following >= 0 else len(text))
        rest = found.group() if found else ""
        seen += 1 + rest.count("@") // 4
        if seen > most:
            yield at, len(text), OVERFLOW
            return
        web = text[max(0, at - 5) : at].lower().endswith(("http", "https", "ws", "wss"))
        yield from _userinfo(rest, at + 3, web=web)
        mail = text.find("@", max(mail + 1, at + 3 + len(rest)))


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


def find_encoded(text: str, runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """Yield runs that may be base64, with what they say when it is printable text, else with nothing.

    Args:
        text: The text.
        runs: Where its long runs stand.
    """
    for start, end in runs:
        run = text[start:end]
        # Base64 of text mixes cases; identifiers, hashes and numbers seldom do.
        if run == run.lower() or run == run.upper():
            continue
        if "." not in run and "=" not in run:
            yield start, end, _decoded(run)
        elif _LONG_PART.search(run):
            for part in _BASE64.finditer(text, start, end):
                yield *part.span(), _decoded(part.group())


def _decoded(run: str) -> str:
    if run[0] not in _FIRST:
        return ""
    body = run.rstrip("=").translate(_URL_SAFE) if "-" in run or "_" in run else run.rstrip("=")
    try:
        raw = binascii.a2b_base64(body[: len(body) - (len(body) % 4 == 1)] + "===")
        # Most runs are no text: a control character says so before anything is decoded.
        if raw.translate(None, _NO_CONTROLS):
            return ""
        plain = raw.decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return plain if plain.translate(_BREAKS).isprintable() else ""
