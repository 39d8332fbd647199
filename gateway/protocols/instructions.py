"""Instructions that stand before a conversation, for protocols that have one place for them."""

from collections.abc import Iterable, Iterator, Sequence

from gateway.canonical.content import Message, Part, Text
from gateway.protocols.codec import Losses

_ROLES = frozenset({"system", "developer"})
_BILLING = "x-anthropic-billing-header"


def leading(messages: Sequence[Message]) -> list[Message]:
    """The instructions before the first turn of `messages`."""
    for number, message in enumerate(messages):
        if message.role not in _ROLES:
            return [*messages[:number]]
    return [*messages]


def without_billing(parts: Iterable[Part], losses: Losses) -> Iterator[Part]:
    """`parts` of instructions but for Claude Code's billing line, which changes with every request and would
    spoil the upstream's prefix cache.
    """
    for part in parts:
        if isinstance(part, Text) and part.text.startswith(_BILLING):
            losses.repair(part.origin, "billing line left out")
        else:
            yield part
