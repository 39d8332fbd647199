"""Where every word of a request went when it was translated.

A request is taken apart into leaves, its scalars with their paths. Each protocol's table (`places.py`) says
what is said at a path, in one vocabulary for all: each leaf of what a client sent must be said somewhere in
what the upstream was sent, or be named as lost by its path. No code of the gateway has a hand in it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.corpus.places import (
    AS_IF_UNSAID,
    BY_PLACE,
    NAMED_BY_REPAIRS,
    PLACES,
    SEEN_IN_THE_DATA,
    as_json,
    as_one_spelling,
)

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Leaf:
    """A scalar and where it stands. Its `shape` is its path without numbers."""

    path: str
    value: Any

    @property
    def shape(self) -> str:
        return re.sub(r"\[\d+\]", "[]", self.path)


def leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    """The scalars within `value`; null says nothing, and the JSON text of a call's arguments is taken
    apart.
    """
    if path.endswith("function.arguments") and isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except ValueError:
            yield Leaf(path, value)
            return
    if value in ({}, []):
        yield Leaf(path, value)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    elif value is not None:
        yield Leaf(path, value)


def equal(asked: Any, sent: Any) -> bool:
    """The same value; 1 is not true."""
    return bool(asked == sent) and isinstance(asked, bool) == isinstance(sent, bool)


def within(asked: Any, sent: Any) -> bool:
    """The words stand somewhere in those that were sent: texts may be joined, values written as JSON, and
    what is JSON may come as what it says.
    """
    words = as_json(asked)
    spellings = (words, json.dumps(words, ensure_ascii=False)[1:-1], _as_values(words))
    return any(spelling in as_json(sent) for spelling in spellings)


def _as_values(words: str) -> str:
    try:
        return as_json(json.loads(words))
    except ValueError:
        return words


def at_least(asked: Any, sent: Any) -> bool:
    """How much to think: what is only on or off may be sized by whoever is told, what is sized may be said in
    words or in the tokens that they stand for.
    """
    if asked in {"off", "on"}:
        return bool((asked == "off") == (sent == "off"))
    return bool(asked == sent) or (asked, sent) in _BUDGETS


_BUDGETS = {("minimal", 1024), ("low", 1024), ("medium", 8192), ("high", 24_576)}


def present(_asked: Any, _sent: Any) -> bool:
    """Whatever stands there was put there for it."""
    return True


def played_by(asked: Any, sent: Any) -> bool:
    """Instructions amid a conversation may have to be a user's."""
    return bool(asked == sent) or (asked, sent) == ("system", "user")


def respelled(asked: Any, sent: Any) -> bool:
    """The same id, or its stable stand-in if it is of letters that the other protocol does not take."""
    return bool(asked == sent) or (
        not re.fullmatch(r"[a-zA-Z0-9_-]+", str(asked)) and str(sent).startswith("h_")
    )


Holds = Callable[[Any, Any], bool]

RELATIONS: Mapping[str, Holds] = {
    "model": present,
    "words": within,
    "thought": within,
    "role": played_by,
    "call id": respelled,
    "result id": respelled,
    "description": within,
    "think": at_least,
}
"""By what is said; all else must be equal."""

ELSEWHERE: Mapping[str, Sequence[str]] = {
    "data": ["words"],
    "description": ["words"],
    "file name": ["words"],
    "grammar": ["description"],
    "result name": ["call name"],
    "thought": ["words"],
    "words": ["data", "description"],
}
"""What may be said as something else."""


def unaccounted(
    ends: tuple[str, str], asked: Body, sent: Body, line: Mapping[str, Sequence[str]]
) -> list[Leaf]:
    """The leaves of a client's request that were neither sent nor named in the log's `line` about it; `ends`
    are the protocols of client and upstream.
    """
    client, upstream = ends
    asked, sent = as_one_spelling(client, asked), as_one_spelling(upstream, sent)
    said: dict[str, list[Any]] = {"words": list(objects_in_words(sent))}
    for leaf in leaves(sent):
        for what, value in sayings(upstream, leaf):
            said.setdefault(what, []).append(value)
    paths = [note.partition(" ")[0] for note in line["losses"]]
    names = [_named(path) for path in paths]
    return [
        leaf
        for leaf in leaves(asked)
        if not (_is_lost(leaf.path, paths) or _is_lost(_named(leaf.path), names))
        and not _is_repaired(client, leaf, line["repairs"])
        and not _is_silent(client, upstream, leaf)
        and not any(_is_said(what, value, said) for what, value in sayings(client, leaf))
    ]


