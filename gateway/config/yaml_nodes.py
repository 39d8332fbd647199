"""A YAML file as a tree that knows where everything stands.

Scalars keep the text that was written: what is a number is decided by whoever expects one, so that a key made
of digits stays a key. Of YAML's 1.1 surprises none is left (`no` is text, `1:30` is text). Anchors, aliases
and merge keys work as in YAML; tags do not.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from gateway.canonical.json import JsonValue
from gateway.config.problems import Path, Place, Problem, refusal, written

MOST_NODES = 50_000
"""More than any real file has, aliases counted as often as they are used."""

DEEPEST = 40

_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp", "value")
)
_MERGE = "tag:yaml.org,2002:merge"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_HARD_TO_READ = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GLUED_COMMENT = re.compile(r"[ \t]+#[^\s#]")


@dataclass(slots=True, frozen=True)
class Scalar:
    """A single value; `text` None where none was given. `cut`: a comment follows that may be meant as a part
    of it.
    """

    place: Place
    text: str | None
    cut: bool = False


@dataclass(slots=True, frozen=True)
class Items:
    """A list."""

    place: Place
    nodes: tuple["Node", ...]


@dataclass(slots=True, frozen=True)
class Fields:
    """A mapping; `keys` says where each key stands."""

    place: Place
    nodes: Mapping[str, "Node"]
    keys: Mapping[str, Place]


Node = Scalar | Items | Fields


def parse(text: str, file: str) -> tuple[Node, list[Problem]]:
    """The tree that `text` describes, and the mistakes in it that leave a tree standing.

    Raises:
        ConfigError: it is no YAML document; says where and, for the usual slips, what to write instead.
    """
    if (odd := _HARD_TO_READ.search(text)) is not None:
        before = text[: odd.start()]
        place = Place(file, before.count("\n") + 1, odd.start() - (before.rfind("\n") + 1) + 1)
        raise refusal([Problem(place, "", "a control character: this is no text file, or a damaged one")])
    try:
        root = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        raise refusal([_explained(error, file)]) from None  # its own words quote the file
    if root is None:
        raise refusal([Problem(Place(file), "", "the file is empty; configs/config.yaml has every setting")])
    reader = _Reader(file, text)
    return reader.node(root, ()), reader.problems


def plain(node: Node) -> JsonValue:
    """The values alone."""
    match node:
        case Scalar():
            return node.text
        case Items():
            return [plain(item) for item in node.nodes]
        case Fields():
            return {key: plain(value) for key, value in node.nodes.items()}


def at(node: Node, path: Path, *, by_key: bool = False) -> tuple[Place, Path]:
    """Where `path` leads, and how it is written; steps that the file does not have are left out.

    A value is where it stands, or `by_key` where its key does, as a mapping, a list and nothing always are.
    """
    place, steps = node.place, list[str | int]()
    for step in path:
        match node:
            case Fields(nodes=fields, keys=keys) if isinstance(step, str) and step in fields:
                node = fields[step]
                standing = isinstance(node, Scalar) and node.text is not None and not by_key
                place = node.place if standing else keys[step]
            case Items(nodes=items) if isinstance(step, int) and step < len(items):
                node = items[step]
                place = node.place
            case _:
                continue
        steps.append(step)
    return place, tuple(steps)


def find(node: Node, *path: str) -> Node | None:
    """What stands under `path`."""
    for step in path:
        if not isinstance(node, Fields) or step not in node.nodes:
            return None
        node = node.nodes[step]
    return node


def scalars(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    """Every single value and where it stands."""
    match node:
        case Scalar():
            yield path, node
        case Items():
            for position, item in enumerate(node.nodes):
                yield from scalars(item, (*path, position))
        case Fields():
            for key, value in node.nodes.items():
                yield from scalars(value, (*path, key))


class _Loader(yaml.SafeLoader):
    """Composes nodes only, and not deeper than any real file goes."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem="too deep", problem_mark=self.get_mark())
        try:
            node: yaml.Node | None = super().compose_node(parent, index)  # type: ignore[arg-type]  # stubs: int
        finally:
            self._depth -= 1
        return node


