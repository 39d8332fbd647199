"""Reasoning that a client did not ask to read."""

from gateway.canonical.content import Message, Part, Signature, Text, Thinking
from gateway.canonical.events import Choice, Response, collect, explode
from gateway.canonical.usage import Stop, StopReason
from gateway.relay.veil import unveiled, veiled, veiled_events

SIGNED = Thinking("Let me think.", signature=Signature("anthropic", "c2ln"))
HIDDEN = Thinking(signature=Signature("anthropic", "c2ln", unsaid="Let me think."), redacted=True)


def reply(*parts: Part) -> Response:
    return Response([Choice([*parts], Stop(StopReason.END))])


def test_words_go_out_of_sight_and_come_back_to_their_issuer() -> None:
    (part, text) = veiled(reply(SIGNED, Text("Hi")), "gemini").parts

    assert (part, text) == (HIDDEN, Text("Hi"))
    assert unveiled([Message("assistant", [part, text])]) == [Message("assistant", [SIGNED, Text("Hi")])]


def test_a_stream_says_of_reasoning_what_a_whole_reply_says() -> None:
    whole = reply(SIGNED, Text("Hi"))

    events = veiled_events(explode(whole), "gemini")

    assert collect(events) == veiled(whole, "gemini")
    assert "thinking" not in {getattr(event, "kind", "") for event in events}


def test_what_the_clients_own_protocol_signed_needs_no_words() -> None:
    parts = veiled(reply(SIGNED, Thinking("Nobody signed this.")), "anthropic").parts

    assert parts == [Thinking(signature=SIGNED.signature), Thinking()]


def test_what_hides_nothing_stays_as_it_is() -> None:
    redacted = Thinking(signature=Signature("anthropic", "eA"), redacted=True)
    message = Message("assistant", [redacted, SIGNED, Text("Hi")])

    assert veiled(reply(redacted, Text("Hi")), "gemini").parts == [redacted, Text("Hi")]
    said = [message]
    assert unveiled(said) is said
    assert unveiled([Message("assistant", [HIDDEN, redacted])])[0].parts == [SIGNED, redacted]
