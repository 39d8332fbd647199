"""Records that are like one just read, but for their words.

Most of a stream is one record over and over with other words in it. The first of them is read with care; of
those behind it, it is enough to see that nothing else has changed.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from gateway.canonical.events import Delta, Event
from gateway.wire.fast_json import dumps
from gateway.wire.frames import Frame

_WORDS = re.compile(rb'[ !#-\[\]-~]*(?:\\["\\bfnrt][ !#-\[\]-~]*)*')
"""The inside of a JSON string as we would spell it ourselves, in letters that every client can read: others
are left to those who read with care.
"""

_KINDS = frozenset({"text", "thinking"})
"""Whose words nobody needs once they have passed. Arguments are looked at again when their call is whole."""


class Form(NamedTuple):
    """What stands around the words of a record, their quotes included."""

    before: bytes
    behind: bytes

    def saying(self, words: bytes) -> bytes:
        """The record that says `words`."""
        return self.before + words + self.behind


def form_of(record: bytes, words: bytes) -> Form | None:
    """The form of a `record` that says `words`; None if these have no certain place in it."""
    quoted = b'"%b"' % words
    if record.count(quoted) != 1:
        return None
    before, _, behind = record.partition(quoted)
    return Form(before + b'"', b'"' + behind)


class Likeness:
    """What a record must be like: that of the last one learned, if that was a piece of text and nothing
    else.
    """

    __slots__ = ("_event", "_form", "_lead", "_tail")

    def __init__(self) -> None:
        self._form: Form | None = None
        self._event = ""
        self._lead = self._tail = 0

    def words(self, records: bytes) -> list[bytes]:
        """The words of each of `records`, one or more, as they are spelled there; none if one of them is not
        the last one learned with other words.
        """
        if self._form is None:
            return []
        before, behind = self._form
        start, end = len(before), len(records) - len(behind)
        if not (start < end and records.startswith(before) and records.endswith(behind)):
            return []
        if _WORDS.fullmatch(records, start, end) is not None:
            return [records[start:end]]
        words = records[start:end].split(behind + before)
        # A blank ends no escape, so that words which are readable together are so each for itself.
        return words if len(words) > 1 and b"" not in words and _is_readable(b" ".join(words)) else []

    def run(self, frames: Sequence[Frame], start: int) -> list[bytes]:
        """The words of `frames` from `start` on, up to the first that is not like the last one learned."""
        if self._form is None:
            return []
        before, behind = self._form
        found: list[bytes] = []
        for number in range(start, len(frames)):
            record = frames[number].raw
            words = record[len(before) : len(record) - len(behind)]
            if not words or record != before + words + behind:
                break
            found.append(words)
        return found if _is_readable(b" ".join(found)) else list(takewhile(_is_readable, found))

    def saying(self, words: bytes) -> Frame:
        """A record like the last one learned that says `words`."""
        assert self._form is not None, "there is one, or nothing would be like it"
        raw = self._form.saying(words)
        return Frame(raw[self._lead : len(raw) - self._tail], self._event, raw)

    def learn(self, frame: Frame, events: Sequence[Event]) -> None:
        """`frame` has been read, as `events`: what comes next may be like it, and no longer like another."""
        self._form = None
        # Without escapes its words have one spelling; standing there once, they can be nothing else.
        if len(events) != 1 or not frame.raw.isascii() or b"\\" in frame.raw:
            return
        event, lead = events[0], frame.raw.find(frame.data)
        if lead >= 0 and isinstance(event, Delta) and event.kind in _KINDS and isinstance(event.value, str):
            self._form = form_of(frame.raw, dumps(event.value)[1:-1])
            self._event, self._lead = frame.event, lead
            self._tail = len(frame.raw) - lead - len(frame.data)


def _is_readable(words: bytes) -> bool:
    return _WORDS.fullmatch(words) is not None
