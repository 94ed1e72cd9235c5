"""The little markup of messages: what was meant is what is shown, on every kind of channel."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.trading.notify.standins import joined, read_markdown_v2
from trading.notify.markup import Span, escape, marked, spans, to_html, to_plain, to_slack, to_telegram
from trading.notify.splitting import pages_of, utf16

ANY = st.text(st.characters(exclude_categories=()), max_size=60) | st.text(
    "*_`[]()~>#+-=|{}.!\\<&\ud800\udfff@ \n🟢가", max_size=60
)

STRETCHES = st.lists(
    st.builds(
        Span, st.text("ab*`\\_.!<&🟢가 ", min_size=1, max_size=8), st.sampled_from(["", "bold", "code"])
    ),
    max_size=6,
)


@given(ANY)
def test_foreign_text_is_shown_as_it_is_and_styles_nothing(text: str) -> None:
    shown = spans(escape(text))

    assert all(span.style == "" and span.text.encode() for span in shown)
    assert all(letter in text or letter in " \ufffd" for span in shown for letter in span.text)


@given(STRETCHES)
def test_what_is_written_is_what_is_read(stretches: list[Span]) -> None:
    meant = joined(stretches)

    assert spans(marked(meant)) == meant


@given(STRETCHES)
def test_telegram_reads_what_was_meant(stretches: list[Span]) -> None:
    meant = joined(stretches)

    assert read_markdown_v2(to_telegram(marked(meant))) == meant


@given(ANY)
def test_no_text_is_refused_by_telegram(text: str) -> None:
    read_markdown_v2(to_telegram(text.replace("\n", " ").encode("utf-8", "replace").decode()))


@given(ANY)
def test_no_text_addresses_anybody_on_slack(text: str) -> None:
    written = to_slack(f"*{escape(text)}* {escape(text)}")

    assert "<" not in written
    assert not re.search(r"&(?!amp;|lt;|gt;)", written)


@given(ANY)
def test_html_holds_no_tag_that_was_not_meant(text: str) -> None:
    written = to_html(f"`{escape(text)}` {escape(text)}")

    assert set(re.findall(r"<[^>]*>", written)) <= {"<p>", "</p>", "<samp>", "</samp>", "<br>"}
    assert html.unescape(re.sub(r"<[^>]*>", "", written)) == to_plain(f"`{escape(text)}` {escape(text)}")


def test_a_mark_without_its_partner_is_itself() -> None:
    assert to_plain("2 * 3 = 6, `") == "2 * 3 = 6, `"
    assert spans("a *b* `c` *") == [
        Span("a ", ""),
        Span("b", "bold"),
        Span(" ", ""),
        Span("c", "code"),
        Span(" *", ""),
    ]


def test_text_that_turns_the_direction_of_writing_loses_that_power() -> None:
    assert escape("price \u202e0001\u202c") == "price 0001"


def measured(write: Callable[[str], str]) -> Callable[[str], int]:
    return lambda text: utf16(write(text))


BLOCKS = st.lists(st.text("ab.🟢 \n*`\\", min_size=1, max_size=90), min_size=1, max_size=12)


@given(BLOCKS, st.integers(160, 400))
def test_every_page_fits_and_nothing_is_lost(blocks: list[str], limit: int) -> None:
    text = "*title*\n\n" + "\n\n".join(blocks)

    pages = pages_of(text, limit, measured(to_telegram))

    assert all(utf16(to_telegram(page)) <= limit for page in pages)
    whole = re.sub(r"\s", "", to_plain("\n".join(page.partition("\n")[2] for page in pages)))
    letters = re.sub(r"\s", "", to_plain(text.partition("\n")[2]))
    # A heading is repeated, so the pages may hold more than the text.
    assert whole == letters or len(whole) > len(letters)


def test_a_signal_is_never_cut_and_a_heading_goes_with_it() -> None:
    signals = [f"{number}. `{number:06}` (name)\n   • a line\n   • another line" for number in range(1, 30)]
    text = "\n\n".join(["*title*", "about", "*buys*", *signals[:20], "*sells*", *signals[20:]])

    pages = pages_of(text, 400, measured(to_telegram))

    assert len(pages) > 3
    assert all(
        page.startswith(f"*title* ({number}/{len(pages)})\n\n") for number, page in enumerate(pages, 1)
    )
    blocks = [block for page in pages for block in page.split("\n\n")[1:]]
    assert [block for block in blocks if block[0].isdigit()] == signals
    assert all("*buys*" in page or "*sells*" in page for page in pages)
    assert not any(page.endswith(("*buys*", "*sells*")) for page in pages)


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert pages_of("*t*\n\na", 4096, utf16) == ["*t*\n\na"]


def test_telegram_counts_an_emoji_as_two() -> None:
    assert (utf16("🟢"), utf16("가"), utf16("a")) == (2, 1, 1)
