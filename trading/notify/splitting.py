"""One long message as several that each fit: blocks stay whole, and headings with what they head."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trading.notify.markup import Span, is_heading, marked, spans

__all__ = ["pages_of", "utf16"]

Size = Callable[[str], int]
"""How much of the limit a marked text takes, once written in the channel's own markup."""

_COUNTER = " (99/99)"


def utf16(text: str) -> int:
    """Return the length in UTF-16 code units, in which Telegram counts: most emoji take two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def pages_of(text: str, limit: int, size: Size) -> list[str]:
    """Return the text as pages of marked text, each of at most `limit` by `size`.

    A text that fits is one page, unchanged. Otherwise each page begins with the text's first line and a
    counter, and with the heading its first block belongs to. A block is cut only when it fits on no page, and
    then between lines where that is possible.

    Raises:
        ValueError: If the limit is too small to show anything below the first line.
    """
    if size(text) <= limit:
        return [text]
    first, _, rest = text.partition("\n")
    title = _shortened(first, limit // 4, size)
    room = limit - size(title + _COUNTER + "\n\n")
    if room < 40:
        raise ValueError(f"A page of {limit} is too small to split a message.")
    pages = list(_packed(rest.strip("\n").split("\n\n"), room, size))
    return [f"{title} ({number}/{len(pages)})\n\n{page}" for number, page in enumerate(pages, 1)]


def _packed(blocks: list[str], room: int, size: Size) -> Iterator[str]:
    page: list[str] = []
    for heading, block, is_first in _headed(blocks, room, size):
        # A heading comes with its first block, and once more with the first block of each further page.
        opening = [heading] if heading and is_first else []
        if page and size("\n\n".join([*page, *opening, block])) > room:
            yield "\n\n".join(page)
            page, opening = [], [heading] if heading else []
        page += [*opening, block]
    yield "\n\n".join(page)


def _headed(blocks: list[str], room: int, size: Size) -> Iterator[tuple[str, str, bool]]:
    heading, is_first = "", False
    for block in blocks:
        if is_heading(block) and size(block) <= room // 4:
            if heading and is_first:
                yield "", heading, False
            heading, is_first = block, True
            continue
        left = room - size(heading + "\n\n") if heading else room
        for piece in [block] if size(block) <= left else _cut(block, left, size):
            yield heading, piece, is_first
            is_first = False
    if heading and is_first:
        yield "", heading, False


def _cut(block: str, room: int, size: Size) -> Iterator[str]:
    lines: list[str] = []
    for line in block.split("\n"):
        for piece in [line] if size(line) <= room else _cut_line(line, room, size):
            if lines and size("\n".join([*lines, piece])) > room:
                yield "\n".join(lines)
                lines = []
            lines.append(piece)
    yield "\n".join(lines)


def _cut_line(line: str, room: int, size: Size) -> Iterator[str]:
    taken: list[Span] = []
    for stretch in spans(line):
        rest = stretch.text
        while rest:
            count = _fitting(taken, Span(rest, stretch.style), room, size)
            if count:
                taken.append(Span(rest[:count], stretch.style))
            if count < len(rest):
                yield marked(taken)
                taken = []
            rest = rest[count:]
    if taken:
        yield marked(taken)


def _fitting(taken: list[Span], more: Span, room: int, size: Size) -> int:
    low, high = 0, len(more.text)
    while low < high:
        middle = (low + high + 1) // 2
        line = marked([*taken, Span(more.text[:middle], more.style)])
        low, high = (middle, high) if size(line) <= room else (low, middle - 1)
    return low


def _shortened(line: str, room: int, size: Size) -> str:
    if size(line) <= room:
        return line
    return next(_cut_line(line, room - size("…"), size)) + "…"
