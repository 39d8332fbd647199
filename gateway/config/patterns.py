"""Names of models, and patterns that several of them match.

gpt-4o              that name
gpt-4*              a pattern of `*`, `?` and `[…]`
prefix:gpt-4        names that begin so
keyword:mini        names that hold it, in any case
regex:^gpt-[45]     names in which the regular expression finds something
"""

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import TypeAlias

from gateway.config.checks import checked_glob

Matcher: TypeAlias = Callable[[str], bool]
"""Whether a name is meant."""

_SIGNS = "*?["


def _prefix(rest: str) -> Matcher:
    return lambda name: name.startswith(rest)


def _keyword(rest: str) -> Matcher:
    word = rest.lower()
    return lambda name: word in name.lower()


def _regex(rest: str) -> Matcher:
    search = re.compile(rest).search
    return lambda name: search(name) is not None


_KINDS: Mapping[str, Callable[[str], Matcher]] = {"keyword": _keyword, "prefix": _prefix, "regex": _regex}


def is_exact(written: str) -> bool:
    """Whether `written` is a name rather than a pattern."""
    return not is_rule(written) and not any(sign in written for sign in _SIGNS)


def is_rule(written: str) -> bool:
    """Whether `written` is a pattern that says of which kind it is."""
    kind, colon, _ = written.partition(":")
    return bool(colon) and kind in _KINDS


@lru_cache(maxsize=4096)
def matcher(written: str) -> Matcher:
    """What `written` means; compiled once."""
    if is_rule(written):
        kind, _, rest = written.partition(":")
        return _KINDS[kind](rest)
    if is_exact(written):
        return written.__eq__
    match = re.compile(translate(written)).match
    return lambda name: match(name) is not None


def matches(name: str, patterns: Iterable[str], exclude: Iterable[str] = ()) -> bool:
    """Whether one of `patterns` means `name`, and none of `exclude`."""
    return any(matcher(written)(name) for written in patterns) and not any(
        matcher(written)(name) for written in exclude
    )


def checked_pattern(value: str) -> str:
    """A model's name or a pattern, as above.

    Raises:
        ValueError: it is empty or no pattern.
    """
    kind, _, rest = value.partition(":")
    if not is_rule(value):
        return checked_glob(value)
    if not rest or not rest.isprintable():
        raise ValueError(f"nothing follows {kind}:, which takes a part of a model's name")
    try:
        matcher(value)
    except re.error:
        raise ValueError("this is no regular expression; put it in single quotes if it is one") from None
    return value
