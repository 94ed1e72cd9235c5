"""JSON Schema of what `obs.dashboard` writes, from the types themselves.

A new field needs no edit here: its type says what JSON holds, and its name says whether it is a time. The
dashboard's schema file and the API's OpenAPI are both made of it, so neither can lag behind the code.
"""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from obs.dashboard import TIMES, UNSHOWN

__all__ = ["DIGITS", "properties_of", "shape_of"]

DIGITS = r"^-?[0-9]+(\.[0-9]+)?$"
"""An amount."""
TIME = {"type": ["string", "null"], "format": "date-time"}
"""RFC 3339 with milliseconds; null when unknown."""
_NUMBERS = {inspect.IntType: "integer", inspect.FloatType: "number"}
_LIMITS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}

NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    ("Issue", "fingerprint"): {"pattern": "^[0-9a-f]{16}$"},
    ("Issue", "id"): {"pattern": "^I-[0-9a-f]{6}$"},
    ("Issue", "trend"): {"enum": ["steady", "worse", "quiet", "burst"]},
    ("Snapshot", "health_score"): {"minimum": 0, "maximum": 100},
    ("Money", "amount"): {"pattern": DIGITS},
}
"""What the types do not say."""


def shape_of(kind: Any, parts: dict[str, Any], *, place: str = "#/$defs/") -> dict[str, Any]:
    """Return the schema of a type; of structs, a reference.

    Args:
        kind: A struct, a builtin, or a combination of them.
        parts: Where the schemas of structs are put, by their class's name in lower case.
        place: What the references begin with.

    Raises:
        TypeError: If a type cannot be described.
    """
    return _shape(inspect.type_info(kind), parts, place)


def properties_of(kind: Any, parts: dict[str, Any], *, place: str = "#/$defs/") -> dict[str, Any]:
    """Return the schema of a struct itself, not a reference to it."""
    known = inspect.type_info(kind)
    assert isinstance(known, inspect.StructType)
    return _struct(known, parts, place)


def _struct(kind: inspect.StructType, parts: dict[str, Any], place: str) -> dict[str, Any]:
    properties = {}
    for field in kind.fields:
        if field.name in UNSHOWN:
            continue
        is_time = field.name in TIMES and isinstance(field.type, inspect.IntType)
        made = dict(TIME) if is_time else _shape(field.type, parts, place)
        properties[field.name] = made | NARROWER.get((kind.cls.__name__, field.name), {})
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _shape(kind: inspect.Type, parts: dict[str, Any], place: str) -> dict[str, Any]:
    simple = _simple(kind)
    if simple is not None:
        return simple
    if isinstance(kind, inspect.StructType):
        name = kind.cls.__name__.lower()
        if name not in parts:
            parts[name] = {}
            parts[name] = _struct(kind, parts, place)
        return {"$ref": place + name}
    if isinstance(kind, (inspect.VarTupleType, inspect.ListType, inspect.FrozenSetType)):
        return {"type": "array", "items": _shape(kind.item_type, parts, place)}
    if isinstance(kind, inspect.TupleType):
        items = [_shape(item, parts, place) for item in kind.item_types]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if isinstance(kind, inspect.DictType):
        return {"type": "object", "additionalProperties": _shape(kind.value_type, parts, place)}
    if isinstance(kind, inspect.UnionType):
        return {"anyOf": [_shape(item, parts, place) for item in kind.types]}
    raise TypeError(f"{kind}: is a type that this module cannot describe; teach it here")


def _simple(kind: inspect.Type) -> dict[str, Any] | None:
    if isinstance(kind, inspect.EnumType):
        return {"enum": [member.value for member in kind.cls]}
    if isinstance(kind, inspect.LiteralType):
        return {"enum": list(kind.values)}
    if isinstance(kind, inspect.BoolType):
        return {"type": "boolean"}
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        limits = {name: getattr(kind, own) for own, name in _LIMITS.items() if getattr(kind, own) is not None}
        return {"type": _NUMBERS[type(kind)], **limits}
    if isinstance(kind, (inspect.StrType, inspect.DecimalType)):
        return {"type": "string"}
    if isinstance(kind, inspect.NoneType):
        return {"type": "null"}
    return None
