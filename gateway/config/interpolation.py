"""`${NAME}` and `${NAME:-default}` in the values of a file, replaced after it was parsed.

What a variable holds is never read as YAML, so any character is safe in it. `os.environ/NAME` and `env.NAME`
mean the same where they are the whole value. `$${` stands for the characters `${` themselves.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from gateway.config.problems import Path, Problem, written
from gateway.config.yaml_nodes import Fields, Items, Node, Scalar

Lookup = Callable[[str], str | None]
"""The value of a variable, None where it is unset or empty."""

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_REFERENCE = re.compile(rf"\$\$\{{|\$\{{(?:({_NAME})(:-((?:(?!\$\{{)[^}}])*))?\}})?")
_WHOLE = re.compile(rf"(?:os\.environ/|env\.)({_NAME})")
_SHELL = re.compile(r"\$[A-Z_][A-Z0-9_]*")
_FORM = "a reference is written ${NAME} or ${NAME:-default}; $${ stands for the characters ${ themselves"


def interpolate(node: Node, lookup: Lookup, path: Path = ()) -> tuple[Node, list[Problem]]:
    """`node` with every reference in its values replaced, and the references that lead nowhere."""
    problems: list[Problem] = []

    def replaced(node: Node, path: Path) -> Node:
        match node:
            case Scalar():
                try:
                    return replace(node, text=node.text and _resolved(node.text, lookup))
                except ValueError as error:
                    problems.append(Problem(node.place, written(path), str(error)))
                    return node
            case Items():
                items = enumerate(node.nodes)
                return replace(node, nodes=tuple(replaced(item, (*path, n)) for n, item in items))
            case Fields():
                fields = node.nodes.items()
                return replace(node, nodes={key: replaced(value, (*path, key)) for key, value in fields})

    return replaced(node, path), problems


def _resolved(text: str, lookup: Lookup) -> str:
    """`text` with its references replaced.

    Raises:
        ValueError: one is malformed or leads nowhere.
    """

    def value(match: re.Match[str]) -> str:
        name, default, default_value = match.groups()
        if match[0] == "$${":
            return "${"
        if name is None:
            raise ValueError(_FORM)
        return default_value if default and lookup(name) is None else _value(name, lookup)

    if (whole := _WHOLE.fullmatch(text)) is not None:
        return _value(whole[1], lookup)
    if _SHELL.fullmatch(text):
        raise ValueError(_FORM)
    return _REFERENCE.sub(value, text)


def _value(name: str, lookup: Lookup) -> str:
    value = lookup(name)
    if value is None:
        raise ValueError(f"the variable {name} is unset or empty; set it, or write ${{{name}:-default}}")
    return value
