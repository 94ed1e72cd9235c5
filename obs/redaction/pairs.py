"""Finds the values of secret names: `name=value` in every encoding a log can carry.

One loop over the places where a name may stand; each place is read by patterns that are anchored there and bounded, so
the time is linear in the text whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from obs.redaction.names import STEMS, Name, classify, foreign, is_foreign_hint
from obs.redaction.values import is_placeholder, looks_random, looks_secret

__all__ = ["Span", "find_pairs"]

Span = tuple[int, int, str]
"""Where a secret stands (half-open, in characters) and its kind."""

MAX_NAMES = 4_000
"""Names looked at in one text; what follows a text with more of them is masked whole."""

_MAX_NAME = 48
_MAX_VALUE = 4_096

_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
_REST = re.compile(r"[A-Za-z0-9_\-.]*")

_QUOTE = r"\\{0,8}[\"'`]|&quot;|&[#]0?3[49];|&apos;|%2[27]|\\{1,4}u002[27]"
_SEPARATOR = re.compile(
    rf"""
    (?P<close>{_QUOTE})?
    (?P<bracket>(?<=["'])\])?
    (?:
      (?P<assign>\s{{0,16}}(?:=>|:=|->|={{1,2}}|:(?!//)|：|＝|\\{{1,4}}u003[ad]|%3[aAdD]|&[#]61;)(?:%20|\+(?=\w))?\s{{0,40}})
    | (?P<pair>\s{{0,4}},\s{{0,8}}(?=[brfu]?\\{{0,8}}["']))
    | (?P<element>>\s{{0,8}})
    | (?P<cell>\s{{0,8}}[|│┃]\s{{0,8}})
    | (?P<prose>\s{{1,2}}(?:is|was|are|equals|ist|es|est|é|è|to|set[ ]to|provided|used|given|value)(?:\s?[:=])?\s{{1,2}})
    | (?P<space>[ \t]{{1,8}})
    )
    """,
    re.VERBOSE,
)
# A second step between name and value: a type annotation, or the other half of {"name": "x", "value": "y"}.
_ANNOTATION = re.compile(
    r"(?:str|bytes|String|SecretStr|Optional\[str\]|str ?\| ?None|string)\s{0,4}=\s{0,4}"
)
_VALUE_FIELD = re.compile(
    rf"(?:{_QUOTE})?\s{{0,8}}[,;/]?\s{{0,40}}(?:{_QUOTE})?(?:value|Value|VALUE|content|val)(?:{_QUOTE})?\s{{0,8}}[=:]\s{{0,8}}"
)
_OPEN = re.compile(
    rf"(?:[A-Za-z_][\w.]{{0,30}}\()?(?:[brfuBRFU]{{1,2}}(?=\\{{0,8}}[\"']))?(?P<open>{_QUOTE})?"
)
_UNQUOTED = re.compile(
    r"(?:[^\s,;&\"'`<>()\[\]{}|\\]|[,;)\]}(\[{|](?!\s|$|[\"'`)\]}>,;]|[\w.-]{1,40}[\"']?[=:])){1,4096}"
)
_PLAIN_QUOTED = {
    '"': re.compile(r'[^"\\\n]{0,4096}(?:\\.[^"\\\n]{0,4096}){0,512}'),
    "'": re.compile(r"[^'\\\n]{0,4096}(?:\\.[^'\\\n]{0,4096}){0,512}"),
    "`": re.compile(r"[^`\n]{0,4096}"),
}
_SCHEME = re.compile(
    r"(?:bearer|basic|token|bot|apikey|api-key|digest|negotiate|ntlm|oauth|dpop|geniekey|key|jwt|hmac|sharedaccesssignature"
    r"|aws4-hmac-sha256|[a-z][a-z0-9-]{0,20}-hmac-sha\d{1,3})(?:\s{1,4}|%20|\+)",
    re.IGNORECASE,
)
_STRING = re.compile(r"\\{0,8}([\"'])([^\"'\\]{1,4096})\\{0,8}\1")
_PARTICLE = re.compile(r"[가-힣]{0,2}(?=\s|[:=]|：)")
_QUALIFIERS = frozenset(
    "api secret private access app bot auth session signing encryption client consumer seed recovery listen license master"
    " security account service webhook refresh bearer".split()
)


def find_pairs(text: str, lower: str) -> Iterator[Span]:
    """Yield the values that stand behind names of secrets.

    Args:
        text: The text, without invisible characters.
        lower: The same in lower case, with the same length.
    """
    position = seen = 0
    for hit in STEMS.finditer(lower):
        if hit.start() < position:
            continue
        seen += 1
        if seen > MAX_NAMES:
            yield hit.start(), len(text), "overflow"
            return
        head = text[max(0, hit.start() - _MAX_NAME) : hit.start()]
        start = hit.start() - len(head) + len(head.rstrip(_NAME_CHARACTERS))
        rest = _REST.match(text, hit.end())
        end = rest.end() if rest else hit.end()
        while end > hit.end() and text[end - 1] in ".-":
            end -= 1
        position = max(end, hit.end())
        if end - start > 2 * _MAX_NAME or text[max(0, start - 10) : start] == "[REDACTED:":
            continue
        name = classify(_qualified(lower, text, start, end))
        if name is not None:
            for span in _values(text, start, end, name):
                position = max(position, span[1]) if name.kind != "authorization" else position
                yield span
    if not lower.isascii():
        yield from _foreign_pairs(text, lower)


def _foreign_pairs(text: str, lower: str) -> Iterator[Span]:
    for seen, hit in enumerate(is_foreign_hint(lower).finditer(lower)):
        if seen > MAX_NAMES:
            yield hit.start(), len(text), "overflow"
            return
        particle = _PARTICLE.match(text, hit.end())
        end = particle.end() if particle else hit.end()
        yield from _values(text, hit.start(), end, foreign(hit.group()))


def _qualified(lower: str, text: str, start: int, end: int) -> str:
    """The name, with the word before it when the two are one name in prose: `api key`, `secret-key`."""
    before = lower[max(0, start - 16) : start]
    if before.endswith(" ") and (word := before.rstrip().rpartition(" ")[2].strip("\"'([{")) in _QUALIFIERS:
        return f"{word}_{text[start:end]}"
    return text[start:end]


def _values(text: str, start: int, end: int, name: Name) -> Iterator[Span]:
    separator = _SEPARATOR.match(text, end)
    if separator is None:
        return
    how = separator.lastgroup or ""
    close = separator["close"]
    at = separator.end()
    if how == "pair" and not close:
        return
    if how == "element" and not (start and text[start - 1] in "</:"):
        return
    if how == "cell" and not name.strict and not separator["cell"].strip():
        return
    option = how == "space" and text[max(0, start - 2) : start].endswith("-")
    if close or how in ("element", "space"):
        # {"name": "API_SECRET", "value": "..."} and <add key="ApiSecret" value="..."/>
        field = _VALUE_FIELD.match(text, end)
        if field is not None:
            how, at = "assign", field.end()
    annotation = _ANNOTATION.match(text, at)
    if annotation is not None:
        at = annotation.end()
    if name.kind == "authorization":
        opened = _OPEN.match(text, at)
        scheme = _SCHEME.match(text, opened.end() if opened else at)
        if scheme is not None:
            yield from _credentials(text, scheme.end())
            return
    if text[at : at + 1] in ("[", "(", "{") and how in ("assign", "pair"):
        if text[at] != "{":
            yield from _items(text, at, name)
        return
    sure = name.strict and (how not in ("space", "prose", "cell") or option)
    span = _value(text, at)
    if span is None:
        return
    begin, stop = span
    value = text[begin:stop]
    if name.kind == "cookie":
        return
    if _is_secret(value, name, sure=sure, quoted=begin > at):
        yield begin, stop, name.kind


def _is_secret(value: str, name: Name, *, sure: bool, quoted: bool) -> bool:
    if is_placeholder(value) or classify(value) is not None and not any(c.isdigit() for c in value):
        return False
    if name.numeric:
        digits = sum(c.isdigit() for c in value)
        return digits >= 4 and len(value) <= 40
    if name.kind == "mnemonic" and not quoted:
        return len(value) >= 3
    if sure:
        return len(value) >= 3
    if name.strict:
        return looks_secret(value)
    return looks_random(value)


def _value(text: str, at: int) -> tuple[int, int] | None:
    opened = _OPEN.match(text, at)
    quote = opened["open"] if opened else None
    if quote and opened:
        begin = opened.end()
        plain = _PLAIN_QUOTED.get(quote)
        if plain is not None:
            found = plain.match(text, begin)
            stop = found.end() if found else begin
            if text[stop : stop + 1] == quote:
                return begin, stop
        else:
            stop = text.find(quote, begin, begin + _MAX_VALUE)
            if stop >= 0:
                return begin, stop
        found = _UNQUOTED.match(text, begin)
        return (begin, found.end()) if found else None
    found = _UNQUOTED.match(text, opened.end() if opened else at)
    return (found.start(), found.end()) if found else None


def _credentials(text: str, at: int) -> Iterator[Span]:
    """What stands behind `Authorization: <scheme> `: one token, or fields of which the secret ones are named."""
    found = _UNQUOTED.match(text, at)
    if found is None:
        return
    value = found.group().rstrip("\\")
    if is_placeholder(value) or len(value) < 4 or re.match(r"[A-Za-z_]{1,40}=[\"']?[^=]", value):
        return
    yield at, at + len(value), "authorization"


def _items(text: str, at: int, name: Name) -> Iterator[Span]:
    """The strings of a list or tuple that a name announces."""
    stop = text.find("]" if text[at] == "[" else ")", at, at + _MAX_VALUE)
    for item in _STRING.finditer(text, at, stop if stop >= 0 else min(len(text), at + _MAX_VALUE)):
        value = item.group(2)
        if not is_placeholder(value) and (looks_secret(value) if name.strict else looks_random(value)):
            yield item.start(2), item.end(2), name.kind


def find_value_kind(key: str, value: str) -> str | None:
    """Return the kind of the mask when the value of an attribute with this key is a secret as a whole."""
    name = classify(key)
    if name is None or name.kind == "cookie":
        return None
    return name.kind if _is_secret(value, name, sure=name.strict, quoted=True) else None
