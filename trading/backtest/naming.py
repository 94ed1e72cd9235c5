"""What a backtest is asked to run, by name: `maps`, `sma_cross:20,60`, `hold`, or a rule of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from typing import Any

from trading.backtest.engines import EachSymbol, Holding
from trading.backtest.portfolio import Engine
from trading.errors import TradingError
from trading.signals.engine import SignalEngine
from trading.signals.params import Params
from trading.strategies import Strategy, sma_cross

__all__ = ["KINDS", "Subject", "subject_of"]

KINDS = "maps, sma_cross:FAST,SLOW, hold, or module:function of your own"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is tested."""

    kind: str
    """`maps`, `sma_cross`, `hold`, or the path of a rule of one's own."""
    name: str
    """As it was asked for."""
    parameters: Mapping[str, float | int | str | bool]
    strategy: Callable[[], Strategy] | None
    """Makes the rule for one symbol; `None` when it needs all of them at once."""
    engine: Callable[[Sequence[str]], Engine]
    """Makes the engine for some symbols."""


def subject_of(name: str, params: Params) -> Subject:
    """Return what a name stands for.

    Args:
        name: `maps`, `sma_cross:20,60`, `hold`, or `module:function`, a function without arguments that
            returns a strategy.
        params: Of `maps`.

    Raises:
        TradingError: If nothing has that name, or its arguments are wrong.
    """
    kind, _, rest = name.partition(":")
    if kind == "maps" and not rest:
        return Subject(
            kind=kind,
            name=name,
            parameters=_plain(params),
            strategy=None,
            engine=lambda symbols: SignalEngine(params, symbols),
        )
    if kind == "hold" and not rest:
        return Subject(kind=kind, name=name, parameters={}, strategy=None, engine=Holding)
    if kind == "sma_cross":
        fast, slow = _windows(name, rest)
        return _each(kind, name, {"fast": fast, "slow": slow}, partial(sma_cross, fast, slow))
    if rest.isidentifier():
        return _each(name, name, {}, _own(kind, rest))
    raise TradingError(f'strategy "{name}" is unknown: use {KINDS}.')


def _each(
    kind: str, name: str, parameters: Mapping[str, float | int | str | bool], make: Callable[[], Strategy]
) -> Subject:
    return Subject(
        kind=kind,
        name=name,
        parameters=parameters,
        strategy=make,
        engine=lambda symbols: EachSymbol(make, symbols),
    )


def _windows(name: str, rest: str) -> tuple[int, int]:
    try:
        fast, slow = (int(part) for part in rest.split(","))
        sma_cross(fast, slow)
    except ValueError as error:
        raise TradingError(
            f'strategy "{name}": {error}. Write two numbers of bars, the smaller first: sma_cross:20,60.'
        ) from error
    return fast, slow


def _own(module: str, name: str) -> Callable[[], Strategy]:
    try:
        make: Any = getattr(import_module(module), name)
        rule = make()
    except (ImportError, AttributeError, TypeError) as error:
        raise TradingError(
            f'strategy "{module}:{name}" cannot be made: {error}. It must be a function without arguments in '
            "a module that Python finds."
        ) from error
    if not callable(getattr(rule, "on_bar", None)):
        raise TradingError(
            f'strategy "{module}:{name}" returns a {type(rule).__name__} without on_bar(bar, held).'
        )
    return make  # type: ignore[no-any-return]


def _plain(params: Params) -> dict[str, float | int | str | bool]:
    """Return the parameters flat, without those that hold nothing."""
    found: dict[str, float | int | str | bool] = {}
    for name, value in asdict(params).items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": _text(each) for key, each in value.items() if each not in ("", None)}
        elif value not in ("", ()):
            found[name] = _text(value)
    return found


def _text(value: Any) -> float | int | str | bool:
    return value if isinstance(value, float | int | bool) else str(value)
