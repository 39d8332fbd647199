"""Takes out of a log record what looks like a secret.

Three signs: the name of the field (headers that carry keys), the form of the text (how vendors' keys look),
and the configured secrets themselves. Works on the record before it is rendered, so that escaping hides
nothing.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from os.path import commonprefix
from types import NoneType
from typing import Any

from gateway.canonical.json import JsonValue

HIDDEN = "[redacted]"

_NAMES = (
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "apikey",
    "api-keys",
    "x-goog-api-key",
    "cookie",
    "set-cookie",
    "password",
    "secret",
    "client-secret",
    "access-token",
    "refresh-token",
    "id-token",
    "auth-token",
)
_NAMED = frozenset(_NAMES)

_FORMS = r"""
    (?<![A-Za-z0-9]) (?:
        (?: sk | rk | pk | gsk | xai | nvapi | pplx | hf | r8 | ghp | gho | fw ) [-_] [A-Za-z0-9_-]{16,}
      | AIza [A-Za-z0-9_-]{30,}                                     # Google
      | ya29 \. [A-Za-z0-9._-]+                                     # Google, OAuth
      | (?: AKIA | ASIA ) [A-Z0-9]{16}                              # AWS
      | eyJ [A-Za-z0-9_-]+ \. eyJ [A-Za-z0-9_-]+ \. [A-Za-z0-9_-]*  # a JSON web token
    )
"""

_ASSIGNED = rf"""
    (?P<name> (?i:
        [?&] (?: key | token | api[-_]?key | access[-_]token ) =
      | (?<![a-z0-9]) (?: {"|".join(name.replace("-", "[-_]") for name in _NAMES if name != "secret")} )
        ["']? \s* [:=] \s* ["']? (?: (?: bearer | basic ) [ ] )?
      | (?<![a-z0-9]) (?: bearer | basic ) [ ] (?= [^\s]{{8}} )
    ))
    [^\s"'&,}}]+
"""
"""Keys in queries, and headers that got into a text: the name stays, the value goes."""

_SHORTEST = 6
"""A configured secret shorter than this would take ordinary words out of the log."""


_REPEATED = 64
"""Texts up to this length (names of models, deployments, outcomes) come again and again."""

_REMEMBERED = 1024


def _any_of(words: Collection[str]) -> str:
    """A pattern of `words`: what they begin with alike is looked for once, so that thousands cost no more
    than a few. Where one is the beginning of another, the longer comes first, so as to leave nothing behind.
    """
    start = commonprefix(list(words))  # noqa: RUF071 - what is alike of characters, not of paths
    ends: defaultdict[str, set[str]] = defaultdict(set)
    for word in words:
        end = word.removeprefix(start)
        ends[end[:1]].add(end)
    is_word = ends.pop("", None) is not None
    branches = "|".join(_any_of(ends[first]) for first in sorted(ends))
    return re.escape(start) + (f"(?:{branches}){'?' * is_word}" if branches else "")


class Redactor:
    """Redacts records. Costs some microseconds for each text that it has not seen lately."""

    __slots__ = ("_pattern", "_search_again")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        exact = f"{_any_of(known)} | " if known else ""
        self._pattern = re.compile(f"{exact} {_ASSIGNED} | {_FORMS}", re.VERBOSE)
        self._search_again = lru_cache(_REMEMBERED)(self._pattern.search)

    def text(self, text: str) -> str:
        """`text` without what looks like a secret."""
        return self._pattern.sub(_hidden, text)

    def fields(self, record: Mapping[str, Any]) -> dict[str, JsonValue]:
        """The fields of a record, values turned into plain JSON, without secrets."""
        texts = _texts(record.values())
        if texts is None or _are_telling(tuple(record)) or any(map(self._finds, texts)):
            return {name: self._field(name, value) for name, value in record.items()}
        return dict(record)

    def _finds(self, text: str) -> re.Match[str] | None:
        return (self._search_again if len(text) <= _REPEATED else self._pattern.search)(text)

    def _field(self, name: object, value: object) -> JsonValue:
        if value is not None and _is_telling(str(name)):
            return HIDDEN
        return self._value(value)

    def _value(self, value: object) -> JsonValue:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case dict():
                return {self.text(str(name)): self._field(name, item) for name, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._value(item) for item in value]
            case bytes():
                return self.text(value.decode("utf-8", "backslashreplace"))
            case _:
                return self.text(repr(value))


_PLAIN = frozenset({bool, int, float, NoneType})


def _texts(values: Iterable[object]) -> list[str] | None:
    """All texts in `values`, where nothing else in them can hold one; None if something can."""
    texts: list[str] = []
    for value in values:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list):
            texts += value
        elif type(value) not in _PLAIN:
            return None
    return texts if all(isinstance(text, str) for text in texts) else None


@lru_cache(maxsize=1024)
def _is_telling(name: str) -> bool:
    """Whether a field called `name` holds a secret whatever its value looks like."""
    return name.lower().replace("_", "-") in _NAMED


@lru_cache(maxsize=1024)
def _are_telling(names: tuple[str, ...]) -> bool:
    """Whether any field of these `names` does: records of one kind have the same."""
    return any(map(_is_telling, names))


def _hidden(found: re.Match[str]) -> str:
    return (found["name"] or "") + HIDDEN
