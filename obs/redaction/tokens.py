"""Finds tokens that vendors made recognisable: a prefix, a fixed length, an inner structure.

Shapes are from the vendors' documentation. Only runs of sixteen and more token characters are looked at, each
once, at its start: linear whatever the text holds.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator

from obs.redaction.values import changes

__all__ = ["TOKEN_KINDS", "find_bots", "find_tokens"]

_PREFIXED = (
    ("anthropic_key", r"sk-ant-[\w\-]{10,}"),
    ("openrouter_key", r"sk-or-[\w\-]{10,}"),
    ("langfuse_key", r"[ps]k-lf-[\w\-]{16,}"),
    ("openai_key", r"sk-(?=[\w\-]{0,200}[0-9A-Z])[\w\-]{16,}|sess-[A-Za-z0-9]{32,}"),
    ("stripe_key", r"(?:sk|rk|pk)_(?:live|test)_\w{10,}|whsec_[\w+/=]{16,}"),
    ("slack_token", r"xox[a-z](?:\.xox[a-z])?-[\w\-]{10,}|xapp-[\w\-]{16,}|xwfp-[\w\-]{16,}"),
    ("github_token", r"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"),
    ("gitlab_token", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt|ffct)-[\w\-.]{16,}"),
    ("npm_token", r"npm_[A-Za-z0-9]{16,}"),
    ("pypi_token", r"pypi-[\w\-]{16,}"),
    ("aws_key", r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|ABSK)[A-Z0-9]{12,}"),
    ("google_key", r"AIza[\w\-]{30,}|ya29\.[\w\-.]{16,}|GOCSPX-[\w\-]{16,}"),
    ("huggingface_token", r"(?:hf|api_org)_[A-Za-z0-9]{16,}"),
    ("groq_key", r"gsk_[A-Za-z0-9]{16,}"),
    ("perplexity_key", r"pplx-[A-Za-z0-9]{16,}"),
    ("xai_key", r"xai-[A-Za-z0-9\-]{16,}"),
    ("replicate_token", r"r8_[A-Za-z0-9]{16,}"),
    ("fireworks_key", r"fw_[A-Za-z0-9]{16,}"),
    ("cerebras_key", r"csk-[a-z0-9]{16,}"),
    ("langsmith_key", r"ls(?:v2_(?:pt|sk)|__)_?\w{16,}"),
    ("tavily_key", r"tvly-[\w\-]{16,}"),
    ("nvidia_key", r"nvapi-[\w\-]{16,}"),
    ("together_key", r"tgp_v1_[\w\-]{16,}"),
    ("pinecone_key", r"pcsk_\w{16,}"),
    ("elevenlabs_key", r"sk_[0-9a-f]{40,}"),
    ("sendgrid_key", r"SG\.[\w\-]{10,}\.[\w\-]{10,}"),
    ("brevo_key", r"xkeysib-[a-f0-9]{32,}-\w{8,}"),
    ("mailgun_key", r"key-[0-9a-f]{32}"),
    ("mailchimp_key", r"[0-9a-f]{32}-us[0-9]{1,2}(?![\w\-])"),
    ("resend_key", r"re_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{16,}"),
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
    ("newrelic_key", r"NRAK-[A-Z0-9]{16,}|NRII-[\w\-]{16,}"),
    ("sentry_token", r"sntry[su]_[\w+/=\-]{16,}"),
    ("supabase_key", r"sbp_[a-f0-9]{16,}|sb_secret_[\w\-]{16,}"),
    ("dynatrace_token", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{8,}\.[A-Z0-9]{16,}"),
    ("docker_token", r"dckr_(?:pat|oat)_[\w\-]{16,}"),
    ("fly_token", r"fo1_[\w\-]{16,}|fm[12][ar]?_[\w+/=]{16,}"),
    ("atlassian_token", r"ATATT3[\w\-=]{16,}|ATCTT3[\w\-=]{16,}"),
    ("heroku_key", r"HRKU-[\w\-]{16,}"),
    ("pulumi_token", r"pul-[a-f0-9]{32,}"),
    ("terraform_token", r"[A-Za-z0-9]{14}\.atlasv1\.[\w\-=]{32,}"),
    ("doppler_token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w\-.]{16,}"),
    ("discord_token", r"mfa\.[\w\-]{60,}|[MNO][A-Za-z0-9_\-]{22,30}\.[\w\-]{6}\.[\w\-]{25,45}(?![\w\-])"),
    ("bitget_key", r"bg_[0-9a-f]{24,}"),
    ("extended_private_key", r"[xyztuvYZUV]prv[1-9A-HJ-NP-Za-km-z]{60,}"),
    ("wif_private_key", r"(?:5[1-9A-HJ-NP-Za-km-z]{50}|[KLc][1-9A-HJ-NP-Za-km-z]{51})(?![A-Za-z0-9_\-])"),
    ("jwt", r"eyJ[\w\-]{8,}\.[\w\-]{4,}(?:\.[\w\-]*){0,3}|eyJ(?:hbGciO|0eXAiO|raWQiO)[\w\-]{4,}"),
    ("age_key", r"AGE-SECRET-KEY-1[A-Z0-9]{16,}"),
    ("nostr_key", r"nsec1[a-z0-9]{40,}"),
    ("onepassword_token", r"ops_eyJ[\w\-=]{16,}"),
)

TOKEN_KINDS = frozenset(kind for kind, _ in _PREFIXED) | {"telegram_bot_token", "api_key", "private_key"}
"""The kinds of masks that shapes of tokens lead to."""

_HEX = "0123456789abcdef"
_STARTS = {
    "stripe_key": "srpw",
    "langfuse_key": "ps",
    "google_key": "AyG",
    "huggingface_token": "ha",
    "mailchimp_key": _HEX,
    "terraform_token": string.ascii_letters + string.digits,
    "extended_private_key": "xyztuvYZUV",
    "wif_private_key": "5KLc",
    "discord_token": "mMNO",
    "aws_key": "A",
}
"""With which characters the shapes start that do not begin with a plain letter."""


class _ByFirstCharacter(dict[str, "re.Pattern[str] | None"]):
    """One pattern for each first character of a token: a run is then tried against a few shapes only.

    Made when first asked for: all sixty together would take a tenth of a second of a bot's first log call.
    """

    def __missing__(self, first: str) -> re.Pattern[str] | None:
        if len(first) != 1 or first not in _FIRST_CHARACTERS:
            return None
        fitting = [(kind, shape) for kind, shape in _PREFIXED if first in _STARTS.get(kind, shape[0])]
        pattern = self[first] = re.compile("|".join(f"(?P<{kind}>{shape})" for kind, shape in fitting))
        return pattern


_FIRST_CHARACTERS = string.ascii_letters + string.digits
_TOKENS = _ByFirstCharacter()
_PART = re.compile(r"[A-Za-z0-9_\-.]{16}")
_ESCAPES = frozenset({"", "\\", "%"})
_RUN = re.compile(r"[A-Za-z0-9_\-.]{16,}")
_KEY_LENGTHS = (64, 40)
"""The keys of Binance and of Upbit; `_is_key` tells them from hashes and identifiers."""

_DIGIT = re.compile("[0-9]")
_RARE = re.compile("[0OIl+/]")
_ESCAPED = re.compile(r"[nrtb](?=[A-Za-z0-9])|u00[0-9a-fA-F]{2}|x[0-9a-fA-F]{2}|[0-9A-F]{2}(?=[A-Za-z0-9])")
_TELEGRAM = (
    re.compile(r":[A-Za-z0-9_\-]{30,50}(?![\w\-])"),
    re.compile(r"%3[aA][A-Za-z0-9_\-]{30,50}(?![\w\-])"),
)
_BOT_BACKWARDS = re.compile(r"[0-9]{6,12}(?![0-9])")
_OLD_REFRESH = re.compile(r"1//0(?<=\b1//0)[\w\-]{20,200}")
_WRAPPED_KEY = re.compile(r"(?!(?:[^/]*/){7})[A-Za-z0-9+/]{64}")


def find_tokens(text: str, runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """Yield where tokens stand, and their kinds; `runs` is where the long runs of the text stand."""
    for start, end in runs:
        run = text[start:end]
        if "/" in run or "=" in run or "+" in run:
            if "1//0" in run:
                for refresh in _OLD_REFRESH.finditer(text, start, end):
                    yield *refresh.span(), "google_key"
            # One line of a wrapped private key, when a log splits it over records.
            if end - start == 64 and _WRAPPED_KEY.fullmatch(run) and _is_key(text, start, end):
                yield start, end, "private_key"
            parts = _RUN.finditer(text, start, end) if _PART.search(run) else ()
            for part in parts:
                first, last = part.span()
                fitting = _TOKENS[text[first]]
                if (
                    last - first in _KEY_LENGTHS
                    or text[first - 1 : first] in _ESCAPES
                    or (fitting is not None and fitting.match(text, first))
                ):
                    yield from _token(text, first, last)
        elif text[start - 1 : start] in _ESCAPES:
            yield from _token(text, start, end)
        elif (pattern := _TOKENS[run[0]]) is not None and (token := pattern.match(text, start)):
            yield *token.span(), token.lastgroup or "token"
        elif end - start in _KEY_LENGTHS and _is_key(text, start, end):
            yield start, end, "api_key"


def find_bots(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where tokens of Telegram bots stand: the number of the bot is no part of a run."""
    for pattern in _TELEGRAM:
        for telegram in pattern.finditer(text):
            bot = _BOT_BACKWARDS.match(text[max(0, telegram.start() - 13) : telegram.start()][::-1])
            if bot is not None:
                yield telegram.start() - bot.end(), telegram.end(), "telegram_bot_token"


def _token(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    if text[start - 1 : start] in ("\\", "%"):
        # The tail of an escape (`\n`, `%20`) is no part of the token behind it.
        escape = _ESCAPED.match(text, start)
        start = escape.end() if escape else start
    pattern = _TOKENS[text[start : start + 1]]
    token = pattern.match(text, start) if pattern else None
    if token is not None:
        yield *token.span(), token.lastgroup or "token"
    elif end - start in _KEY_LENGTHS and _is_key(text, start, end):
        yield start, end, "api_key"


def _is_key(text: str, start: int, end: int) -> bool:
    """Hashes have one case and sixteen letters, addresses lack 0OIl, identifiers seldom change case."""
    value = text[start:end]
    if value.islower() or value.isupper() or "_" in value or "-" in value or "." in value:
        return False
    around = text[start - 1 : start] + text[end : end + 1]
    if (
        "+" in around
        or ("/" in around and "://" not in text[max(0, start - 200) : start])
        or around.endswith("=")
    ):
        return False
    mixed = _DIGIT.search(value) and _RARE.search(value)
    return bool(mixed) and changes(value) >= 0.36 * len(value)
