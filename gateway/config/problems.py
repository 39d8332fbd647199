"""What is wrong in a file, said by place: one line a mistake, at most a screen of them, never a value."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from gateway.config.errors import ConfigError

MOST_SHOWN = 18
"""Lines of mistakes that leave room on a screen of 24 for what stands around them."""

_LONGEST_PATH = 100

Step = str | int
Path = tuple[Step, ...]
"""Where in a document: keys and positions, from the top."""


@dataclass(slots=True, frozen=True, order=True)
class Place:
    """Where in a file; lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(slots=True, frozen=True, order=True)
class Problem:
    """One mistake: where, under which key, what, and the remedy."""

    place: Place
    path: str
    what: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.place), self.path, self.what)))


def refusal(problems: Iterable[Problem]) -> ConfigError:
    """The error that tells `problems`, each once, in the order of the files."""
    lines = [str(problem) for problem in sorted(set(problems))]
    if len(lines) == 1:
        return ConfigError(lines[0])
    more = len(lines) - MOST_SHOWN
    shown = [*lines[:MOST_SHOWN], f"… and {more} more"] if more > 0 else lines
    return ConfigError("\n".join((f"the configuration has {len(lines)} mistakes", *shown)))


def written(path: Path) -> str:
    """`path` as operators write it: `pools.main[0].models`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    # A key may be anything; what would disturb a terminal is not shown.
    return text[:_LONGEST_PATH] if text.isprintable() else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` was probably meant to be."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.5)), None)


def guess(name: str, known: Iterable[str], kind: str) -> str:
    """What to say of a name that is none of `known`: the nearest, else all of them. Does not repeat
    `name`.
    """
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f"; did you mean {near}?"
    return f"; {kind} are {', '.join(names)}" if names else ""
