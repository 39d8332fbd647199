"""Client keys: which are accepted, compared in constant time, never kept in the clear."""

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest


class ClientKeys:
    """The keys that clients may use. Without any, every caller is let in."""

    __slots__ = ("_digests",)

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = tuple(sha256(key.encode()).digest() for key in keys)

    @property
    def open(self) -> bool:
        """Whether no key is needed."""
        return not self._digests

    def admits(self, presented: str | None) -> bool:
        """Whether `presented` is one of the keys. Takes the same time for every wrong one."""
        if not self._digests:
            return True
        if not presented:
            return False
        digest = sha256(presented.encode("utf-8", "surrogateescape")).digest()
        # No short cut on a hit: how long this takes must not tell which key it was.
        return sum(compare_digest(digest, known) for known in self._digests) > 0
