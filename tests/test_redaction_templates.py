"""The verdict by parts may never say less than the look at the whole message."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from obs.redaction import gate, has_hint
from obs.redaction.templates import MIXED_LIMIT, SIGNS, UNSURE, weigh_template, weigh_value

PREFILTERS = {"ke", "cre", "fa", "acc", "pin", "ont", " -", "\\", "%"}
"""Asked before a rarer sign, never alone."""

PARTS = st.one_of(
    st.sampled_from(SIGNS).flatmap(
        lambda sign: st.tuples(st.integers(0, len(sign)), st.integers(0, len(sign))).map(
            lambda cut: sign[min(cut) : max(cut)]
        )
    ),
    st.sampled_from(
        [" ", "=", ":", "-", "/", "_", "a", "RSI14", "order ", "x9", ", ", " to ", "(", ")", "%%", "+"]
    ),
)
PIECES = st.lists(PARTS, max_size=5).map("".join)
CONVERSIONS = st.sampled_from(["%s", "%d", "%.2f", "%r", "%5s", "%-8s", "%+d", "% d", "%.3s", "%i"])
NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(1e-4, 1e15) | st.floats(-1e15, -1e-4),
    st.sampled_from([0, -0.0, True, None, False]),
)
VALUES = (
    NUMBERS
    | st.lists(PARTS, min_size=1, max_size=3).map("".join)
    | st.sampled_from(["BTC/USDT", "buy", "5m", "42"])
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, tuple[object, ...]]:
    count = draw(st.integers(0, 4))
    pieces = draw(st.lists(PIECES, min_size=count + 1, max_size=count + 1))
    conversions = draw(st.lists(CONVERSIONS, min_size=count, max_size=count))
    values = draw(st.lists(VALUES, min_size=count, max_size=count))
    template = pieces[0].replace("%", "%%") + "".join(
        conversion + piece.replace("%", "%%")
        for conversion, piece in zip(conversions, pieces[1:], strict=True)
    )
    return template, tuple(values)


def weight(template: str, values: tuple[object, ...]) -> int:
    return weigh_template(template) + sum(weigh_value(value) for value in values if isinstance(value, str))


@given(messages())
@example(("user pa%s", ("ss",)))
@example(("account %s", ("no",)))
@example(("8=%s", ("fix",)))
@example(("%sfa", (2,)))
@example(("curl %s", ("-u",)))
@example(("id=%s/%s/%s", ("5m", "15m", "240m")))
@example(("%s\n", ("pin",)))
@example(("a %s b", ("",)))
@settings(max_examples=1_000)
def test_what_is_sure_by_its_parts_is_sure_as_a_whole(message: tuple[str, tuple[object, ...]]) -> None:
    template, values = message
    try:
        text = template % values
    except (TypeError, ValueError):
        return

    if weight(template, values) < MIXED_LIMIT:
        assert not has_hint(text), text


@pytest.mark.parametrize("sign", SIGNS)
def test_each_sign_is_seen_by_the_gate(sign: str) -> None:
    text = "a://@" if sign in ("@", "://") else f" a{sign}a" if sign[0] != " " else f"a{sign}"

    assert has_hint(text)
    assert weigh_template(text.replace("%", "%%")) == UNSURE


def test_each_literal_of_the_gate_is_among_the_signs() -> None:
    """A sign that only the gate knows could come about between a template and a value."""
    literals = {word for word in has_hint.__code__.co_consts if isinstance(word, str) and "\n" not in word}
    words = {
        word for word in literals if not word.startswith("Return") and word not in ("utf-8", "surrogatepass")
    }

    assert words | set(gate._ACCOUNT) | set(gate._PIN) <= set(SIGNS) | PREFILTERS


@pytest.mark.parametrize(
    "template",
    [
        "order %s filled qty=%s price=%s",
        "balance of %s: free %s locked %s",
        "[%s] %-5s took %.2f ms",
        "%d%% of %s done (RSI14 %s)",
        "the market is open",
    ],
)
def test_ordinary_templates_are_sure(template: str) -> None:
    """Else the whole road is taken for each of their records."""
    assert weigh_template(template) < MIXED_LIMIT


@pytest.mark.parametrize(
    "template",
    [
        "api_key=%s",
        "pa%s",
        "%sUSDT",
        "%s%s",
        "%x",
        "%(name)s",
        "%*d",
        "\ube44\ubc00 %s",
        "%e",
        "100%",
        "%5s" * 3,
    ],
)
def test_a_template_that_may_announce_or_complete_a_secret_is_unsure(template: str) -> None:
    assert weigh_template(template) == UNSURE


@pytest.mark.parametrize(
    "value",
    ["", "-u", "password", "pin", "spin", "account", "a b", "a://b", "\uff41", "a" * 40, "user@host", "a\\"],
)
def test_a_value_that_may_complete_a_sign_is_unsure(value: str) -> None:
    assert weigh_value(value) == UNSURE
