"""The pieces that charts are drawn with: SVG shapes, escaped text, its width, the colours of both modes."""

from __future__ import annotations

import hashlib
import re
from html import escape

__all__ = ["clean", "dot", "line", "minus", "seen", "shortened", "svg", "text", "text_width", "triangle"]

_STYLE = """
.tc{--tc-text:#15171a;--tc-dim:#626974;--tc-grid:#e3e3df;--tc-axis:#c9c9c4;--tc-line:#3a62c9;--tc-other:#7a51bf;
--tc-gain:#14703f;--tc-loss:#c01f1a;--tc-entry:#0f7a87;--tc-back:#ffffff;
font-family:Inter,"Apple SD Gothic Neo",Pretendard,"Noto Sans KR","Malgun Gothic",system-ui,sans-serif;
font-size:12px;font-variant-numeric:tabular-nums}
@media screen and (prefers-color-scheme:dark){
.tc{--tc-text:#eceef1;--tc-dim:#8a929f;--tc-grid:#23272f;--tc-axis:#343a45;
--tc-line:#7fa2f5;--tc-other:#b79ae8;--tc-gain:#63c893;--tc-loss:#ff7a72;--tc-entry:#4fb3bf;--tc-back:#111317}}
.tc text{fill:var(--tc-dim)}.tc .tc-strong{fill:var(--tc-text);font-weight:600}
.tc .tc-back{fill:var(--tc-back)}.tc .tc-grid{stroke:var(--tc-grid)}.tc .tc-axis{stroke:var(--tc-axis)}
.tc .tc-start{stroke:var(--tc-dim);stroke-dasharray:2 4}
.tc .tc-line{fill:none;stroke:var(--tc-line);stroke-width:1.75;stroke-linejoin:round}
.tc .tc-other{fill:none;stroke:var(--tc-other);stroke-width:1.25;stroke-dasharray:5 3;stroke-linejoin:round}
.tc .tc-dot{fill:var(--tc-line);stroke:var(--tc-back);stroke-width:1.5}
.tc .tc-fall{fill:var(--tc-loss);fill-opacity:.16;stroke:none}
.tc .tc-fall-line{fill:none;stroke:var(--tc-loss);stroke-width:1.25;stroke-linejoin:round}
.tc .tc-fall-dot{fill:var(--tc-loss);stroke:var(--tc-back);stroke-width:1.5}
.tc .tc-entry{fill:var(--tc-entry)}.tc .tc-gain{fill:var(--tc-gain)}
.tc .tc-loss{fill:var(--tc-back);stroke:var(--tc-loss);stroke-width:1.5}
.tc .tc-up{fill:var(--tc-line)}.tc .tc-down{fill:var(--tc-loss)}
.tc .tc-hover{fill:var(--tc-text);opacity:0}.tc .tc-hover:hover{opacity:.07}
"""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Control, direction and zero-width characters, lone surrogates: nobody sees them, and XML refuses some."""
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]")


def svg(width: float, height: float, title: str, desc: str, body: str) -> str:
    # Several charts share a page: their ids must differ, and the same chart must stay the same text.
    ident = "c" + hashlib.sha256(f"{width}{title}{desc}{body}".encode(errors="replace")).hexdigest()[:10]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tc" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="{ident}t" '
        f'aria-describedby="{ident}d"><title id="{ident}t">{clean(title)}</title>'
        f'<desc id="{ident}d">{clean(desc)}</desc><style>{_STYLE}</style>'
        f'<rect class="tc-back" width="100%" height="100%" rx="6"/>{body}</svg>'
    )


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="tc-{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def dot(x: float, y: float, style: str) -> str:
    return f'<circle class="tc-{style}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def triangle(x: float, y: float, style: str, *, up: bool) -> str:
    tip = -4.0 if up else 4.0
    return (
        f'<polygon class="tc-{style}" points="{x - 4:.1f},{y - tip:.1f} {x + 4:.1f},{y - tip:.1f} '
        f'{x:.1f},{y + tip:.1f}"/>'
    )


def text(x: float, y: float, text: str, style: str = "", *, anchor: str = "start") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{clean(text)}</text>'


def clean(text: str) -> str:
    """Return foreign text escaped for XML."""
    return escape(seen(text))


def seen(text: str) -> str:
    """Return a text with `\ufffd` for each character that nobody sees."""
    return _UNSEEN.sub("\ufffd", text)


def minus(text: str, *, dates: bool = False) -> str:
    # A hyphen between digits belongs to a date.
    return re.sub(r"(?<![\d-])-(?=\d)", "\u2212", text) if dates else text.replace("-", "\u2212")


def text_width(text: str, *, bold: bool = False) -> float:
    """Return about how wide a text of 12 pixels is: there is no font to ask, so rather too wide."""
    width = sum(12.0 if _WIDE.match(c) else 4.2 if c in ",.·:il " else 7.7 for c in text)
    return width * (1.1 if bold else 1.0)


def shortened(text: str, room: float) -> str:
    if text_width(text) <= room:
        return text
    while text and text_width(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"
