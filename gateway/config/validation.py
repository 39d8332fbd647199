"""Types and keys of a parsed file, checked all at once; what pydantic finds is said by place and without
values.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.canonical.json import JsonValue
from gateway.config.problems import Path, Place, Problem, guess, nearest, written
from gateway.config.yaml_nodes import Fields, Node, at, plain, scalars

M = TypeVar("M", bound=BaseModel)

FREE = "capabilities"
"""Below this key anything may be empty: there it means *not known*."""

_NUMBER = "a number is required"
_WHOLE = "a whole number is required"
_SWITCH = "true or false is required"
_MAPPING = "a mapping is required: lines of `key: value` below, indented"
_NOTHING = "nothing follows the colon; give a value (in quotes if it begins with #) or remove the line"
_WORDS: Mapping[str, str] = {
    "bool_parsing": _SWITCH,
    "bool_type": _SWITCH,
    "dict_type": _MAPPING,
    "finite_number": _NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "more than {gt:g} is required",
    "greater_than_equal": "at least {ge:g} is required",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_type": _WHOLE,
    "less_than_equal": "at most {le:g} is required",
    "literal_error": "one of these is required: {expected}",
    "mapping_type": _MAPPING,
    "missing": "missing; add it",
    "model_type": _MAPPING,
    "string_too_short": "empty; give a value or remove the line",
    "string_type": "a single value is required, not a list or a mapping",
    "tuple_type": "a list is required: [a, b], or lines with - in front",
    "value_error": "{error}",
}
_KEY = re.compile("[A-Za-z_-]{1,32}")


@dataclass(slots=True, frozen=True)
class Source:
    """One file, parsed, and how to point into it."""

    node: Node

    def problem(self, path: Path, what: str, *, by_key: bool = False) -> Problem:
        """`what` is wrong at `path`."""
        place, steps = at(self.node, path, by_key=by_key)
        return Problem(place, written(steps), what)

    def validated(self, model: type[M], unsaid: frozenset[Place]) -> tuple[M | None, list[Problem]]:
        """The document, None if there is none, and what is wrong with it but at the places `unsaid`, of which
        enough has been said.
        """
        if not isinstance(self.node, Fields):
            return None, [Problem(self.node.place, "", f"{_MAPPING}, such as `server:`")]
        problems = [
            self.problem(path, _NOTHING)
            for path, scalar in scalars(self.node)
            if scalar.text is None and len(path) > 1 and FREE not in path and _may_stand(model, path)
        ]
        document: M | None = None
        try:
            document = model.model_validate(_said(plain(self.node)), by_alias=True, by_name=False)
        except ValidationError as error:
            known = unsaid | {problem.place for problem in problems}
            found = (self._translated(model, each) for each in error.errors(include_url=False))
            problems += [problem for problem in found if problem.place not in known]
        return document, problems

    def _translated(self, model: type[BaseModel], error: ErrorDetails) -> Problem:
        kind, loc = error["type"], error["loc"]
        if kind == "extra_forbidden":
            return self._unknown_key(model, loc)
        problem = self.problem(loc, words_of(error))
        if kind != "missing":
            return problem
        return Problem(problem.place, written((*at(self.node, loc)[1], loc[-1])), problem.what)

    def _unknown_key(self, model: type[BaseModel], loc: Path) -> Problem:
        """The key is repeated only if it is nearly one of ours: any other may be a secret that slipped."""
        key, known = str(loc[-1]), list(_keys(model, loc[:-1]))
        place, steps = at(self.node, loc, by_key=True)
        near = nearest(key, known) if _KEY.fullmatch(key) else None
        shown = steps if near else steps[:-1]
        hint = f"; did you mean {near}?" if near else guess("", known, "known keys")
        return Problem(place, written(shown), f"unknown key{hint}")


def words_of(error: ErrorDetails) -> str:
    """What pydantic found, and what is required instead."""
    return _WORDS.get(error["type"], "this is not what belongs here").format_map(error.get("ctx", {}))


def _said(document: JsonValue) -> JsonValue:
    """`document` without its empty sections: they count as not written."""
    assert isinstance(document, dict)
    return {key: value for key, value in document.items() if value is not None}


def _may_stand(model: type[BaseModel], path: Path) -> bool:
    """Whether `path` ends in a key that is known, or in none that has to be."""
    known = list(_keys(model, path[:-1]))
    return not known or path[-1] in known


def _keys(model: type[BaseModel], path: Path) -> Iterator[str]:
    """The keys that a mapping at `path` of a `model` may have."""
    found: Any = model
    for step in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = _types(found).get(str(step))
        else:  # a member of a list or of a mapping with free names: its type comes last but for the `...`
            found = next((each for each in reversed(get_args(found)) if each is not ...), None)
        found = _bare(found)
    if isinstance(found, type) and issubclass(found, BaseModel):
        yield from _types(found)


def _types(model: type[BaseModel]) -> dict[str, Any]:
    fields = model.model_fields.items()
    return {str(field.validation_alias or name): field.annotation for name, field in fields}


def _bare(annotation: Any) -> Any:
    """The type itself, without its annotations and without None."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    members = [member for member in get_args(annotation) if member is not type(None)]
    return _bare(members[0]) if type(None) in get_args(annotation) else annotation
