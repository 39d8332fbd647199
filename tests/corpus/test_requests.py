"""Every recorded request is understood, and says the same when it is written again."""

import re
from collections.abc import Mapping

import pytest

from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols import CODECS
from gateway.protocols.codec import Losses
from gateway.protocols.target import Capabilities, Target
from tests.corpus.conftest import Report
from tests.corpus.meaning import meaning
from tests.corpus.recordings import Recording, recordings

pytestmark = pytest.mark.shared

REFUSED: Mapping[str, str] = {
    "anthropic/json/ollama-gpt-oss-20b-312300d7.json": "no messages, which its server refused too",
}
LOSSY: Mapping[str, str] = {
    "gemini/json/google-gemini-3-pro-image-preview-d4a101ce.json": "a call without tools",
    "openai_chat/stream/openrouter-claude-haiku-4-5-841ddc04.json": "a budget of thinking becomes an effort",
}


def target(recording: Recording) -> Target:
    """An upstream that can all that the recorded one could, and spells two fields as this body does."""
    body = recording.request or {}
    spelling = "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens"
    budget = recording.protocol == "gemini" and re.search("thinking_?budget", str(body), re.IGNORECASE)
    return Target(
        recording.model,
        Capabilities(
            cache_marks=True,
            reasoning_replay=True,
            max_tokens_field=spelling,
            thinking="budget" if budget else "effort",
        ),
    )


@pytest.mark.parametrize("protocol", CODECS)
def test_every_recorded_request_keeps_its_meaning(protocol: str, report: Report) -> None:
    codec = CODECS[protocol]
    asked = [recording for recording in recordings(protocol) if recording.request is not None]
    kept = raw = 0
    for recording in asked:
        if recording.name in REFUSED:
            continue
        if recording.request is not None and recording.request.get("raw"):
            # A prompt that the client has put into the model's own template: nobody else can be told it.
            with pytest.raises(Unsayable, match="raw: "):
                codec.decode_request(recording.call)
            raw += 1
            continue
        losses = Losses()
        sent = codec.encode_request(codec.decode_request(recording.call), target(recording), losses)
        if recording.name in LOSSY:
            assert losses.dropped, recording.name
            continue
        assert losses.dropped == [], recording.name
        assert meaning(protocol, sent.body) == meaning(protocol, recording.call.payload), recording.name
        kept += 1
    report(f"{protocol}: {kept} of {len(asked)} recorded requests keep their meaning")
    assert kept + raw == len(asked) - sum(name.startswith(f"{protocol}/") for name in (*REFUSED, *LOSSY))
    assert asked


def test_what_a_server_refused_as_malformed_is_refused_here_too() -> None:
    refused = [recording for recording in recordings() if recording.name in REFUSED]
    assert len(refused) == len(REFUSED)
    for recording in refused:
        assert recording.status == 400
        with pytest.raises(InvalidRequest):
            CODECS[recording.protocol].decode_request(recording.call)
