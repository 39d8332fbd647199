"""How near the estimate of input tokens comes to what real services counted."""

from collections.abc import Iterator
from statistics import median

import pytest

from gateway.canonical.content import Media, Part, ToolResult
from gateway.canonical.events import Collector
from gateway.canonical.request import Request
from gateway.canonical.tokens import estimate
from gateway.errors import UpstreamError
from gateway.protocols import CODECS
from gateway.protocols.codec import Sent
from tests.corpus.conftest import Report
from tests.corpus.recordings import Recording, recordings

pytestmark = pytest.mark.shared

MOST_MEDIAN_ERROR = 0.15
MOST_SHARE_TOO_LOW = 0.05
TOO_LOW, LONG = 0.75, 100

READS_MORE_THAN_IT_IS_SENT = frozenset(
    {"plugins", "models", "web_search_options", "mcp_servers", "container"}
)
"""Fields of a body that make the provider put something of its own into the prompt, or choose another
model.
"""


def counted(recording: Recording) -> int | None:
    """The input tokens that the service said, None if it did not."""
    codec = CODECS[recording.protocol]
    try:
        if not recording.stream:
            usage = codec.decode_response(recording.reply, Sent()).usage
        else:
            framing, decoder, collector = codec.framing.decoder(), codec.stream_decoder(Sent()), Collector()
            for frame in [*framing.feed(recording.reply), *framing.close()]:
                for event in decoder.decode(frame):
                    collector.feed(event)
            usage = collector.usage
    except UpstreamError:
        return None
    return usage.input_tokens if usage is not None else None


def parts_of(parts: list[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, ToolResult):
            yield from parts_of(part.content)


def is_only_what_it_says(recording: Recording, request: Request) -> bool:
    """Whether the prompt holds nothing but what the client sent, and no media."""
    parts = [part for message in request.messages for part in parts_of(message.parts)]
    return not (
        READS_MORE_THAN_IT_IS_SENT & (recording.request or {}).keys()
        or recording.model.startswith("compound-")  # searches the web of its own accord
        or any(tool.kind == "builtin" for tool in request.tools)
        or any(isinstance(part, Media) for part in parts)
    )


def samples() -> Iterator[tuple[int, int]]:
    """Pairs of what was estimated and what was counted."""
    for recording in recordings():
        if recording.request is None or recording.status != 200:
            continue
        if recording.request.get("raw"):
            # The client has written the model's own template, and nobody else can read it (test_requests).
            continue
        request = CODECS[recording.protocol].decode_request(recording.call)
        count = counted(recording) if is_only_what_it_says(recording, request) else None
        if count:
            yield estimate(request), count


def test_the_estimate_is_near_what_services_count_and_seldom_far_below(report: Report) -> None:
    pairs = list(samples())
    error = median(abs(guess / count - 1) for guess, count in pairs)
    long = [guess / count for guess, count in pairs if count > LONG]
    low = sum(ratio < TOO_LOW for ratio in long)
    report(
        f"{len(pairs)} prompts: median error {error:.1%}; {low} of {len(long)} long ones over 25 % too low"
    )
    assert len(pairs) > 100
    assert error <= MOST_MEDIAN_ERROR
    assert low <= MOST_SHARE_TOO_LOW * len(long)
