"""What a model call costs: by hand, by one's own file, by a bot's word, and when nobody knows."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from obs.money.entries import LlmCall, llm_call_of
from obs.money.pricing import PriceError, Prices, load
from tests.builders import REPO
from tests.money.telling import amounts, calculator, call


def priced(prices: Prices | None = None, at: float | str = 0, **values: Any) -> LlmCall:
    found = llm_call_of(call(at, **values), "bot-1", prices)
    assert found is not None
    return found


def tokens(**counts: int | None) -> dict[str, Any]:
    return {f"gen_ai__usage__{name}": count for name, count in counts.items()}


def file(folder: Path, text: str) -> Prices:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_cached_tokens_are_part_of_the_input_and_cheaper() -> None:
    # By hand: 800 × 1.25 + 200 × 0.125 + 100 × 10 USD for a million.
    one = priced(gen_ai__usage__cache_read__input_tokens=200)

    assert (one.cost, one.currency, one.basis) == (Decimal("0.002025"), "USD", "table")
    assert one.price.endswith("openai/gpt-5")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("openai", "gpt-4o-2024-08-06"),
        ("gcp.gemini", "gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-flash"),
        ("perplexity", "sonar-pro"),
        ("azure.ai.openai", "gpt-5-mini"),
        ("aws.bedrock", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("litellm", "openai/gpt-5"),
        ("", "claude-opus-4-1"),
    ],
)
def test_the_models_of_the_large_providers_have_a_price_by_whatever_name(provider: str, model: str) -> None:
    one = priced(gen_ai__provider__name=provider, model=model)

    assert one.basis == "table"
    assert one.cost is not None
    assert one.cost > 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [("ollama", "llama3.1:8b"), ("vllm", "gpt-oss-20b"), ("openai", "ours-7"), ("", "")],
)
def test_what_has_no_price_is_unpriced_and_never_nothing(provider: str, model: str) -> None:
    one = priced(gen_ai__provider__name=provider, model=model)

    now = calculator(call(gen_ai__provider__name=provider, model=model)).realtime()

    assert (one.cost, one.basis) == (None, "unpriced")
    assert (now.total_cost_today, now.unpriced_today, now.calls_today) == ((), 1, 1)
    assert now.notes == ("1 model call without a known price: not in the cost",)


def test_a_bots_own_word_serves_where_no_price_is_known_and_is_marked() -> None:
    one = priced(model="ours-7", llm__cost="0.5", llm__cost_currency="EUR")

    assert (one.cost, one.currency, one.basis) == (Decimal("0.5"), "EUR", "reported")


def test_a_known_price_stands_against_a_bots_word() -> None:
    one = priced(llm__cost="9.99")

    assert (one.cost, one.reported, one.basis) == (Decimal("0.00225"), Decimal("9.99"), "table")


def test_without_tokens_the_bots_word_serves() -> None:
    one = priced(llm__cost="0.01", gen_ai__usage__input_tokens=None)

    assert (one.cost, one.basis) == (Decimal("0.01"), "reported")


def test_a_call_that_failed_before_it_answered_is_not_unpriced() -> None:
    one = priced(error__type="timeout", **tokens(input_tokens=None, output_tokens=None))

    assert (one.cost, one.basis, one.error) == (None, "none", "timeout")


def test_tokens_that_a_provider_reports_apart_are_added() -> None:
    more_cached_than_all = priced(
        gen_ai__usage__cache_read__input_tokens=5_000, **tokens(input_tokens=1_000, output_tokens=100)
    )
    thinking = priced(gen_ai__usage__reasoning__output_tokens=900)

    # 1,000 × 1.25 + 5,000 × 0.125 + 100 × 10 USD for a million.
    assert (more_cached_than_all.input_tokens, more_cached_than_all.cost) == (6_000, Decimal("0.002875"))
    assert thinking.output_tokens == 1_000


def test_long_prompts_have_the_price_of_their_own_tier() -> None:
    short = priced(gen_ai__provider__name="gcp.gemini", model="gemini-2.5-pro")
    long = priced(
        gen_ai__provider__name="gcp.gemini",
        model="gemini-2.5-pro",
        **tokens(input_tokens=300_000, output_tokens=1_000),
    )

    # 1.25 and 10 USD for a million up to 200,000 tokens of input, 2.50 and 15 above.
    assert short.cost == Decimal("0.00225")
    assert long.cost == Decimal("0.765")


def test_ones_own_prices_come_first_and_the_latest_that_holds(tmp_path: Path) -> None:
    prices = file(
        tmp_path,
        """
        [[price]]
        model = "gpt-5*"
        input = 2
        output = 20
        cached = 0.5
        [[price]]
        model = "gpt-5*"
        input = 1
        output = 10
        request = 0.01
        currency = "EUR"
        valid_from = 2025-12-01
        """,
    )

    before = priced(prices, "2025-11-30T23:59", gen_ai__usage__cache_read__input_tokens=500)
    after = priced(prices, "2025-12-01T00:00")

    # 500 × 2 + 500 × 0.5 + 100 × 20; then 1,000 × 1 + 100 × 10 and 0.01 for the request.
    assert (before.cost, before.currency, before.basis) == (Decimal("0.00325"), "USD", "override")
    assert (after.cost, after.currency) == (Decimal("0.012"), "EUR")


def test_a_tier_of_ones_own_holds_above_its_input(tmp_path: Path) -> None:
    prices = file(
        tmp_path,
        '[[price]]\nmodel = "m"\ninput = 1\noutput = 1\n'
        '[[price]]\nmodel = "m"\ninput = 2\noutput = 2\nabove = 1000\n',
    )

    at_it = priced(prices, model="m", **tokens(input_tokens=1_000, output_tokens=0))
    above = priced(prices, model="m", **tokens(input_tokens=1_001, output_tokens=0))

    assert (at_it.cost, above.cost) == (Decimal("0.001"), Decimal("0.002002"))


def test_a_local_model_costs_nothing_only_when_it_is_declared(tmp_path: Path) -> None:
    prices = file(tmp_path, '[[price]]\nprovider = "ollama"\nis_local = true\n')

    one = priced(prices, gen_ai__provider__name="ollama", model="llama3.1:8b")

    assert (one.cost, one.basis) == (Decimal(0), "local")


def test_a_bot_that_reports_cached_tokens_apart_can_be_declared(tmp_path: Path) -> None:
    prices = file(tmp_path, '[[price]]\nprovider = "openai"\ncached_apart = true\n')

    one = priced(prices, gen_ai__usage__cache_read__input_tokens=200)

    # 1,000 × 1.25 + 200 × 0.125 + 100 × 10 USD for a million, by the shipped table.
    assert (one.input_tokens, one.cost, one.basis) == (1_200, Decimal("0.002275"), "table")


@pytest.mark.parametrize(
    "text",
    [
        '[[price]]\nmodel = "m"\ninput = -1\noutput = 1\n',
        '[[price]]\nmodel = "m"\ninput = 1\n',
        '[[price]]\nmodle = "m"\n',
        "[[price]\n",
    ],
)
def test_a_price_file_that_is_wrong_names_itself(tmp_path: Path, text: str) -> None:
    with pytest.raises(PriceError, match=r"prices\.toml"):
        file(tmp_path, text)


def test_a_missing_price_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_costs_of_several_currencies_stand_side_by_side() -> None:
    now = calculator(call(), call(model="ours-7", llm__cost="1", llm__cost_currency="KRW")).realtime()

    assert amounts(now.total_cost_today) == {"KRW": "1", "USD": "0.00225"}


def test_the_price_tables_are_loaded_by_the_first_call_that_needs_them_and_not_before(tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.log"
    quiet.write_text("2026-11-20 10:00:00,000 ERROR bot.core: connection refused\n", encoding="utf-8")
    program = (
        "import sys, pathlib, obs; obs.analyze(pathlib.Path(sys.argv[1])).to_json();"
        "assert not [m for m in sys.modules if m.startswith('genai_prices')]"
    )

    done = subprocess.run([sys.executable, "-c", program, quiet], cwd=REPO, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr.decode()
