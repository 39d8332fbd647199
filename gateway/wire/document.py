"""A JSON object that a client sent: read as far as somebody asks, edited without touching any other byte."""

import re
from collections.abc import KeysView, Mapping

import msgspec

from gateway.canonical.json import JsonObject, JsonValue
from gateway.wire.fast_json import MAX_MARKS, JsonError, dumps, loads, loads_strict

MAX_FIELDS = 10_000
"""Fields of a document: finding each costs a microsecond, in which nobody else is served."""

_SKIM = msgspec.json.Decoder(dict[str, msgspec.Raw])

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FIELD = re.compile(rb"[ \t\n\r]*[{,][ \t\n\r]*(%b)[ \t\n\r]*:[ \t\n\r]*" % _STRING, re.DOTALL)
_TOKEN = re.compile(rb'%b|[\[{\]}]|[^][{}:,"\s]+' % _STRING, re.DOTALL)
_HOLLOW = re.compile(rb"[\[{][ \t\n\r]*[\]}]")
_OPENING = (b"[", b"{")
_CLOSING = (b"]", b"}")
_SELF_ENDING = b'"[{'
"""How values begin that say themselves where they end: none is only the beginning of another."""


class NoObjectError(JsonError):
    """JSON, but no object."""


class Document:
    """A JSON object of a client, skimmed when it is made: that sees that it is JSON and where its fields
    stand, and builds no values. What a field says is read when somebody asks for it, all of it at once only
    if somebody asks for the `whole`.

    What nobody reads may nest as deep and hold as many values as the skim takes (about 900 levels): the
    limits of `loads_strict` protect those who read, and hold for what is read. `MAX_FIELDS` and a million
    commas are the limits of the skim itself.

    Raises:
        NoObjectError: it is another value.
        JsonError: it is not JSON as the standard has it, but for lone surrogates, or is over a limit.
    """

    __slots__ = ("_known", "_places", "_raws", "_read", "data")

    def __init__(self, data: bytes = b"{}") -> None:
        if len(data) > MAX_MARKS and data.count(b",") > MAX_MARKS:
            raise JsonError(f"more than {MAX_MARKS} commas")
        self.data = data
        self._raws: dict[str, msgspec.Raw] = {}
        self._known: JsonObject = {}
        self._read = False
        try:
            # The skim does not look into strings.
            if not data.isascii():
                data.decode()
            self._raws = _SKIM.decode(data)
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
            # A lone surrogate is all that may be wrong with it.
            self._read_all()
        self._places = _places(data, self._raws)

    @classmethod
    def of(cls, value: JsonObject) -> "Document":
        """The document that says `value`."""
        return cls(dumps(value))

    @property
    def names(self) -> KeysView[str]:
        """The names of the fields."""
        return self._places.keys()

    @property
    def whole(self) -> JsonObject:
        """All of it; not to be changed.

        Raises:
            JsonError: it is over a limit of `loads_strict`, or holds a number without end.
        """
        if not self._read:
            self._read_all()
        return self._known

    def get(self, name: str) -> JsonValue:
        """What the field `name` says, None if it is not there; not to be changed.

        Raises:
            JsonError: as for the `whole`.
        """
        value = self._known.get(name)
        if value is None and (raw := self._raws.get(name)) is not None:
            value = self._known[name] = loads_strict(bytes(raw))
        return value

    def forget(self) -> None:
        """Let go of what was read: it takes many times as much as the bytes. It is read again when somebody
        asks again.
        """
        if self._raws:
            self._known, self._read = {}, False

    def is_repeated(self, name: str) -> bool:
        """Whether the field `name` is there more than once, however it is spelled: its last value counts."""
        return len(self._places.get(name, ())) > 1

    def is_empty(self, name: str) -> bool:
        """Whether the field `name` is not there or as good as not: null, false, zero, without content."""
        raw = bytes(self._raws.get(name, b""))
        return _HOLLOW.fullmatch(raw) is not None if raw.startswith(_OPENING) else not self.get(name)

    def mentions(self, name: str, word: bytes) -> bool:
        """Whether `word` stands in the field `name` as it came: cheaper than to read it.

        `word` must be what every encoder spells alike: letters, digits, `_`, `.`, and a quote for one of
        JSON's. Who escapes these has reasons of his own.
        """
        places = self._places.get(name)
        # From behind it is a quarter of the price.
        return places is not None and self.data.rfind(word, *places[-1]) >= 0

    def edited(self, changes: Mapping[str, JsonValue]) -> bytes:
        """The bytes with the values of fields replaced, or fields added in front, and all else as it was."""
        if not changes:
            return self.data
        data, places = self.data, self._places
        pieces: list[bytes] = []
        end = 0
        new = [dumps(name) + b":" + dumps(value) for name, value in changes.items() if name not in places]
        if new:
            end = data.index(b"{") + 1
            pieces += data[:end], b",".join(new), b"," if places else b""
        for (start, behind), name in sorted((places[name][-1], name) for name in changes if name in places):
            pieces += data[end:start], dumps(changes[name])
            end = behind
        return b"".join([*pieces, data[end:]])

    def _read_all(self) -> None:
        value = loads_strict(self.data)
        if not isinstance(value, dict):
            raise NoObjectError("it is not an object")
        self._known, self._read = value, True


def _places(data: bytes, raws: Mapping[str, msgspec.Raw]) -> dict[str, list[tuple[int, int]]]:
    """Where the values of the fields of `data`, a JSON object, stand: start and end, as often as a name is
    there. `raws` are values that are known, for some of the fields or all.
    """
    places: dict[str, list[tuple[int, int]]] = {}
    end = 0
    left = MAX_FIELDS
    while field := _FIELD.match(data, end):
        if not left:
            raise JsonError(f"more than {MAX_FIELDS} fields")
        left -= 1
        start, quoted = field.end(), field[1]
        name = loads(quoted) if b"\\" in quoted else quoted[1:-1].decode()
        end = _end(data, start, raws.get(name))
        places.setdefault(name, []).append((start, end))
    return places


def _end(data: bytes, start: int, known: msgspec.Raw | None) -> int:
    """Where the value at `start` ends, which is `known` unless its name is repeated."""
    if known is not None and data[start] in _SELF_ENDING and data.startswith(known, start):
        return start + len(known)
    tokens = _TOKEN.finditer(data, start)
    depth = 0
    while True:
        token = next(tokens)
        depth += token[0] in _OPENING
        depth -= token[0] in _CLOSING
        if not depth:
            return token.end()
