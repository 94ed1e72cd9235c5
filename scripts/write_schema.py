"""Writes dashboards/schema.json, the shape of the Snapshot as JSON, from the Snapshot's own types.

A new field needs no edit here: its type says what JSON holds, and its name says whether it is a time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec import inspect

from obs.dashboard import SCHEMA, TIMES
from obs.snapshot import Money, Snapshot

REPO = Path(__file__).resolve().parents[1]
PATH = REPO / "dashboards" / "schema.json"

TIME = {"type": ["string", "null"], "format": "date-time"}
"""RFC 3339 with milliseconds; null when unknown."""

NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    ("Issue", "fingerprint"): {"pattern": "^[0-9a-f]{16}$"},
    ("Issue", "id"): {"pattern": "^I-[0-9a-f]{6}$"},
    ("Issue", "trend"): {"enum": ["steady", "worse", "quiet", "burst"]},
    ("Snapshot", "health_score"): {"minimum": 0, "maximum": 100},
}
"""What the types do not say."""


def document() -> dict[str, Any]:
    """Return the JSON Schema of a Snapshot as `obs.dashboard` writes it."""
    parts: dict[str, Any] = {}
    root = inspect.type_info(Snapshot)
    assert isinstance(root, inspect.StructType)
    body = _struct(root, parts)
    body["properties"] = {"schema": {"const": SCHEMA}, **body["properties"]}
    body["required"] = ["schema", *body["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "What obs knows at one instant",
        **body,
        "$defs": dict(sorted(parts.items())),
    }


def text() -> str:
    """Return the file as it must stand."""
    return json.dumps(document(), indent=2) + "\n"


def _struct(kind: inspect.StructType, parts: dict[str, Any]) -> dict[str, Any]:
    properties = {}
    for field in kind.fields:
        is_time = field.name in TIMES and isinstance(field.type, inspect.IntType)
        made = dict(TIME) if is_time else _schema(field.type, parts)
        properties[field.name] = made | NARROWER.get((kind.cls.__name__, field.name), {})
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _schema(kind: inspect.Type, parts: dict[str, Any]) -> dict[str, Any]:
    simple = _simple(kind)
    if simple is not None:
        return simple
    if isinstance(kind, inspect.StructType):
        name = kind.cls.__name__.lower()
        if name not in parts:
            parts[name] = {}
            parts[name] = _struct(kind, parts)
            if kind.cls is Money:
                parts[name]["properties"]["amount"]["pattern"] = r"^-?[0-9]+(\.[0-9]+)?$"
        return {"$ref": f"#/$defs/{name}"}
    if isinstance(kind, (inspect.VarTupleType, inspect.ListType, inspect.FrozenSetType)):
        return {"type": "array", "items": _schema(kind.item_type, parts)}
    if isinstance(kind, inspect.TupleType):
        items = [_schema(item, parts) for item in kind.item_types]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if isinstance(kind, inspect.DictType):
        return {"type": "object", "additionalProperties": _schema(kind.value_type, parts)}
    if isinstance(kind, inspect.UnionType):
        return {"anyOf": [_schema(item, parts) for item in kind.types]}
    raise TypeError(f"{kind}: the Snapshot holds a type that this script cannot describe; teach it here")


def _simple(kind: inspect.Type) -> dict[str, Any] | None:
    if isinstance(kind, inspect.EnumType):
        return {"enum": [member.value for member in kind.cls]}
    if isinstance(kind, inspect.BoolType):
        return {"type": "boolean"}
    if isinstance(kind, inspect.IntType):
        return {"type": "integer"}
    if isinstance(kind, inspect.FloatType):
        return {"type": "number"}
    if isinstance(kind, (inspect.StrType, inspect.DecimalType)):
        return {"type": "string"}
    if isinstance(kind, inspect.NoneType):
        return {"type": "null"}
    return None


def main() -> None:
    """Write the schema anew."""
    PATH.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
