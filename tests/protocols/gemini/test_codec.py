"""Errors, counts, lists and the lane that passes a client's bytes on."""

from base64 import b64encode

import pytest

from gateway import errors
from gateway.canonical.content import Signature
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import BadUpstreamReply
from gateway.protocols.codec import Call, Losses, ModelCard
from gateway.protocols.gemini import CODEC
from gateway.protocols.gemini.signatures import SENTINEL, is_foreign, unwrap, wrap
from gateway.protocols.target import Capabilities, Target
from gateway.wire.document import Document
from gateway.wire.fast_json import dumps, loads
from tests.protocols.gemini.exchange import call

FOREIGN = wrap(Signature("anthropic", "secret", "m")) or ""


def detail(kind: str, **fields: JsonValue) -> JsonObject:
    """One of the details of an error."""
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            400,
            {"message": "m", "details": [detail("ErrorInfo", reason="API_KEY_INVALID")]},
            errors.CredentialRejected,
        ),
        (400, {"message": "m"}, errors.RequestRefused),
        (404, {"message": "m"}, errors.ModelUnavailable),
        (429, {"message": "m"}, errors.RateLimited),
        (
            429,
            {"message": "m", "details": [detail("QuotaFailure", violations=[{"quotaId": "RequestsPerDay"}])]},
            errors.QuotaExhausted,
        ),
        (503, {"message": "m"}, errors.Overloaded),
    ],
)
def test_a_refusal_is_understood(status: int, error: JsonObject, kind: type[errors.UpstreamError]) -> None:
    found = CODEC.decode_error(status, {}, dumps([{"error": error}]))
    assert type(found) is kind
    assert found.upstream_status == status


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("34.4s", 34.4),
        ({"seconds": 34, "nanos": 400000000}, 34.4),
        ({"seconds": 3, "nanos": "?"}, 3.0),
        ("soon", None),
    ],
)
def test_how_long_to_wait_is_read(delay: JsonValue, seconds: float | None) -> None:
    body = dumps({"error": {"message": "m", "details": [detail("RetryInfo", retryDelay=delay)]}})
    assert CODEC.decode_error(429, {}, body).retry_after_s == seconds


def test_the_field_at_fault_is_read_and_a_page_of_html_says_nothing() -> None:
    violation = detail("BadRequest", fieldViolations=[{"field": "contents[0]"}])
    refused = CODEC.decode_error(400, {}, dumps({"error": {"message": "m", "details": [violation]}}))
    assert refused.param == "contents[0]"
    assert "404" in CODEC.decode_error(404, {}, b"<html>").message


def test_an_error_is_told_with_its_wait_and_its_field() -> None:
    answer = CODEC.encode_error(errors.TooManyRequests("slow down", param="p", retry_after_s=1.2), "req_1")
    assert answer.status == 429
    assert answer.headers == {"x-request-id": "req_1", "retry-after": "2"}
    assert loads(answer.body)["error"] == {
        "code": 429,
        "message": "slow down",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            detail("BadRequest", fieldViolations=[{"field": "p", "description": "slow down"}]),
            detail("RetryInfo", retryDelay="2s"),
        ],
    }


@pytest.mark.parametrize("kind", errors.ErrorKind)
def test_every_kind_of_error_has_a_status(kind: errors.ErrorKind) -> None:
    error = errors.GatewayError("m")
    error.kind = kind
    assert CODEC.encode_error(error, "r").status >= 400


def test_counts_and_models_in_the_apis_form() -> None:
    assert CODEC.decode_count(CODEC.encode_count(7)) == 7
    for body in (b"{}", b"<html>"):
        with pytest.raises(BadUpstreamReply):
            CODEC.decode_count(body)
    card = loads(CODEC.encode_models([ModelCard("a/b", context=9)]))["models"][0]
    assert (card["name"], card["inputTokenLimit"]) == ("models/a/b", 9)
    assert loads(CODEC.encode_model(ModelCard("a/b", context=9))) == card


def test_a_wrapped_signature_is_base64_and_comes_back_however_it_is_spelled() -> None:
    signature = Signature("openai_chat", "p" * 40, "m")
    word = wrap(signature)
    assert word is not None
    for spelled in (word, word.rstrip("="), word.replace("+", "-").replace("/", "_")):
        assert unwrap(spelled) == signature
        assert is_foreign(spelled)
    assert wrap(Signature("gemini", "c2ln")) == "c2ln"
    assert wrap(Signature("gemini", "no base64!")) is None
    assert unwrap("") is unwrap(SENTINEL) is unwrap(b64encode(SENTINEL.encode()).decode()) is None
    for native in ("c2ln", "Z3cxL", "Z3cxL?"):
        assert unwrap(native) == Signature("gemini", native)
        assert not is_foreign(native)


