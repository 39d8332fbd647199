"""JSON Schema in a plain form: references followed, `allOf` joined, of several kinds one schema for each.

It is what dialects without references, combiners and lists of types have words for. What it has no place for
is told in `notes`, where a model reads it: no constraint vanishes. A walk by position, for below `properties`
stand names of the user's, which may be `type` or `$ref`. Pure; nothing is changed in place.
https://json-schema.org/draft/2020-12
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from urllib.parse import unquote

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.schema_words import (
    GREATEST,
    KINDS,
    LEAST,
    allows_null,
    constants,
    kinds_said,
    listed,
    named_schemas,
    outside,
    split,
    texts,
    told,
    words,
)
from gateway.wire.fast_json import dumps

_DEEPEST = 20
"""How deep schemas may stand in each other; what is deeper is told in words."""

_MOST_COPIED = 16_384
"""How many bytes of definitions are put in for references, beside four times the document's own size: a short
document may unfold without end.
"""

_MOST_ALTERNATIVES = 64


@dataclass(slots=True)
class Plain:
    """One schema.

    `choices` are the values it allows, None for any; `words` are keywords with plain values; `notes` are the
    constraints in words.
    """

    kind: str | None = None
    nullable: bool = False
    description: str = ""
    notes: list[str] = field(default_factory=list)
    choices: list[JsonValue] | None = None
    words: JsonObject = field(default_factory=dict)
    properties: dict[str, "Plain"] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    items: "Plain | None" = None
    alternatives: list["Plain"] = field(default_factory=list)


def plain(schema: JsonObject) -> Plain:
    """`schema` in the plain form."""
    return _Reader(schema).read(schema, _Place())


@dataclass(slots=True, frozen=True)
class _Place:
    """How deep a schema stands, and the references that led to it."""

    depth: int = 0
    followed: tuple[str, ...] = ()

    def inside(self) -> "_Place":
        """The place of a schema in this one."""
        return replace(self, depth=self.depth + 1)

    def behind(self, reference: str) -> "_Place":
        """The place of what a reference in this one names."""
        return _Place(self.depth + 1, (*self.followed, reference))


class _Reader:
    """Reads the schemas of one document; `root` holds the definitions."""

    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._left = _MOST_COPIED + 4 * len(dumps(root))

    def read(self, value: JsonValue, place: _Place) -> Plain:
        """The schema `value`, at `place`."""
        if not isinstance(value, dict):
            return Plain()
        if place.depth > _DEEPEST:
            return Plain(notes=[dumps(value).decode()])
        read = self._own(value, place)
        reference = value.get("$ref")
        if isinstance(reference, str):
            read = _joined(read, self._named(reference, place))
        for part in listed(value.get("allOf")):
            read = self._with(read, "allOf", part, place)
        return self._with_branches(read, value, place)

    def _named(self, reference: str, place: _Place) -> Plain:
        """What `reference` names; where that has no end, or is not there, the reference in words."""
        found = self._found(reference, place)
        if found is not None:
            return self.read(found, place.behind(reference))
        missed = _pointed(self._root, reference)
        kind = missed.get("type") if isinstance(missed, dict) else None
        known = isinstance(kind, str) and kind in KINDS
        return Plain(kind if known and isinstance(kind, str) else "object", notes=[f"$ref: {reference}"])

    def _found(self, reference: str, place: _Place) -> JsonObject | None:
        """The definition that `reference` names, None where it goes round or too much was copied already."""
        found = _pointed(self._root, reference)
        if not isinstance(found, dict) or reference in place.followed or place.depth >= _DEEPEST:
            return None
        self._left -= len(dumps(found))
        return found if self._left >= 0 else None

    def _with(self, read: Plain, word: str, part: JsonValue, place: _Place) -> Plain:
        """`read` with another schema that holds as well; in words if the two have too many alternatives."""
        found = self.read(part, place.inside())
        if len(read.alternatives) * len(found.alternatives) <= _MOST_ALTERNATIVES:
            return _joined(read, found)
        return replace(read, notes=[*read.notes, f"{word}: {self._in_words(part, place)}"])

    def _with_branches(self, read: Plain, value: JsonObject, place: _Place) -> Plain:
        """`read` with the properties that only the branches of an `if` name; none of them is required."""
        named: dict[str, list[Plain]] = {}
        for word in ("if", "then", "else"):
            for name, found in self.read(value.get(word), place.inside()).properties.items():
                named.setdefault(name, []).append(found)
        added = {name: _any_of(found) for name, found in named.items() if name not in read.properties}
        return replace(read, properties={**read.properties, **added})

    def _own(self, value: JsonObject, place: _Place) -> Plain:
        """What `value` says itself, without what it refers to."""
        kinds, nullable = kinds_said(value), allows_null(value)
        others = [kind for kind in kinds if kind != "null"]
        if len(others) > 1:
            branches = [self._own(branch, place.inside()) for branch in split(value, others)]
            read = _joined(self._own(outside(value), place), _any_of(branches))
            return replace(read, nullable=nullable)
        kind = others[0] if others else "null" if kinds else None
        description = value.get("description")
        read = Plain(kind, nullable and kind != "null", description if isinstance(description, str) else "")
        read.words, read.choices = dict(words(value, kind)), constants(value)
        read.notes = [f"{name}: {self._in_words(value[name], place)}" for name in told(value, kind)]
        if kind == "array":
            self._add_items(read, value, place)
        if kind in {"object", None}:
            self._add_properties(read, value, place)
        for word in ("anyOf", "oneOf"):
            read = self._with_alternatives(read, word, value.get(word), place)
        return read

    def _add_properties(self, read: Plain, value: JsonObject, place: _Place) -> None:
        read.required = texts(value.get("required"))
        for name, found in named_schemas(value.get("properties")):
            if found is False:
                read.notes.append(f"never: {dumps(name).decode()}")
            else:
                read.properties[name] = self.read(found, place.inside())

    def _add_items(self, read: Plain, value: JsonObject, place: _Place) -> None:
        said = value.get("items")
        places = said if isinstance(said, list) else listed(value.get("prefixItems"))
        rest = value.get("additionalItems") if isinstance(said, list) else said
        more: list[JsonValue] = [rest] if isinstance(rest, dict) else []
        kinds = [self.read(one, place.inside()) for one in [*places, *more]]
        if not kinds:
            return
        read.items = _any_of(kinds)
        if any(kind != kinds[0] for kind in kinds):
            read.notes.append(f"prefixItems: {self._in_words(places, place)}")
        if places and not more:
            read.words = {"minItems": len(places), "maxItems": len(places), **read.words}

    def _with_alternatives(self, read: Plain, word: str, value: JsonValue, place: _Place) -> Plain:
        """`read` with alternatives; in words where one of them has no shape of its own."""
        said = [branch for branch in listed(value) if branch is not False]
        if not said:
            return read
        branches = [self.read(branch, place.inside()) for branch in said]
        shaped = all(branch.kind is not None or branch.alternatives for branch in branches)
        if shaped and len(read.alternatives) * len(branches) <= _MOST_ALTERNATIVES:
            return _joined(read, _any_of(branches))
        return replace(read, notes=[*read.notes, f"{word}: {self._in_words(value, place)}"])

    def _in_words(self, value: JsonValue, place: _Place) -> str:
        return dumps(self._inlined(value, place)).decode()

    def _inlined(self, value: JsonValue, place: _Place) -> JsonValue:
        """`value` with what its references name in their place, for those who have no definitions."""
        if isinstance(value, list):
            return [self._inlined(item, place) for item in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        found = self._found(reference, place) if isinstance(reference, str) else None
        if found is None or not isinstance(reference, str):
            return {name: self._inlined(said, place) for name, said in value.items()}
        beside: JsonObject = {name: said for name, said in value.items() if name != "$ref"}
        return self._inlined({**found, **beside}, place.behind(reference))


def _pointed(root: JsonObject, reference: str) -> JsonValue:
    """What a JSON pointer names, None if there is nothing."""
    if not reference.startswith("#"):
        return None
    found: JsonValue = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            found = found.get(name) if isinstance(found, dict) else None
    return found


def _any_of(branches: list[Plain]) -> Plain:
    """One of `branches`: the only one, a choice where all are choices, `nullable` where one is null."""
    left = [branch for branch in branches if branch.kind != "null"]
    left = [branch for number, branch in enumerate(left) if branch not in left[:number]]
    nullable = len(left) < len(branches) and any(branch.kind == "null" for branch in branches)
    if not left:
        return branches[0]
    if len(left) == 1:
        return replace(left[0], nullable=nullable or left[0].nullable)
    kinds = {branch.kind for branch in left}
    choices = [choice for branch in left for choice in branch.choices or ()]
    bare = all(
        branch == Plain(branch.kind, False, branch.description, choices=branch.choices) for branch in left
    )
    if len(kinds) > 1 or not bare or not all(branch.choices for branch in left):
        return Plain(nullable=nullable, alternatives=left)
    notes = [
        f"{dumps(choice).decode()}: {branch.description}"
        for branch in left
        for choice in branch.choices or ()
        if branch.description
    ]
    return Plain(left[0].kind, nullable, notes=notes, choices=choices)


def _joined(one: Plain, other: Plain) -> Plain:
    """Both at once. Where they cannot be, `one` is said and `other` told."""
    read = Plain(one.kind or other.kind, one.nullable or other.nullable, one.description or other.description)
    read.notes = [*dict.fromkeys([*one.notes, *other.notes, *_conflicts(one, other)])]
    if {one.kind, other.kind} == {"integer", "number"}:
        read.kind = "integer"
    read.choices = one.choices if other.choices is None else other.choices
    if one.choices is not None and other.choices is not None:
        read.choices = _in_both(one.choices, other.choices) or one.choices
    read.words = {**other.words, **one.words, **dict(_bounds(one.words, other.words))}
    read.properties = {**other.properties, **one.properties}
    for name in one.properties.keys() & other.properties.keys():
        read.properties[name] = _joined(one.properties[name], other.properties[name])
    read.required = [*dict.fromkeys([*one.required, *other.required])]
    read.items = one.items or other.items
    if one.items is not None and other.items is not None:
        read.items = _joined(one.items, other.items)
    read.alternatives = one.alternatives or other.alternatives
    if one.alternatives and other.alternatives:
        pairs = list(product(one.alternatives, other.alternatives))
        fitting = [pair for pair in pairs if not _clash(*pair)]
        read.alternatives = [_joined(*pair) for pair in fitting or pairs]
    return read


def _conflicts(one: Plain, other: Plain) -> Iterator[str]:
    """In words, what `other` says against `one`."""
    if _clash(one, other):
        yield f"type: {other.kind}"
    if one.choices and other.choices and not _in_both(one.choices, other.choices):
        yield f"enum: {dumps(other.choices).decode()}"
    for name in ("pattern", "format"):
        if name in other.words and one.words.get(name, other.words[name]) != other.words[name]:
            yield f"{name}: {dumps(other.words[name]).decode()}"


def _clash(one: Plain, other: Plain) -> bool:
    kinds = {one.kind, other.kind} - {None}
    return len(kinds) > 1 and kinds != {"integer", "number"}


def _in_both(some: list[JsonValue], others: list[JsonValue]) -> list[JsonValue]:
    """Compared as JSON: true is not 1."""
    known = {dumps(other) for other in others}
    return [one for one in some if dumps(one) in known]


def _bounds(one: JsonObject, other: JsonObject) -> Iterator[tuple[str, JsonValue]]:
    """The stricter of two bounds."""
    for names, stricter in ((LEAST, max), (GREATEST, min)):
        for name in names & one.keys() & other.keys():
            first, second = one[name], other[name]
            assert isinstance(first, (int, float))
            assert isinstance(second, (int, float))
            yield name, stricter(first, second)
