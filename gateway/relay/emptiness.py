"""Replies that say nothing: whoever has a better one is asked first."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from gateway.canonical.content import Part, Text
from gateway.canonical.usage import Stop, StopReason
from gateway.errors import BadUpstreamReply

_UNEXPLAINED = frozenset({StopReason.END, StopReason.TOOL_CALL, StopReason.OTHER})
"""Reasons to stop that do not explain why nothing was said before: a filter does, or a limit."""

Delivery = Callable[[], Awaitable[None]]


class EmptyReply(BadUpstreamReply):
    """A whole reply without text, call or reasoning, and without a reason for that. Nobody has heard of it
    yet.
    """

    deliver: Delivery | None = None

    def taken(self) -> Delivery:
        """What delivers it all the same: an error that kept it would hold what holds the error."""
        deliver, self.deliver = self.deliver, None
        assert deliver is not None, "it is taken once"
        return deliver


def empty_reply(deliver: Delivery) -> EmptyReply:
    """The error that says so, with what would deliver the reply all the same."""
    error = EmptyReply("the upstream's reply says nothing")
    error.deliver = deliver
    return error


def unexplained(stops: Iterable[Stop]) -> bool:
    """Whether nothing explains that a reply that ended like that says nothing."""
    return all(stop.reason in _UNEXPLAINED for stop in stops)


def says_nothing(parts: Sequence[Part], stop: Stop) -> bool:
    """Whether a reply of these `parts` is empty for no reason."""
    return unexplained((stop,)) and all(isinstance(part, Text) and not part.text for part in parts)