def redirected(payload: JsonObject, losses: Losses, **can: bool) -> tuple[bytes, bytes]:
    """The client's bytes, and those that go up."""
    said = call(payload)
    target = Target("up", Capabilities(**can))  # type: ignore[arg-type]  # a test names fields of any type
    return said.body, CODEC.redirect(said, target, losses)[0]


def test_a_body_without_foreign_signatures_passes_byte_by_byte() -> None:
    losses = Losses()
    said, up = redirected({"contents": [{"parts": [{"text": "hi", "thoughtSignature": "c2ln"}]}]}, losses)
    assert up == said
    assert not losses


def test_calls_that_are_signed_pass_byte_by_byte_to_a_model_that_wants_signatures() -> None:
    losses = Losses()
    call_of_its_own: JsonObject = {"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"}
    contents: list[JsonValue] = [{"role": "user", "parts": [{"text": "hi"}]}, {"parts": [call_of_its_own]}]
    said, up = redirected({"contents": contents}, losses, signatures=True)
    assert up == said
    assert not losses


def test_the_model_is_named_where_the_body_names_one() -> None:
    inner: JsonObject = {"model": "models/m", "contents": [{"role": "user"}, "x"]}
    _, up = redirected({"model": "models/m", "generate_content_request": inner}, Losses())
    assert loads(up) == {
        "model": "models/up",
        "generate_content_request": {"model": "models/up", "contents": [{"role": "user"}, "x"]},
    }


def test_what_another_provider_signed_stays_here() -> None:
    losses = Losses()
    parts: list[JsonValue] = [
        "x",
        {"text": "hm", "thought": True, "thoughtSignature": FOREIGN},
        {"text": "", "thoughtSignature": FOREIGN},
        {"text": "said", "thought_signature": FOREIGN},
        {"function_call": {"name": "f"}, "thought_signature": FOREIGN},
        {"functionCall": {"name": "g"}, "thoughtSignature": FOREIGN},
    ]
    thought: JsonObject = {
        "role": "model",
        "parts": [{"text": "hm", "thought": True, "thoughtSignature": FOREIGN}],
    }
    _, up = redirected({"contents": [{"role": "model", "parts": parts}, thought]}, losses, signatures=True)
    assert loads(up)["contents"] == [
        {
            "role": "model",
            "parts": [
                "x",
                {"text": "said"},
                {"function_call": {"name": "f"}, "thought_signature": SENTINEL},
                {"functionCall": {"name": "g"}},
            ],
        }
    ]
    assert len(losses.dropped) == 6


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, False),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}, False),
        ({"generationConfig": {"thinkingConfig": {"includeThoughts": False}}}, False),
        ({"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}, True),
        ({"generation_config": {"thinking_config": {"include_thoughts": True}}}, True),
        ({"generationConfig": {"thinkingConfig": "on"}}, False),
        ({"generationConfig": []}, False),
    ],
)
def test_thoughts_are_shown_to_those_who_ask_for_them(body: JsonObject, wanted: bool) -> None:
    assert CODEC.asked(Call(Document.of(body), params={"model": "m"})).thoughts is wanted


def test_a_call_of_the_turn_at_hand_that_nobody_signed_gets_the_vendors_stand_in() -> None:
    bare: JsonObject = {"functionCall": {"name": "f", "args": {}}}
    result: JsonObject = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}
    signed: JsonObject = {**bare, "thoughtSignature": "c2ln"}
    contents: list[JsonValue] = [
        {"role": "user", "parts": [{"text": "before"}]},
        {"role": "model", "parts": [bare]},
        result,
        {"role": "user", "parts": [{"text": "now"}]},
        {"role": "model", "parts": [{"text": "I call."}, bare, bare]},
        result,
        {"role": "model", "parts": [signed, bare]},
        result,
        {"role": "model", "parts": [{"text": "Done."}]},
        "odd",
    ]
    losses = Losses()

    _, up = redirected({"contents": contents}, losses, signatures=True)

    sent = loads(up)["contents"]
    assert sent[4]["parts"] == [{"text": "I call."}, {**bare, "thoughtSignature": SENTINEL}, bare]
    assert [*sent[:4], *sent[5:]] == [*contents[:4], *contents[5:]]
    assert losses.repaired == ["contents[4].parts[1] without a signature: the vendor's stand-in"]
    said, up = redirected({"contents": contents}, Losses())
    assert up == said
