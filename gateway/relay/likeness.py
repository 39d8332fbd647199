"""Records that are like one just read, but for their words.

Most of a stream is one record over and over with other words in it. The first of them is read with care; of
those behind it, it is enough to see that nothing else has changed.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from gateway.canonical.events import Delta, Event
from gateway.wire.fast_json import dumps
from gateway.wire.frames import Frame

_WORDS = re.compile(rb'[ !#-\[\]-~]*(?:\\["\\/bfnrt][ !#-\[\]-~]*)*')
"""The inside of a JSON string that every client can read, in its plainest spellings: others are left to those
who read with care.
"""

_KINDS = frozenset({"text", "thinking"})
"""Whose words nobody needs once they have passed. Arguments are looked at again when their call is whole."""


class Likeness:
    """What a record must be like: that of the last one read, if that was a piece of text and nothing else."""

    __slots__ = ("_before", "_behind")

    def __init__(self) -> None:
        self._before = self._behind = b""

    def matches(self, records: bytes) -> bool:
        """Whether each of `records`, one or more, is the last one that was read, with other words."""
        before, behind = self._before, self._behind
        start, end = len(before), len(records) - len(behind)
        if not (0 < start < end and records.startswith(before) and records.endswith(behind)):
            return False
        if _WORDS.fullmatch(records, start, end) is not None:
            return True
        words = records[start:end].split(behind + before)
        # A blank ends no escape, so that words which are readable together are so each for itself.
        return len(words) > 1 and b"" not in words and _WORDS.fullmatch(b" ".join(words)) is not None

    def words(self, frames: Sequence[Frame], start: int, event: str) -> list[bytes]:
        """The words of `frames` from `start`, as they are spelled there, up to the first that is not called
        `event`, not like the last record read, or spells them in another way than we would.
        """
        before, behind = self._before, self._behind
        found: list[bytes] = []
        for number in range(start, len(frames) if before else start):
            record = frames[number].data
            words = record[len(before) : len(record) - len(behind)]
            if not words or record != before + words + behind or frames[number].event != event:
                break
            found.append(words)
        return found if _is_ours(b" ".join(found)) else list(takewhile(_is_ours, found))

    def saying(self, words: bytes) -> bytes:
        """A record like the last one that says `words`."""
        return self._before + words + self._behind

    def learn(self, record: bytes, events: Sequence[Event]) -> None:
        """`record` has been read, as `events`: what comes next may be like it, and no longer like another."""
        self._before = self._behind = b""
        if len(events) != 1 or not record.isascii() or b"\\" in record:
            return
        event = events[0]
        if isinstance(event, Delta) and event.kind in _KINDS and isinstance(event.value, str):
            # Without escapes its words have one spelling; standing there once, they can be nothing else.
            words = dumps(event.value)
            if record.count(words) == 1:
                before, _, behind = record.partition(words)
                self._before, self._behind = before + b'"', b'"' + behind


def _is_ours(words: bytes) -> bool:
    return b"\\/" not in words and _WORDS.fullmatch(words) is not None