def objects_in_words(value: Any) -> Iterator[str]:
    """The results of calls that are objects, in the words that said them."""
    if isinstance(value, dict) and isinstance(value.get("functionResponse"), dict):
        yield as_json(value["functionResponse"].get("response"))
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects_in_words(item)


def calls_unoffered_tools(protocol: str, asked: Body) -> bool:
    """Whether a conversation holds calls of tools that are not among those of its request."""
    said = [one for leaf in leaves(as_one_spelling(protocol, asked)) for one in sayings(protocol, leaf)]
    offered = {value for what, value in said if what == "tool name"}
    return not {value for what, value in said if what == "call name"} <= offered


def sayings(protocol: str, leaf: Leaf) -> Iterator[tuple[str, Any]]:
    """What is said by a leaf, with the value in the one vocabulary."""
    for pattern, what, meant in PLACES[protocol]:
        found = re.fullmatch(pattern, leaf.shape)
        if found is None:
            continue
        value = meant(leaf.value)
        if value is not None:
            yield found.expand(what), value


_SPELLED = (
    (r"\.prompt_cache_breakpoint\b", ".cache_control"),
    (r"\.thoughtSignature\b", ".signature"),
    (r"\.reasoning_details\[\d+\]\.data", ".reasoning_details.signature"),
    (r"\.content\.cache_control\b", ".cache_control"),
    # Vendors have a client say in several fields at once that a model is to think.
    (r"^(?:reasoning_effort|reasoning\.effort|enable_thinking)$", "thinking.type"),
)
_WRAPPERS = re.compile(r"\.(?:function|custom|image_url|file|input_audio|json_schema)(?=\.)")
_REASONING = re.compile(r"\.(?:reasoning_content|reasoning_details|thinking_blocks)\b(?:\[\d+\])?")


def _named(path: str) -> str:
    """How a loss names what stands at `path`.

    By its part and its own name, without the object that a part of Chat Completions is wrapped in;
    reasoning that vendors have a client say in several fields at once, once; a message's only part like the
    message; and what several protocols have, by the one word for it.
    """
    for pattern, name in _SPELLED:
        path = re.sub(pattern, name, path)
    return _REASONING.sub(".reasoning", _WRAPPERS.sub("", path))


def _is_lost(path: str, lost: Sequence[str]) -> bool:
    return any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in lost)


def _is_repaired(client: str, leaf: Leaf, repairs: Sequence[str]) -> bool:
    told = [repair.partition(" ") for repair in repairs]
    for shape, words in NAMED_BY_REPAIRS[client]:
        names = [_named(name) for name, _, said in told if said == words]
        if re.fullmatch(shape, leaf.shape) and _is_lost(_named(leaf.path), names):
            return True
    return False


def _is_silent(client: str, upstream: str, leaf: Leaf) -> bool:
    """Whether a leaf says nothing of its own."""
    if (isinstance(leaf.value, str) and not leaf.value.strip()) or re.fullmatch(BY_PLACE[client], leaf.shape):
        return True
    if any(what in SEEN_IN_THE_DATA.get(upstream, ()) for what, _ in sayings(client, leaf)):
        return True
    unsaid = AS_IF_UNSAID[client]
    return leaf.shape in unsaid and equal(leaf.value, unsaid[leaf.shape])


def _is_said(what: str, value: Any, said: Mapping[str, Sequence[Any]]) -> bool:
    kind = what.partition(":")[0]
    holds = RELATIONS.get(kind, equal)
    if any(holds(value, one) for one in said.get(what, ())):
        return True
    return any(within(value, one) for other in ELSEWHERE.get(kind, ()) for one in said.get(other, ()))
