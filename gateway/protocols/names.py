"""Ids and tool names that must fit a protocol's rules, and the way back.

Deterministic, without salt: the same history yields the same bytes on every turn, which prompt caches depend
on.
"""

import re
from base64 import b32encode
from collections.abc import Iterable
from hashlib import sha256


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
