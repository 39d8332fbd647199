"""Ids and tool names that must fit a protocol's rules, and the way back.

Deterministic, without salt: the same history yields the same bytes on every turn, which prompt caches depend
on.
"""

import re
from base64 import b32encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import TypeAlias

from gateway.canonical.content import ToolCall
from gateway.canonical.request import Request

ToolName: TypeAlias = tuple[str | None, str]
"""A tool's namespace and name."""


def fit_id(call_id: str, allowed: re.Pattern[str]) -> str:
    """`call_id` if all of it matches `allowed`, else a stable stand-in of 28 letters, digits and one
    underscore.
    """
    if allowed.fullmatch(call_id):
        return call_id
    return "h_" + b32encode(sha256(call_id.encode("utf-8", "replace")).digest()).decode().lower()[:26]


def fit_names(names: Iterable[str], allowed: re.Pattern[str], longest: int) -> dict[str, str]:
    """A name to send for each of `names`: itself where it matches `allowed`, else a readable, distinct
    stand-in.

    Characters outside `[A-Za-z0-9_-]` become `_`, what is too long is cut, and four hex digits of the name's
    hash keep two names apart that would otherwise look alike.
    """
    names = list(dict.fromkeys(names))
    taken = {name for name in names if allowed.fullmatch(name)}
    fitted: dict[str, str] = {}
    for name in names:
        if name in taken:
            fitted[name] = name
            continue
        digest = sha256(name.encode("utf-8", "replace")).hexdigest()
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", name)[: longest - 5]
        if not allowed.fullmatch(stem):
            stem = f"tool_{stem}"
        sent = next(
            candidate
            for length in range(4, len(digest))
            if (candidate := f"{stem[: longest - 1 - length]}_{digest[:length]}") not in taken
        )
        taken.add(sent)
        fitted[name] = sent
    return fitted


def sent_names(request: Request, allowed: re.Pattern[str], longest: int) -> dict[ToolName, str]:
    """A name to send for every tool that `request` defines, has called or chooses, where a protocol has no
    namespaces; builtins keep theirs.
    """
    wanted = list(_names_in(request))
    if request.tool_choice is not None:
        known = {name for _, name in wanted}
        wanted += [(None, name) for name in request.tool_choice.names if name not in known]
    flat = {key: flat_name(key) for key in wanted}
    fitted = fit_names(flat.values(), allowed, longest)
    return {key: fitted[name] for key, name in flat.items()}


def changed_names(names: Mapping[ToolName, str]) -> dict[str, str]:
    """Of the `names` to send those that had to be changed, with the client's own."""
    return {sent: flat_name(key) for key, sent in names.items() if sent != flat_name(key)}


def flat_name(key: ToolName) -> str:
    """A tool's name where there are no namespaces."""
    namespace, name = key
    return f"{namespace}__{name}" if namespace else name


def _names_in(request: Request) -> Iterator[ToolName]:
    yield from ((tool.namespace, tool.name) for tool in request.tools if tool.kind != "builtin")
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                yield part.namespace, part.name
