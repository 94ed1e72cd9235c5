"""Writes the tables of docs/trading.md that tell what the code says: settings, parameters and commands.

Run `python -m scripts.write_trading_docs` after one of them changed; a test compares the page.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from trading import regime, settings
from trading.__main__ import COMMANDS
from trading.signals import params

PAGE = Path(__file__).resolve().parents[1] / "docs" / "trading.md"


def written(page: str) -> str:
    """Return the page with these tables as the code has them now."""
    for name, lines in (("settings", _settings()), ("params", _params()), ("commands", _commands())):
        table = f"<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- /{name} -->"
        page = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _: table, page, flags=re.DOTALL)  # noqa: B023
    return page


def _settings() -> Iterator[str]:
    yield "| setting | default | what it means |\n|---|---|---|"
    meanings = _meanings(settings.__file__)
    for section in msgspec.structs.fields(settings.TradingSettings):
        for field in msgspec.structs.fields(section.type):
            meaning = _cell(meanings[section.type.__name__, field.name])
            yield f"| `[{section.name}] {field.name}` | {_default(field.default)} | {meaning} |"


def _params() -> Iterator[str]:
    yield "| parameter | default | what it means |\n|---|---|---|"
    for place, struct, source in (
        ("", params.Params(), params.__file__),
        ("market.", regime.RegimeRules(), regime.__file__),
    ):
        meanings = _meanings(source)
        for field in dataclasses.fields(struct):
            if field.name not in ("market", "regimes"):
                meaning = _cell(meanings[type(struct).__name__, field.name])
                yield f"| `{place}{field.name}` | {_default(getattr(struct, field.name))} | {meaning} |"


def _meanings(source: str) -> dict[tuple[str, str], str]:
    """Return the docstring that stands below each field, by class and field."""
    tree = ast.parse(Path(source).read_text(encoding="utf-8"))
    return {
        (section.name, field.target.id): " ".join(ast.literal_eval(text.value).split())
        for section in tree.body
        if isinstance(section, ast.ClassDef)
        for field, text in zip(section.body, section.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }


def _default(value: object) -> str:
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, float):
        # 10000000.0 and 1.5e-05 are how a machine writes them; TOML takes the plain form as well.
        return f"`{value:_.10f}`".rstrip("`").rstrip("0").rstrip(".") + "`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _commands() -> Iterator[str]:
    yield "| command | what it does |\n|---|---|"
    for name, what in COMMANDS.items():
        yield f"| `python -m trading {name}` | {_cell(what)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
