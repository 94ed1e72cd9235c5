"""Finds secrets by their own shape, without a name: vendor prefixes, private keys, URLs with a password, signed tokens.

Shapes are from the vendors' documentation. Every pattern starts at a literal and has one bounded or possessive-like
run, so no input makes it look at a character more than a few times.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from obs.redaction.values import changes, is_placeholder

__all__ = ["find_shapes"]

Span = tuple[int, int, str]

_START = r"(?:(?<![A-Za-z0-9_\-])|(?<=\\[nrtb])|(?<=%[0-9A-F][0-9A-F])|(?<=u00[0-9a-fA-F][0-9a-fA-F]))"

_PREFIXED: tuple[tuple[str, str], ...] = (
    ("anthropic_key", r"sk-ant-[\w\-]{16,}"),
    ("openrouter_key", r"sk-or-[\w\-]{16,}"),
    ("openai_key", r"sk-(?:proj-|svcacct-|admin-|None-)?[\w\-]{16,}|sess-[A-Za-z0-9]{32,}"),
    ("stripe_key", r"(?:sk|rk|pk)_(?:live|test)_\w{10,}|whsec_[\w+/=]{16,}"),
    ("slack_token", r"xox[a-z](?:\.xox[a-z])?-[\w\-]{10,}|xapp-[\w\-]{16,}|xwfp-[\w\-]{16,}"),
    ("github_token", r"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"),
    ("gitlab_token", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt)-[\w\-.]{16,}"),
    ("npm_token", r"npm_[A-Za-z0-9]{16,}"),
    ("pypi_token", r"pypi-[\w\-]{16,}"),
    ("aws_key", r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{12,}"),
    ("google_key", r"AIza[\w\-]{30,}|ya29\.[\w\-.]{16,}|GOCSPX-[\w\-]{16,}|1//0[\w\-]{20,}"),
    ("huggingface_token", r"(?:hf|api_org)_[A-Za-z0-9]{16,}"),
    ("groq_key", r"gsk_[A-Za-z0-9]{16,}"),
    ("perplexity_key", r"pplx-[A-Za-z0-9]{16,}"),
    ("xai_key", r"xai-[A-Za-z0-9]{16,}"),
    ("replicate_token", r"r8_[A-Za-z0-9]{16,}"),
    ("fireworks_key", r"fw_[A-Za-z0-9]{16,}"),
    ("langsmith_key", r"lsv2_(?:pt|sk)_\w{16,}"),
    ("langfuse_key", r"[ps]k-lf-[\w\-]{16,}"),
    ("tavily_key", r"tvly-[\w\-]{16,}"),
    ("nvidia_key", r"nvapi-[\w\-]{16,}"),
    ("sendgrid_key", r"SG\.[\w\-]{10,}\.[\w\-]{10,}"),
    ("mailgun_key", r"key-[0-9a-f]{32}"),
    ("mailchimp_key", r"[0-9a-f]{32}-us[0-9]{1,2}(?![\w\-])"),
    ("twilio_key", r"SK[0-9a-f]{32}(?!\w)"),
    ("digitalocean_token", r"do[opr]_v1_[a-f0-9]{16,}"),
    ("grafana_token", r"glc_[\w+/=]{16,}|glsa_\w{16,}"),
    ("shopify_token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{16,}"),
    ("square_token", r"sq0[a-z]{3}-[\w\-]{16,}|EAAA[\w\-]{56,}"),
    ("databricks_token", r"dapi[a-f0-9]{32}"),
    ("vault_token", r"hv[sbr]\.[\w\-]{16,}"),
    ("linear_key", r"lin_(?:api|oauth)_[A-Za-z0-9]{16,}"),
    ("notion_token", r"(?:ntn|secret)_[A-Za-z0-9]{32,}"),
    ("airtable_token", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{32,}"),
    ("postman_key", r"PMAK-[\w\-]{16,}"),
    ("newrelic_key", r"NRAK-[A-Z0-9]{16,}"),
    ("sentry_token", r"sntry[su]_[\w+/=\-]{16,}"),
    ("supabase_key", r"sb[ps]_[\w\-]{16,}|sb_secret_[\w\-]{16,}"),
    ("dynatrace_token", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{8,}\.[A-Z0-9]{16,}"),
    ("docker_token", r"dckr_(?:pat|oat)_[\w\-]{16,}"),
    ("telegram_bot_token", r"(?:bot)?[0-9]{6,12}(?::|%3[aA])[A-Za-z0-9_\-]{30,50}(?![\w\-])"),
    ("discord_token", r"(?:mfa\.[\w\-]{60,}|[MNO][A-Za-z0-9_\-]{22,28}\.[\w\-]{6}\.[\w\-]{25,45}(?![\w\-]))"),
    ("bitget_key", r"bg_[0-9a-f]{24,}"),
    ("extended_private_key", r"[xyztuvYZUV]prv[1-9A-HJ-NP-Za-km-z]{60,}"),
    ("wif_private_key", r"(?:5[1-9A-HJ-NP-Za-km-z]{50}|[KLc][1-9A-HJ-NP-Za-km-z]{51})(?![A-Za-z0-9])"),
    ("jwt", r"eyJ[\w\-]{8,}\.[\w\-]{4,}(?:\.[\w\-]*){0,3}"),
    ("age_key", r"AGE-SECRET-KEY-1[A-Z0-9]{16,}"),
    ("nostr_key", r"nsec1[a-z0-9]{40,}"),
    ("onepassword_token", r"ops_eyJ[\w\-=]{16,}"),
)
_TOKEN = re.compile(_START + "(?:" + "|".join(f"(?P<{kind}>{shape})" for kind, shape in _PREFIXED) + ")")
_LONG = re.compile(
    r"(?<![A-Za-z0-9+/=_\-.])(?:[A-Za-z0-9]{64}|[A-Za-z0-9]{40}|[A-Za-z0-9+/]{64})(?![A-Za-z0-9+/=_\-])"
)
_BEARER = re.compile(r"\b(?:bearer|Bearer|BEARER)(?:\s{1,4}|%20|\+)(?P<value>[A-Za-z0-9._~+/=\-]{12,})")
_HOOK = re.compile(
    r"(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/[0-9]{5,25}/"
    r"|webhook\.office\.com/webhookb2/|open-apis/bot/v2/hook/|/hooks/catch/[0-9]{1,12}/|maker\.ifttt\.com/trigger/[\w\-]{1,60}/with/key/"
    r"|hc-ping\.com/|infura\.io/(?:ws/)?v3/|alchemy\.com/v2/|alchemyapi\.io/v2/|g\.alchemy\.com/v2/|quiknode\.pro/|rpc\.ankr\.com/[a-z_]{1,30}/"
    r"|api\.day\.app/|chainstack\.com/|drpc\.org/[a-z]{1,20}/|events\.pagerduty\.com/integration/|api\.opsgenie\.com/v1/json/"
    r"|/bot(?=[0-9]{5,12}:))(?P<value>[\w\-/.:%@]{6,300})"
)
_BEGIN = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 [A-Z ]{0,20}PRIVATE KEY ----|PuTTY-User-Key-File-[23]:"
)
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"(?:[A-Za-z0-9+/=\s:,.()\[\]\"'|-]|\\+[nr]|\\\\)*")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{16,}={0,2}")
_LOGIN = re.compile(
    r"\\{0,8}\"(?:op|method|type|event|action|id)\\{0,8}\"\s?:\s?\\{0,8}\"(?:auth\w{0,12}|login|logon|signin|public/auth)\\{0,8}\""
)
_ARGUMENT = re.compile(r"[\"']([A-Za-z0-9+/=_\-]{16,200})\\{0,8}[\"']")
_USERINFO = re.compile(r"[^\s\"'`<>\\,|]{0,600}")
_HOST = re.compile(r"(?:[\w.\-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?(?:[/?#,)\];]|$)")
_CURL_USER = re.compile(
    r"(?<!\S)(?:-u|--user|--proxy-user)(?:\s{1,4}|=)[\"']?[^\s:\"']{0,100}:(?P<value>[^\s\"']{3,200})"
)


def find_shapes(text: str, lower: str, *, deep: bool) -> Iterator[Span]:
    """Yield secrets that need no name.

    Args:
        text: The text, without invisible characters.
        lower: The same in lower case, with the same length.
        deep: Whether to look into base64 (once; what was decoded is not decoded again).
    """
    if "-----" in text or "putty-user" in lower or "---- begin" in lower:
        yield from _private_keys(text)
    if "://" in text:
        yield from _urls(text)
    if "-u " in text or "-user" in text:
        for found in _CURL_USER.finditer(text):
            if not is_placeholder(found["value"]):
                yield *found.span("value"), "password"
    if "bearer" in lower:
        for found in _BEARER.finditer(text):
            yield *found.span("value"), "token"
    yield from _tokens(text)
    if '"' in text and ("auth" in lower or "log" in lower or "signin" in lower) and _LOGIN.search(text):
        for found in _ARGUMENT.finditer(text):
            if changes(found.group(1)) >= 0.25 * len(found.group(1)):
                yield *found.span(1), "signature"


def _tokens(text: str) -> Iterator[Span]:
    for found in _TOKEN.finditer(text):
        yield found.start(), found.end(), found.lastgroup or "token"
    for found in _LONG.finditer(text):
        value = found.group()
        if changes(value) >= 0.45 * len(value) and any(c in value for c in "0OIl+/") and not value.islower():
            yield found.start(), found.end(), "api_key"
    if "/" in text:
        for found in _HOOK.finditer(text):
            if not is_placeholder(found["value"]):
                yield *found.span("value"), "webhook"


def _private_keys(text: str) -> Iterator[Span]:
    position = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < position:
            continue
        end = _END.search(text, begin.end())
        body = _BODY.match(text, begin.end())
        if end is not None and end.start() - begin.end() < 20_000:
            position = end.end()
        else:
            position = body.end() if body else begin.end()
        yield begin.start(), position, "private_key"


def _urls(text: str) -> Iterator[Span]:
    at = text.find("://")
    while at >= 0:
        found = _USERINFO.match(text, at + 3)
        rest = found.group() if found else ""
        yield from _userinfo(
            rest, at + 3, web=text[max(0, at - 5) : at].lower().endswith(("http", "https", "ws", "wss"))
        )
        at = text.find("://", at + 3 + 0 * len(rest))


def _userinfo(rest: str, at: int, *, web: bool) -> Iterator[Span]:
    path = min((i for i in (rest.find("/"), rest.find("?"), rest.find("#")) if i >= 0), default=len(rest))
    first = rest.find("@")
    if first < 0:
        return
    colon = rest.find(":")
    if first > path and (web or colon < 0 or colon > path or rest[colon + 1 : path].isdigit()):
        return
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


def base64_runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield runs that are base64 of printable text, with that text."""
    for found in _BASE64.finditer(text):
        run = found.group()
        body = run.rstrip("=").replace("-", "+").replace("_", "/")
        if len(body) % 4 == 1:
            body = body[:-1]
        try:
            plain = base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            continue
        if plain.isprintable() or all(c.isprintable() or c in "\r\n\t" for c in plain):
            yield found.start(), found.end(), plain