@dataclass(slots=True)
class _Reader:
    """Turns PyYAML's nodes into ours, counting them: an alias is a whole tree each time it is used."""

    file: str
    text: str
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def node(self, node: yaml.Node, path: Path) -> Node:
        self.count += 1
        if self.count > MOST_NODES or len(path) > DEEPEST:
            self._stop(node, "aliases inside aliases make this too large; write the values out")
        if node.tag not in _TAGS:
            self._note(
                node, path, "tags (!…) are not used here; put a value that begins with ! in single quotes"
            )
        match node:
            case yaml.MappingNode():
                return self._fields(node, path)
            case yaml.SequenceNode():
                items = enumerate(node.value)
                return Items(self._place(node), tuple(self.node(item, (*path, n)) for n, item in items))
            case _:
                return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Scalar:
        unquoted = node.style is None  # type: ignore[attr-defined]  # a scalar's own
        empty = unquoted and node.value in _NULLS
        cut = unquoted and _GLUED_COMMENT.match(self.text, node.end_mark.index) is not None
        return Scalar(self._place(node), None if empty else node.value, cut)

    def _fields(self, node: yaml.MappingNode, path: Path) -> Fields:
        nodes: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        merged: list[Fields] = []
        for key, value in node.value:
            if key.tag == _MERGE:
                merged += self._merged(value, path)
            elif not isinstance(key, yaml.ScalarNode) or not key.value:
                self._note(key, path, "a key must be a word; is something missing before the colon?")
            elif key.value in keys:
                first = keys[key.value].line
                self._note(key, (*path, key.value), f"given twice, first on line {first}; remove one of them")
            else:
                keys[key.value] = self._place(key)
                nodes[key.value] = self.node(value, (*path, key.value))
        # What a mapping says itself wins over what it takes over, and of that the first.
        for other in merged:
            nodes = {**other.nodes, **nodes}
            keys = {**other.keys, **keys}
        return Fields(self._place(node), nodes, keys)

    def _merged(self, node: yaml.Node, path: Path) -> list[Fields]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        taken = [self.node(source, (*path, "<<")) for source in sources]
        fields = [source for source in taken if isinstance(source, Fields)]
        if len(fields) < len(taken):
            self._note(node, (*path, "<<"), "only mappings can be merged: <<: *name of an anchored mapping")
        return fields

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _note(self, node: yaml.Node, path: Path, what: str) -> None:
        self.problems.append(Problem(self._place(node), written(path), what))

    def _stop(self, node: yaml.Node, what: str) -> NoReturn:
        raise refusal([Problem(self._place(node), "", what)])


_QUOTE = "put the value in single quotes"
_FLOW = (
    "inside { } and [ ] entries are separated by commas, and values with {, }, [, ], a comma or a colon need "
    'quotes: "${NAME}", not ${NAME}'
)
_INDENT = (
    "this line does not fit the lines above: a key, a - or a colon is missing, or its indentation differs"
)
_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"found character '\\t'", "a tab; indent with spaces"),
    (r"found character", f"a value cannot begin with this character; {_QUOTE}"),
    (r"mapping values are not allowed", f"a second colon on this line, or wrong indentation; {_QUOTE}"),
    (r"sequence entries are not allowed", "a list begins on a line of its own, each entry with - in front"),
    (
        r"found undefined alias",
        f"* refers to an anchor, and there is none of this name; {_QUOTE} if it is none",
    ),
    (r"found duplicate anchor|second occurrence", "an anchor of this name exists already; choose another"),
    (r"expected alphabetic or numeric", f"& and * need a name right behind them; {_QUOTE} if it is a value"),
    (r"expected ',' or '[}\]]'", _FLOW),
    (r"found unexpected end of stream", "a quote is opened here and never closed"),
    (r"found unexpected document separator", "a quote is opened here and never closed"),
    (r"found unknown escape|expected escape", "\\ begins an escape in double quotes; use single quotes"),
    (
        r"expected chomping",
        f"| and > begin a text block, with nothing behind them; {_QUOTE} if it is a value",
    ),
    (r"but found another document", "one file holds one document; remove the ---"),
    (r"could not find expected ':'", "a colon and a space are missing after the key"),
    (r"expected the node content", "a value is missing, or a bracket or comma is too many"),
    (r"too deep", f"nested more than {DEEPEST} deep; no setting is"),
)
_FROM_ITS_BEGINNING = re.compile("found unexpected (end of stream|document separator)")


def _explained(error: yaml.MarkedYAMLError, file: str) -> Problem:
    """PyYAML's complaint in words that do not quote the file."""
    problem = error.problem or ""
    mark = error.problem_mark or error.context_mark
    if _FROM_ITS_BEGINNING.match(problem) and error.context_mark is not None:
        mark = error.context_mark
    what = next((remedy for pattern, remedy in _REMEDIES if re.match(pattern, problem)), _INDENT)
    place = Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file)
    return Problem(place, "", what)
