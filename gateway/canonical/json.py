"""The types of parsed JSON."""

from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

Extras: TypeAlias = dict[str, JsonObject]
"""Fields that only one protocol knows, under that protocol's name; only that protocol writes them back."""


class Untaken(JsonObject):
    """What no decoder took of an object: whatever else the object held was understood."""

    __slots__ = ()
