"""Finds the values of secret names: `name=value` in every encoding a log can carry.

One loop over the places where a name may stand; each place is read by patterns that are anchored there and
bounded, so the time is linear in the text whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from obs.redaction.limits import OVERFLOW, VALUE
from obs.redaction.mnemonic import phrase_end
from obs.redaction.names import FOREIGN_ASCII_NAMES, FOREIGN_NAMES, STEMS, Name, classify, foreign
from obs.redaction.values import is_placeholder, looks_random, looks_secret

__all__ = ["Span", "find_pairs", "kind_of_value"]

Span = tuple[int, int, str]
"""Where a secret stands (half-open, in characters) and its kind."""

_MAX_NAME = 48
_MAX_VALUE = 4_096
_MAX_WINDOW = 512
_LONG = 256

_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
_WORD_TABLE = bytes(97 if chr(byte) in _NAME_CHARACTERS else 32 for byte in range(256))
_BLOB = b"a" * (4 * _MAX_NAME)
_REST = re.compile(r"[A-Za-z0-9_\-.]*")

_KIND = re.compile(r"[a-z0-9_]{1,40}\]")

_QUOTE = r"\\{0,8}[\"'`]|&(?:quot|apos|[#]0?3[49]|[#]x2[27]);|%2[27]|\\{1,8}u002[27]|[“”‘’«»「」]"
_SEPARATOR = re.compile(
    rf"""
    (?P<close>{_QUOTE})?
    (?P<bracket>(?<=["'])\\{{0,8}}\])?
    (?:
      (?P<assign>
        \s{{0,16}}
        (?:=>|:=|->|→|⇒|={{1,3}}|::?(?!//)|：|＝|\\{{1,8}}u003[ade]|(?:%20|\+)?%3[aAdD]|&[#]61;|&equals;)
        (?:%20|\+(?=["'%\w])){{0,2}}\s{{0,40}}
      )
    | (?P<pair>\s{{0,4}},\s{{0,8}}(?=[brfu]?\\{{0,8}}["']))
    | (?P<element>\s{{0,4}}/?>\s{{0,8}}|&gt;|\\{{1,8}}u003[eE])
    | (?P<cell>\s{{0,16}}[|│┃║\t]\s{{0,16}})
    | (?P<prose>
        \s{{1,2}}(?:is|was|are|equals|ist|lautet|es|est|é|è|set[ ]to|provided|used|given|value|now)
        (?:\s?[:=])?\s{{1,2}}
      )
    | (?P<space>[ ]{{1,16}}|,\s?|(?<=[はがを是为為])(?=[「『"'!-~]))
    )
    """,
    re.VERBOSE,
)
# A second step between name and value: a type, or the other half of {"name": "x", "value": "y"}.
_ANNOTATION = re.compile(
    r"(?:str|bytes|String|SecretStr|Optional\[str\]|str ?\| ?None|string)\s{0,4}=\s{0,4}"
)
_VALUE_FIELD = re.compile(
    rf"(?:{_QUOTE})?\s{{0,8}}[,;/]?\s{{0,40}}(?:{_QUOTE})?(?:[vV]alue|content|val)"
    rf"(?:{_QUOTE})?\s{{0,8}}[=:]\s{{0,8}}"
)
# A value that is too short to look random, as the weak names demand.
_BRIEF = re.compile(
    r"\\{0,8}[\"'][^\"'\\\s]{0,11}\\{0,8}[\"']\s{0,4}[,}\])\n]|[\w/.]{1,11}[,.;]?(?:\s(?!\s{0,4}[=|])|\Z)"
)
_OPEN = re.compile(
    rf"(?:[A-Za-z_][\w.]{{0,30}}\(|<!\[CDATA\[|[|>][+-]?\s{{1,40}})?"
    rf"(?:[brfuBRFU]{{1,2}}(?=\\{{0,8}}[\"']))?(?P<open>{_QUOTE})?"
)
# A sign that may end a value does so only before a blank, a closing sign or the next name.
_UNQUOTED = re.compile(
    r"(?:[^\s\x00\x01\x1d-\x1f,;&\"'`<>()\[\]{}|\\%“”]++"
    r"|%(?!26|22|27|2[cC]|7[dD])"
    r"|[,;)\]}(\[{|](?!\s|$|[\"'`)\]}>,;:\\]|[\w.-]{1,40}[\"']?[=:]))++"
)
_MAX_UNQUOTED = 2_048
_PLAIN_QUOTED = {
    '"': re.compile(r'[^"\\\n]{0,4096}(?:\\.[^"\\\n]{0,4096}){0,64}'),
    "'": re.compile(r"[^'\\\n]{0,4096}(?:\\.[^'\\\n]{0,4096}){0,64}"),
    "`": re.compile(r"[^`\n]{0,4096}"),
}
_CLOSING = {"“": "”", "‘": "’", "«": "»", "「": "」"}
_SCHEME = re.compile(
    r"(?:bearer|basic|token|bot|api-?key|digest|negotiate|ntlm|oauth|dpop|geniekey|key|jwt|hmac|qop"
    r"|sharedaccess(?:signature|key)|[a-z][a-z0-9-]{0,20}-(?:hmac|rsa|ecdsa)-sha\d{1,3}|[a-z][a-z0-9]{1,16}key)"
    r"(?:\s{1,4}|%20|\+)",
    re.IGNORECASE,
)
_FIELD = re.compile(r"(?<![\w\-.])([\w\-.]{1,60})=\"?([^\s;,\"\\']{1,4096})")
_NAMED = re.compile(r"[A-Za-z_][\w.-]{0,60}=[\"']?[^=\s]")
_LIST = re.compile(r"[\[(]\s{0,40}(?:[brfu]?\\{0,8}[\"']|\[|\(|\{|$)")
_STRING = re.compile(r"\\{0,8}([\"'])([^\"'\\]{1,4096})\\{0,8}\1")
_PARTICLE = re.compile(r"[가-힣]{1,3}(?=\s|[:=]|：)|(?:は|が|を|是|为|為|的值是){1,2}")
_ASCII = re.compile(r"[!-~]{4,}")
_COOKIE_FIELDS = frozenset({"path", "domain", "expires", "max-age", "samesite", "version", "comment", "lang"})
_QUALIFYING = """
api secret private access app bot auth session signing encryption client consumer seed recovery listen license
master security account service webhook refresh bearer card pin verification one-time otp totp 2fa mfa sms
"""
_QUALIFIERS = frozenset(_QUALIFYING.split())


def find_pairs(text: str, lower: str, most: int) -> Iterator[Span]:
    """Yield the values that stand behind names of secrets.

    Args:
        text: The text, without invisible characters.
        lower: The same in lower case, with the same length.
        most: How many names may be looked at; what follows them is masked whole.
    """
    position = seen = 0
    words = _without_blobs(lower)
    while (hit := STEMS.search(words, position)) is not None:
        mask = text.rfind("[REDACTED:", max(0, hit.start() - 40), hit.start())
        if mask >= 0 and (kind := _KIND.match(text, mask + 10)) is not None:
            # Masks are free, so that a masked text never costs more than it did before.
            position = max(kind.end(), hit.end())
            continue
        start, end = _identifier(text, *hit.span())
        position = max(end, hit.end())
        seen += 1
        if seen > most:
            yield start, len(text), OVERFLOW
            return
        if end - start > 2 * _MAX_NAME:
            continue
        name = classify(_qualified(lower, text, start, end))
        if name is not None and _may_have_value(text, end, name):
            seen += 4 * VALUE if name.kind in ("authorization", "cookie") else VALUE - 1
            for span in _values(text, start, end, name):
                if name.kind not in ("authorization", "cookie") or span[1] - end > _LONG:
                    position = max(position, span[1])
                if span[2]:
                    yield span
                else:
                    seen += 1
    if not lower.isascii() or "mot de" in lower or "clave" in lower or "kata sandi" in lower:
        yield from _foreign_pairs(text, lower, most // VALUE)


def _without_blobs(lower: str) -> str:
    """Blank what cannot be the name of anything, of the same length: all but the end of very long words."""
    flat = lower.encode("latin-1", "replace").translate(_WORD_TABLE)
    start = flat.find(_BLOB)
    if start < 0:
        return lower
    parts: list[str] = []
    position = 0
    while start >= 0:
        end = flat.find(b" ", start)
        last = (end if end >= 0 else len(flat)) - 2 * _MAX_NAME
        parts += (lower[position:start], " " * (last - start))
        position = last
        start = flat.find(_BLOB, end) if end >= 0 else -1
    return "".join([*parts, lower[position:]])


def _may_have_value(text: str, end: int, name: Name) -> bool:
    """The cheap question before a value is read: most names in data have none, or one that is too short."""
    nearby = text[end : end + 80]
    if "val" in nearby or "Val" in nearby or "content" in nearby:
        return True
    separator = _SEPARATOR.match(text, end)
    if separator is None:
        return False
    if name.strict or name.kind in ("mnemonic", "authorization", "cookie"):
        return True
    return _BRIEF.match(text, separator.end()) is None


def kind_of_value(key: str, value: str) -> str | None:
    """Return the kind of the mask when the value of an attribute with this key is a secret as a whole."""
    name = classify(key)
    if name is None:
        found = FOREIGN_NAMES.fullmatch(key.lower())
        name = foreign(found.group()) if found else None
    if name is None or name.kind == "cookie" or (name.kind == "authorization" and " " in value):
        return None
    return name.kind if _is_secret(value, name, sure=name.strict, quoted=True) else None


def _identifier(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole name around a stem, without what an escape before it left behind: `%22`, `u0022`."""
    head = text[max(0, start - _MAX_NAME) : start]
    first = start - len(head) + len(head.rstrip(_NAME_CHARACTERS))
    before = text[first - 1 : first]
    if before == "\\" and first < start and text[first] in "nrtux":
        first += {"u": 5, "x": 3}.get(text[first], 1)
    elif before == "%" and text[first : first + 2].isalnum():
        first += 2
    first = min(first, start)
    rest = _REST.match(text, end)
    last = rest.end() if rest else end
    while last > end and text[last - 1] in ".-":
        last -= 1
    return first, last


def _foreign_pairs(text: str, lower: str, most: int) -> Iterator[Span]:
    names = FOREIGN_ASCII_NAMES if lower.isascii() else FOREIGN_NAMES
    for seen, hit in enumerate(names.finditer(lower)):
        if seen == most:
            yield hit.start(), len(text), OVERFLOW
            return
        particle = _PARTICLE.match(text, hit.end())
        end = particle.end() if particle else hit.end()
        for start, stop, kind in _values(text, hit.start(), end, foreign(hit.group())):
            # Where words are not parted by blanks, the sentence goes on right behind the value.
            inside = _ASCII.match(text, start, stop)
            if kind:
                yield start, inside.end() if inside else stop, kind


def _qualified(lower: str, text: str, start: int, end: int) -> str:
    """The name, with the word before it when the two are one name in prose: `api key`, `secret key`."""
    before = lower[max(0, start - 16) : start]
    if before.endswith(" "):
        word = before.rstrip().rpartition(" ")[2].strip("\"'([{")
        if word in _QUALIFIERS:
            return f"{word}_{text[start:end]}"
    return text[start:end]


def _values(text: str, start: int, end: int, name: Name) -> Iterator[Span]:
    separator = _SEPARATOR.match(text, end)
    nearby = text[end : end + 80]
    field = (
        _VALUE_FIELD.match(text, end) if "val" in nearby or "Val" in nearby or "content" in nearby else None
    )
    if field is not None:
        how, at = "assign", field.end()
    elif separator is None:
        return
    else:
        how, at = separator.lastgroup or "", separator.end()
        if how == "pair" and not separator["close"]:
            how = "space"
        elif at == end:
            how = "assign"
        if (
            how == "element"
            and text[start - 1 : start] not in ("<", "/", ":", ";")
            and "u003" not in text[start - 6 : start]
        ):
            return
    annotation = _ANNOTATION.match(text, at)
    if annotation is not None:
        at = annotation.end()
    if name.kind in ("authorization", "cookie") and how in ("assign", "pair", "space"):
        found = list(_header(text, at, name))
        yield from found
        if found or name.kind == "cookie":
            return
    if how in ("assign", "pair") and _LIST.match(text, at):
        yield from _items(text, at, name)
        return
    option = how == "space" and (text[start] == "-" or text[max(0, start - 1) : start] == "-")
    span = _value(text, at)
    if span is None:
        return
    begin, stop = span
    quoted = begin > at
    if not quoted:
        before = text[max(0, start - 16) : start]
        ends = "#" if before[-1:] in ("?", "&") else "@" if "://" in before else ""
        ends += "," if how == "space" and not option else ""
        stop = min((at for sign in ends if (at := text.find(sign, begin, stop)) > 0), default=stop)
    if name.kind == "mnemonic" and (phrase := phrase_end(text, begin)) is not None:
        yield begin, phrase, name.kind
        return
    said = quoted and (how == "prose" or (how == "space" and name.kind in ("password", "passphrase")))
    sure = name.strict and (how in ("assign", "pair", "element") or option or said)
    if _is_secret(text[begin:stop], name, sure=sure, quoted=quoted):
        yield begin, stop, name.kind
    elif stop - begin > _LONG:
        # Too long to hold another name's value; without a kind it only says where to go on looking.
        yield begin, stop, ""


def _is_secret(value: str, name: Name, *, sure: bool, quoted: bool) -> bool:
    if len(value) <= 100 and (
        is_placeholder(value) or (not any(c.isdigit() for c in value) and classify(value) is not None)
    ):
        return False
    if name.numeric:
        most = 40 if name.kind == "account_number" else 10
        return sum(c.isdigit() for c in value) >= 4 and len(value) <= most
    if name.kind == "mnemonic" and not quoted:
        return looks_random(value)
    if sure:
        return len(value) >= 3 or quoted
    return looks_secret(value) if name.strict else looks_random(value)


def _value(text: str, at: int) -> tuple[int, int] | None:
    opened = _OPEN.match(text, at)
    if opened is None:
        return None
    begin, quote = opened.end(), opened["open"]
    if quote:
        plain = _PLAIN_QUOTED.get(quote)
        if plain is None:
            stop = text.find(_CLOSING.get(quote, quote), begin, begin + _MAX_VALUE)
            if stop >= 0:
                return begin, stop
        else:
            found = plain.match(text, begin)
            stop = found.end() if found else begin
            if text[stop : stop + 1] == quote:
                return begin, stop
    found = _UNQUOTED.match(text, begin, begin + _MAX_UNQUOTED)
    return (begin, found.end()) if found else None


def _header(text: str, at: int, name: Name) -> Iterator[Span]:
    """`Authorization: <scheme> <token>`, `Cookie: a=1; b=2`: the token, and the fields that look random."""
    opened = _OPEN.match(text, at)
    begin = opened.end() if opened else at
    scheme = _SCHEME.match(text, begin)
    if scheme is not None:
        begin = scheme.end()
        found = _UNQUOTED.match(text, begin, begin + _MAX_UNQUOTED)
        value = found.group() if found else ""
        if len(value) >= 4 and not is_placeholder(value) and not _NAMED.match(value):
            yield begin, begin + len(value), name.kind
            return
    line = text.find("\n", begin, begin + _MAX_WINDOW)
    for field in _FIELD.finditer(text, begin, line if line >= 0 else begin + _MAX_WINDOW):
        value = field.group(2)
        if field.group(1).lower() not in _COOKIE_FIELDS and looks_random(value):
            yield *field.span(2), name.kind


def _items(text: str, at: int, name: Name) -> Iterator[Span]:
    """The strings of a list or tuple that a name announces; of `auth=(user, password)` the second."""
    stop = text.find("]" if text[at] == "[" else ")", at, at + _MAX_WINDOW)
    strings = list(_STRING.finditer(text, at, stop if stop >= 0 else at + _MAX_WINDOW))
    # Reading them is work as well, which only counts when it is told.
    for _ in strings[4:]:
        yield at, at, ""
    login = name.kind == "authorization" and text[at] == "(" and len(strings) == 2
    for number, item in enumerate(strings):
        value = item.group(2)
        if is_placeholder(value):
            continue
        if (login and number == 1) or (looks_secret(value) if name.strict else looks_random(value)):
            yield *item.span(2), name.kind
