"""What a call of a language model costs: the user's own prices first, then the tables of `genai-prices`.

The tables come with the installed library and are read from it alone: nothing is fetched. It takes half a
second to load, so it is loaded at the first call whose model no own price covers, and never in the bot.
What has no price is said to be unpriced, and is never 0. A model that runs on the user's own machine costs
nothing only when a price file declares so.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib.metadata
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from obs.money.entries import LlmCall

__all__ = ["STANDARD", "OwnPrice", "PriceError", "Prices", "load"]

MILLION = Decimal(1_000_000)
SECOND_NS = 1_000_000_000
_PROVIDERS = {
    "gcp.gen_ai": "google",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "vertex_ai": "google",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "az.ai.inference": "azure",
    "aws.bedrock": "aws",
    "bedrock": "aws",
    "claude": "anthropic",
    "gpt": "openai",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "mistral_ai": "mistral",
}
"""The conventions' names of providers, and common ones, in the words of the price tables."""
_MAKERS = {
    "claude-": "anthropic",
    "gpt-": "openai",
    "gemini-": "google",
    "sonar": "perplexity",
    "chatgpt-": "openai",
    "o3": "openai",
    "o4-mini": "openai",
}
"""How models begin that only their maker sells: they have one price whatever gateway a bot names."""
_OPEN_MODELS = ("gpt-oss",)
"""Models that begin like those and that anybody may run."""
_REGIONS = ("us.", "eu.", "apac.", "global.", "jp.", "au.")


class PriceError(ValueError):
    """A price file that cannot be used; the message names the place, the value and the mend."""


class OwnPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[price]]` of the user's price file; amounts for a million tokens."""

    model: str = "*"
    """Pattern (`gpt-5*`) of the model's name."""
    provider: str = "*"
    """Pattern of the provider's name."""
    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    """Input read from the provider's cache; as `input` when left out."""
    written: Decimal | None = None
    """Input written to it; as `input` when left out."""
    request: Decimal = Decimal(0)
    """For each call."""
    currency: str = "USD"
    valid_from: date | None = None
    """First day, in UTC, on which it holds; always when left out."""
    above: int = 0
    """Holds for calls with more input tokens than this."""
    is_local: bool = False
    """It runs on the user's own machine and costs nothing."""
    cached_apart: bool = False
    """The bot reports cached tokens beside its input tokens, not among them."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    price: list[OwnPrice] = []


class Prices(msgspec.Struct, frozen=True):
    """All price tables."""

    own: tuple[OwnPrice, ...] = ()
    """The user's, in the order of the file."""

    def priced(self, call: LlmCall) -> LlmCall:
        """Return the call with its cost and how that is known."""
        own = self._own(call)
        call = _whole(call, apart=own is not None and own.cached_apart)
        known = _by_own(own, call) if own is not None and (own.is_local or own.input is not None) else None
        if known is None:
            known = _by_table(call)
        if known is not None:
            cost, currency, basis, price = known
            return msgspec.structs.replace(call, cost=cost, currency=currency, basis=basis, price=price)
        if call.reported is not None:
            return msgspec.structs.replace(
                call, cost=call.reported, currency=call.reported_currency, basis="reported"
            )
        if call.error and not call.output_tokens:
            # It failed before it answered: there is nothing to price.
            return msgspec.structs.replace(call, basis="none")
        return call

    def _own(self, call: LlmCall) -> OwnPrice | None:
        fitting = [price for price in self.own if _fits(price, call)]
        # The latest that holds, of these the one for the longest prompts; else the first of the file.
        return max(fitting, key=lambda price: (price.valid_from or date.min, price.above), default=None)


STANDARD = Prices()
"""Without prices of one's own."""


def load(path: Path | None) -> Prices:
    """Return the price tables with the user's own file.

    Args:
        path: The file; None: there is none.

    Raises:
        PriceError: If it cannot be read or a price is wrong.
    """
    if path is None:
        return STANDARD
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        own = msgspec.convert(data, _File).price
    except OSError as error:
        raise PriceError(f"{path}: cannot be read ({error.strerror}): make it readable") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise PriceError(f"{path}: {error}: mend that place") from None
    for number, price in enumerate(own, 1):
        amounts = (price.input, price.output, price.cached, price.written, price.request)
        if any(amount is not None and amount < 0 for amount in amounts):
            raise PriceError(f"{path}: price {number}: an amount is below 0: write it without the sign")
        if not price.is_local and (price.input is None) != (price.output is None):
            raise PriceError(f"{path}: price {number}: give both input and output, or neither")
    return Prices(tuple(own))


def _fits(price: OwnPrice, call: LlmCall) -> bool:
    if price.valid_from is not None and _at(call).date() < price.valid_from:
        return False
    if price.above and (call.input_tokens or 0) <= price.above:
        return False
    return fnmatch.fnmatchcase(call.model.lower(), price.model.lower()) and fnmatch.fnmatchcase(
        call.provider.lower(), price.provider.lower()
    )


def _whole(call: LlmCall, *, apart: bool) -> LlmCall:
    """Return the call with tokens as the conventions count them: cached and thinking ones included."""
    changed: dict[str, int] = {}
    beside = call.cached_tokens + call.written_tokens
    if call.input_tokens is not None and beside and (apart or beside > call.input_tokens):
        # More cached than all: that cannot be, so they were reported apart.
        changed["input_tokens"] = call.input_tokens + beside
    if call.output_tokens is not None and call.reasoning_tokens > call.output_tokens:
        changed["output_tokens"] = call.output_tokens + call.reasoning_tokens
    return msgspec.structs.replace(call, **changed) if changed else call


Known = tuple[Decimal, str, str, str]
"""Cost, currency, how it is known, and by which price."""


def _by_own(own: OwnPrice, call: LlmCall) -> Known | None:
    named = f"own price of {own.model}" + (f" from {own.valid_from}" if own.valid_from else "")
    if own.is_local:
        return Decimal(0), own.currency, "local", named
    if own.input is None or own.output is None or call.input_tokens is None or call.output_tokens is None:
        return None
    cached = own.cached if own.cached is not None else own.input
    written = own.written if own.written is not None else own.input
    plain = call.input_tokens - call.cached_tokens - call.written_tokens
    cost = plain * own.input + call.cached_tokens * cached + call.written_tokens * written
    return (cost + call.output_tokens * own.output) / MILLION + own.request, own.currency, "override", named


def _by_table(call: LlmCall) -> Known | None:
    if not call.model or call.input_tokens is None or call.output_tokens is None:
        return None
    if call.error and not call.output_tokens:
        return None
    found = _model(call.provider.lower(), call.model)
    if found is None:
        return None
    from genai_prices import Usage

    provider, model = found
    usage = {"input_tokens": call.input_tokens, "output_tokens": call.output_tokens}
    if call.cached_tokens:
        usage["cache_read_tokens"] = call.cached_tokens
    if call.written_tokens:
        usage["cache_write_tokens"] = call.written_tokens
    try:
        price = model.calc_price(Usage(**usage), provider, genai_request_timestamp=_at(call))
    except (ValueError, LookupError):
        return None
    return price.total_price, "USD", "table", f"{_version()}, {provider.id}/{model.id}"


def _at(call: LlmCall) -> datetime:
    return datetime.fromtimestamp(call.time // SECOND_NS, UTC)


@functools.cache
def _version() -> str:
    return f"genai-prices {importlib.metadata.version('genai-prices')}"


@functools.lru_cache(maxsize=1_024)
def _model(provider: str, model: str) -> tuple[Any, Any] | None:
    """Return the tables' provider and model, or None when they know no such price."""
    from genai_prices.data_snapshot import get_snapshot

    for provider_id, reference in _candidates(provider, model.lower()):
        try:
            found, priced = get_snapshot().find_provider_model(reference, None, provider_id, None)
        except LookupError:
            continue
        return found, priced
    return None


def _candidates(provider: str, model: str) -> list[tuple[str, str]]:
    known = _PROVIDERS.get(provider, provider)
    bare = model.rsplit("/", 1)[-1]
    for prefix in _REGIONS:
        bare = bare.removeprefix(prefix)
    candidates = [(known, model)] if known else []
    if known and bare != model:
        candidates.append((known, bare))
    # `anthropic.claude-…`, `openai/gpt-…`: the maker is part of the name.
    ours = bare.split(".", 1)[-1] if bare.split(".", 1)[0] in ("anthropic", "openai") else bare
    for prefix, maker in _MAKERS.items():
        if ours.startswith(prefix) and not ours.startswith(_OPEN_MODELS):
            candidates.append((maker, ours))
    return candidates
