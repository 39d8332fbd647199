"""Reads typed fields out of parsed JSON and says the path of what is wrong.

Tolerant of what it does not know (`rest` hands unknown fields over), strict where a type matters: a known
field of the wrong type is the client's error, named by its path. JSON null means "not said".
"""

from collections.abc import Iterator

from gateway.canonical.json import Extras, JsonObject, JsonValue, Untaken
from gateway.errors import InvalidRequest


class Fields:
    """One JSON object being read. Every field read is taken; `rest` is what nobody took."""

    __slots__ = ("_left", "path")

    def __init__(self, value: JsonValue, path: str = "") -> None:
        if not isinstance(value, dict):
            raise wrong(path or "body", "an object", value)
        self._left = dict(value)
        self.path = path

    def at(self, name: str) -> str:
        """The path of the field `name`."""
        return f"{self.path}.{name}" if self.path else name

    def any(self, name: str) -> JsonValue:
        """The field as it is, None if absent."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A string, or None if absent or null."""
        value = self._left.pop(name, None)
        if value is None or isinstance(value, str):
            return value
        raise wrong(self.at(name), "a string", value)

    def required_text(self, name: str) -> str:
        """A string that must be there.

        Raises:
            InvalidRequest: it is absent or no string.
        """
        value = self._left.pop(name, None)
        if isinstance(value, str):
            return value
        if value is None:
            raise InvalidRequest(f"{self.at(name)}: a string is required", param=self.at(name))
        raise wrong(self.at(name), "a string", value)

    def boolean(self, name: str) -> bool | None:
        """True or false, or None if absent or null."""
        value = self._left.pop(name, None)
        if value is None or isinstance(value, bool):
            return value
        raise wrong(self.at(name), "true or false", value)

    def integer(self, name: str) -> int | None:
        """A whole number (1.0 counts as one), or None if absent or null."""
        value = self._left.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise wrong(self.at(name), "a whole number", value)

    def count(self, name: str) -> int | None:
        """A number of tokens that an upstream has counted, None if it is no sane one."""
        return token_count(self.any(name))

    def number(self, name: str) -> float | None:
        """A number, or None if absent or null."""
        value = self._left.pop(name, None)
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            return value
        raise wrong(self.at(name), "a number", value)

    def object(self, name: str) -> JsonObject | None:
        """An object, or None if absent or null."""
        value = self._left.pop(name, None)
        if value is None or isinstance(value, dict):
            return value
        raise wrong(self.at(name), "an object", value)

    def fields(self, name: str) -> "Fields | None":
        """An object to be read in turn, or None if absent or null."""
        value = self.object(name)
        return None if value is None else Fields(value, self.at(name))

    def array(self, name: str) -> list[JsonValue] | None:
        """A list, or None if absent or null."""
        value = self._left.pop(name, None)
        if value is None or isinstance(value, list):
            return value
        raise wrong(self.at(name), "a list", value)

    def items(self, name: str) -> "Iterator[Fields]":
        """The objects of a list, each to be read in turn; nothing if absent or null."""
        path = self.at(name)
        for index, item in enumerate(self.array(name) or ()):
            yield Fields(item, f"{path}[{index}]")

    def texts(self, name: str) -> list[str] | None:
        """A list of strings, or None if absent or null."""
        values = self.array(name)
        if values is None:
            return None
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise wrong(f"{self.at(name)}[{index}]", "a string", value)
        return [value for value in values if isinstance(value, str)]

    def rest(self, protocol: str) -> Extras:
        """What was not taken, as extras of `protocol`; empty if everything was. Nulls are not worth
        keeping.
        """
        if not self._left:
            return {}
        left = Untaken((name, value) for name, value in self._left.items() if value is not None)
        return {protocol: left} if left else {}


MOST_TOKENS = 10**8
"""More than this no reply has cost: ten times the largest context window there is, and again."""


def token_count(value: JsonValue) -> int | None:
    """What an upstream says it has counted; None if that is no such figure, for then it has said nothing."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value <= MOST_TOKENS:
        return None
    return max(0, int(value))


_KINDS = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def wrong(path: str, expected: str, value: JsonValue) -> InvalidRequest:
    """The error for a field of the wrong type; never echoes the value, which may be a secret."""
    found = "null" if value is None else _KINDS[type(value)]
    return InvalidRequest(f"{path}: expected {expected}, got {found}", param=path)
