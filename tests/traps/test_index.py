"""The index of all traps: each is stated here by a test of its own, or waits for the codec it is about."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

ALL = range(1, 162)

HERE = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 21, 22, 23, 24, 25, 28, 29, 30, 31, 32, 33,
    34, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 48, 49, 51, 53, 55, 56, 57, 58, 59, 60, 61, 62, 63,
    64, 65, 66, 67, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 81, 82, 83, 84, 86, 87, 88, 89, 90, 91, 92,
    93, 94, 95, 96, 97, 98, 99, 100, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118,
    119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138,
    139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 150, 151, 152, 153, 154, 155, 156, 157, 158, 160,
    161,
)  # fmt: skip
"""The traps of the four protocols that are spoken; of those that name another one too, this half."""

WAITING: Mapping[str, tuple[int, ...]] = {
    "the responses codec is not built yet": (
        18, 19, 20, 26, 27, 35, 47, 50, 52, 54, 68, 79, 80, 85, 101, 102, 103, 104, 149, 159,
    ),
}  # fmt: skip

JUDGED: Mapping[int, str] = {
    37: "between two ends of the Messages API the client's own anthropic-version goes up: the vendor's client"
    " and the vendor have agreed on it, and another version would change more than sampling",
    48: "a host that refuses betas cannot be told from Anthropic by its protocol; other protocols' can",
    53: "unsigned reasoning stays in bodies for models behind this API that are not Claude: they sign nothing"
    " and want it back",
    59: "models that take all of JSON Schema get it whole but for $schema; this and 60 to 63 are said of the"
    " subset, which is for the models before them",
    64: "all but Gemini's subset take references inside a schema; there only one at its root is followed",
    65: "uniqueItems is refused in strict tools only, and becomes words there",
    141: "as 37: what must not happen is that the gateway adds sampling to a version that refuses it",
}
"""Where the expectation was read in a way of our own, and why."""


def named() -> Iterator[int]:
    """The numbers of the traps that the tests beside this file are named for."""
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_t"):
                yield int(node.name[6:9])


def test_every_trap_stands_in_the_index_once() -> None:
    listed = Counter([*HERE, *(trap for traps in WAITING.values() for trap in traps)])
    assert listed == Counter(ALL)


def test_every_trap_that_is_done_has_one_test_that_is_named_for_it() -> None:
    assert Counter(named()) == Counter(HERE)


def test_only_what_is_tested_was_judged() -> None:
    assert JUDGED.keys() <= set(HERE)
