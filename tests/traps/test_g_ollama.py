"""Traps of Ollama, by their numbers."""

from gateway.canonical.content import Base64, Media, ToolCall
from gateway.canonical.usage import Usage
from gateway.errors import BadUpstreamReply
from gateway.protocols.codec import Asked, Call, Endpoint, Losses, Operation, Sent
from gateway.protocols.ollama import CODEC
from gateway.relay.lanes import Ends, EventsLane
from gateway.wire.fast_json import dumps, loads
from gateway.wire.frames import Frame
from gateway.wire.ndjson import NDJSON
from tests.protocols.ollama.exchange import called, decoded, heard, line, replied, whole
from tests.traps.wire import CHAT

DONE = line(done=True, done_reason="stop")


def test_t036_the_media_type_of_a_picture_is_read_off_its_bytes() -> None:
    webp = "UklGRh4AAABXRUJQ"
    (turn,) = decoded(messages=[{"role": "user", "images": [webp]}]).messages
    assert turn.parts == [Media("image", Base64(webp), "image/webp")]


def test_t084_durations_are_whole_and_arguments_an_object() -> None:
    body, _ = whole(replied(ToolCall("c1", "f", '{"a":1.5}'), usage=Usage(input_tokens=1, output_tokens=1)))
    assert all(type(body[name]) is int for name in body if name.endswith(("_duration", "_count")))
    assert body["message"]["tool_calls"][0]["function"]["arguments"] == {"a": 1.5}


def test_t119_no_blank_line_is_sent_and_an_error_is_a_string() -> None:
    encoder = CODEC.stream_encoder(Asked("m-1"), Losses())
    assert NDJSON.encode(Frame(b"\n")) == b""
    assert encoder.ping().count(b"\n") == 1
    (frame,) = encoder.fail(BadUpstreamReply("cut off"))
    assert loads(frame.data) == {"error": "cut off"}


def test_t120_calls_that_a_server_repeats_are_not_made_twice() -> None:
    calls = [{"id": f"c{n}", "function": {"index": n, "name": "f", "arguments": {}}} for n in range(2)]
    reply = heard(line({"tool_calls": calls[:1]}), line({"tool_calls": calls}), DONE)
    assert [part.id for part in reply.parts if isinstance(part, ToolCall)] == ["c0", "c1"]


def test_t128_what_the_command_line_asks_first_is_answered() -> None:
    answer = CODEC.answer(Call(endpoint=Endpoint(Operation.LOCAL, "HEAD", "/ollama/")))
    assert answer is not None
    assert answer.status == 200
    routes = {(point.method, point.path) for point in CODEC.endpoints}
    assert {("HEAD", "/"), ("POST", "/api/show"), ("POST", "/api/generate"), ("POST", "/api/chat")} <= routes


def test_t129_an_empty_conversation_only_loads_the_model() -> None:
    for keep_alive, reason in ((None, "load"), (0, "unload")):
        answer = CODEC.answer(called(messages=[], keep_alive=keep_alive))
        assert answer is not None
        assert loads(answer.body)["done_reason"] == reason


def test_t150_parallel_calls_have_numbers_of_their_own() -> None:
    calls = [{"function": {"name": "f", "arguments": {"n": n}}} for n in range(2)]
    lane = EventsLane(Ends(CODEC, CHAT, Sent(), Asked("m-1", stream=True), Losses()))
    said = b"".join(dumps(one) + b"\n" for one in (line({"tool_calls": calls}), DONE))
    records = [loads(one[6:]) for one in lane.feed(said).data.split(b"\n\n") if one[6:7] == b"{"]
    deltas = [choice["delta"] for record in records for choice in record["choices"]]
    told = [call for delta in deltas for call in delta.get("tool_calls", []) if "id" in call]
    assert [call["index"] for call in told] == [0, 1]
    assert len({call["id"] for call in told}) == 2
