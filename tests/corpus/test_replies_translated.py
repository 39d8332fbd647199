"""Every recorded reply, told by a gateway to clients and read by their official SDKs."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import anthropic
import ollama
import openai
import pytest
from google.genai import errors
from structlog.testing import capture_logs

from tests import gateways
from tests.corpus.conftest import Report, request_line
from tests.corpus.one_model import any_model
from tests.corpus.recordings import NO_REPLIES, Recording, recordings
from tests.corpus.sdk_readers import SDKS
from tests.corpus.told import END, READERS, REASONS, WORDS, Told
from tests.upstreams import FakeUpstream, Play, playing

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    # The google-genai SDK forgets to close the connection of a stream that fails.
    pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning"),
]

PAIRS = [(upstream, client) for upstream in READERS for client in SDKS if upstream != client]

REFUSED_WITH_200 = {"openai_chat/json/azure-openllmetry-testing-a84bb3ef.json"}
"""The status says success, the body says that the prompt was filtered."""

SEEN_AS: Mapping[int, int] = {200: 400, 400: 400, 401: 502, 403: 502, 404: 404, 429: 429}
"""The status a client sees for an upstream's refusal: the gateway's own keys are none of its business."""

CLASSES: Mapping[str, Mapping[int, type[Exception]]] = {
    "anthropic": {
        400: anthropic.BadRequestError,
        404: anthropic.NotFoundError,
        429: anthropic.RateLimitError,
        502: anthropic.InternalServerError,
    },
    "gemini": {
        400: errors.ClientError,
        404: errors.ClientError,
        429: errors.ClientError,
        502: errors.ServerError,
    },
    "ollama": dict.fromkeys((400, 404, 429, 502), ollama.ResponseError),
    "openai_chat": {
        400: openai.BadRequestError,
        404: openai.NotFoundError,
        429: openai.RateLimitError,
        502: openai.InternalServerError,
    },
}
FAILURES = (anthropic.APIError, errors.APIError, ollama.ResponseError, openai.APIError)


@asynccontextmanager
async def in_front_of(upstream: FakeUpstream, protocol: str) -> AsyncIterator[str]:
    """A gateway to an upstream that speaks `protocol`."""
    async with gateways.running(any_model(protocol, upstream.url)) as base_url:
        yield base_url


def played(recording: Recording) -> Play:
    kinds = {"ndjson": "application/x-ndjson", "sse": "text/event-stream"}
    kind = kinds.get(recording.framing, "application/json")
    return Play([recording.reply], recording.status, content_type=kind)


def seen_as(recording: Recording) -> int:
    """The status for the client. Gemini says 400 for a key it does not know."""
    is_about_our_key = b"API key not valid" in recording.reply
    return 502 if is_about_our_key else SEEN_AS[recording.status]


def is_refusal(recording: Recording) -> bool:
    return recording.status != 200 or recording.name in REFUSED_WITH_200


def is_good(recording: Recording) -> bool:
    fails = "expect_error" in recording.features or recording.name in NO_REPLIES
    return not is_refusal(recording) and not fails


def differences(recorded: Told, told: Told, client: str, reason: str) -> Iterator[str]:
    """What a client was told that the recording does not say, and the other way round."""
    if recorded.calls and reason == "end":
        reason = "call"
    pairs = {
        "stop": (WORDS[client].get(reason, END[client]), told.stop),
        "calls": (recorded.calls, told.calls),
        "thought": (recorded.thought, told.thought),
        "read": (recorded.read, told.read),
        "written": (recorded.written, told.written),
    }
    for name, (was, now) in pairs.items():
        if was not in (None, now):
            yield f"{name}: {was!r} became {now!r}"
    text, lost = "".join(told.spoken), len(unsaid(recorded, told))
    if lost:
        is_said = stand_in(recorded.spoken, text, rendered=lost > recorded.silent)
    else:
        is_said = text == "".join(recorded.spoken)
    if not is_said:
        yield f"text: {recorded.spoken} became {text!r}"


def unsaid(recorded: Told, told: Told) -> list[str]:
    """What stood between the words and did not reach the client as what it was."""
    return list((Counter(recorded.others) - Counter(told.others)).elements())


def stand_in(runs: list[str], text: str, *, rendered: bool) -> bool:
    """Whether `text` is `runs`, one after the other, with nothing but renderings between them, of which there
    must be some where something is to be `rendered`.
    """
    first, *others = runs
    at = len(first)
    for run in others:
        begins = text.find(run, at)
        if begins < 0:
            return False
        at = begins + len(run)
    is_longer = len(text) > sum(map(len, runs))
    return is_longer >= rendered and text.startswith(first) and text.endswith(runs[-1])


@pytest.mark.parametrize(("protocol", "client"), PAIRS)
async def test_every_recorded_reply_says_the_same_to_a_client_of_another_protocol(
    protocol: str, client: str, report: Report
) -> None:
    replies = [one for one in recordings(protocol) if is_good(one)]
    changed: dict[str, list[str]] = {}
    async with (
        playing(Play()) as upstream,
        in_front_of(upstream, protocol) as gateway,
        SDKS[client](gateway) as read,
    ):
        for recording in replies:
            upstream.script = [played(recording)]
            recorded = READERS[protocol](recording.reply, stream=recording.stream)
            with capture_logs() as log:
                told = await read(stream=recording.stream)
                line = await request_line(log)
            found = list(differences(recorded, told, client, REASONS[protocol][recorded.stop]))
            unnamed = [
                name
                for name in unsaid(recorded, told)
                if not any(name in loss.removeprefix("content.") for loss in line["losses"])
            ]
            if unnamed:
                found.append(f"{unnamed} are not among the losses {line['losses']}")
            if found:
                changed[recording.name] = found
    same = len(replies) - len(changed)
    report(f"{protocol} replies to a client of {client}: {same} of {len(replies)} say the same")
    assert changed == {}
    assert replies


@pytest.mark.parametrize("client", SDKS)
@pytest.mark.parametrize("protocol", READERS)
async def test_every_recorded_refusal_raises_the_right_error_in_a_client(
    protocol: str, client: str, report: Report
) -> None:
    refusals = [one for one in recordings(protocol) if is_refusal(one)]
    for recording in refusals:
        # A gateway each: a key that was refused is not tried again.
        async with (
            playing(played(recording)) as upstream,
            in_front_of(upstream, protocol) as gateway,
            SDKS[client](gateway) as read,
        ):
            status = seen_as(recording)
            with pytest.raises(CLASSES[client][status]) as caught:
                await read(stream=recording.stream)
        assert status_of(caught.value) == status, recording.name
    report(
        f"{protocol} refusals to a client of {client}: {len(refusals)} of {len(refusals)} raise the right"
        " error"
    )
    assert refusals


def status_of(error: Exception) -> int | None:
    """The HTTP status that an SDK's error holds."""
    if isinstance(error, (anthropic.APIStatusError, ollama.ResponseError, openai.APIStatusError)):
        return error.status_code
    return error.code if isinstance(error, errors.APIError) else None


@pytest.mark.parametrize("client", SDKS)
async def test_every_recorded_stream_that_fails_raises_in_a_client(client: str, report: Report) -> None:
    failing = [one for one in recordings() if "expect_error" in one.features and one.protocol in READERS]
    for recording in failing:
        async with (
            playing(played(recording)) as upstream,
            in_front_of(upstream, recording.protocol) as gateway,
            SDKS[client](gateway) as read,
        ):
            with pytest.raises(FAILURES):
                await read(stream=True)
    report(f"streams that fail, to a client of {client}: {len(failing)} of {len(failing)} raise")
    assert failing
