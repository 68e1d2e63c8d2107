"""What kind of value an annotation asks for: dataclasses do not look at theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import Field
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from seqlearn.limits import endless

WORDS: dict[Any, tuple[Any, str]] = {
    int: (int, "an integer"),
    float: (int | float, "a number"),
    bool: (bool, "True or False"),
    str: (str, "text"),
    NoneType: (NoneType, "None"),
}
"""Annotations that are looked at: what a value must be, and how that is said."""


def kind_error(annotation: Any, value: Any) -> str | None:
    """Say what an annotation asks for, if a value is not it; other annotations are let pass."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        errors = [kind_error(each, value) for each in arguments]
        joined = " or ".join(error.removeprefix("must be ") for error in errors if error)
        return f"must be {joined}" if all(errors) else None
    if origin is Literal:
        words = ", ".join(map(str, arguments))
        return None if value in arguments else f"must be one of {words}"
    if origin is tuple and arguments[1:] == (...,):
        if isinstance(value, str) or not isinstance(value, Sequence):
            return "must be a tuple"
        return next(filter(None, (kind_error(arguments[0], each) for each in value)), None)
    if annotation not in WORDS:
        return None
    kind, word = WORDS[annotation]
    if not isinstance(value, kind) or (isinstance(value, bool) and annotation is not bool):
        return f"must be {word}"
    return endless(value)


def require_kinds(fields: Sequence[Field[Any]], values: object) -> None:
    """Refuse fields of a dataclass that are not what their annotations ask for.

    Raises:
        ValueError: If one is not.
    """
    try:
        hints: Mapping[str, Any] = get_type_hints(type(values))
    except NameError:  # names that only a type checker imports
        hints = {field.name: field.type for field in fields}
    for field in fields:
        value = getattr(values, field.name)
        if error := kind_error(hints[field.name], value):
            raise ValueError(f"`{field.name}` {error}, got {value!r}.")
