"""The Gemini API (`generateContent`), as upstream and as what its SDKs speak."""

from gateway.protocols.codec import Codec, Endpoint, Operation
from gateway.protocols.gemini.counting import decode_count, encode_count, encode_model, encode_models
from gateway.protocols.gemini.errors import decode_error, encode_error
from gateway.protocols.gemini.redirect import redirect
from gateway.protocols.gemini.request import asked, decode_request, encode_request
from gateway.protocols.gemini.response import decode_response, encode_response
from gateway.protocols.gemini.stream import GeminiMender, GeminiStreamDecoder, GeminiStreamEncoder
from gateway.wire.sse import SSE

_MODELS = tuple(f"/{version}/models" for version in ("v1beta", "v1", "v1alpha"))
_MODEL = "{model:.+}"
"""Names may hold slashes and colons: the verb stands behind the last one."""

CODEC = Codec(
    name="gemini",
    framing=SSE,
    endpoints=(
        *(
            endpoint
            for models in _MODELS
            for endpoint in (
                Endpoint(Operation.GENERATE, "POST", f"{models}/{_MODEL}:generateContent", stream=False),
                Endpoint(Operation.GENERATE, "POST", f"{models}/{_MODEL}:streamGenerateContent", stream=True),
                Endpoint(Operation.COUNT_TOKENS, "POST", f"{models}/{_MODEL}:countTokens"),
            )
        ),
        Endpoint(Operation.LIST_MODELS, "GET", "/v1beta/models"),
        Endpoint(Operation.SHOW_MODEL, "GET", "/v1beta/models/{id:.+}"),
        Endpoint(Operation.LIST_MODELS, "GET", "/v1/models", when="x-goog-api-key", when_query="key"),
        Endpoint(Operation.SHOW_MODEL, "GET", "/v1/models/{id}", when="x-goog-api-key", when_query="key"),
        *(
            Endpoint(Operation.ABSENT, method, path)
            for method, path in (
                ("POST", f"/v1beta/models/{_MODEL}:embedContent"),
                ("POST", f"/v1beta/models/{_MODEL}:batchEmbedContents"),
                ("GET", "/v1beta/cachedContents"),
                ("POST", "/v1beta/cachedContents"),
                ("GET", "/v1beta/files"),
                ("POST", "/upload/v1beta/files"),
            )
        ),
    ),
    asked=asked,
    redirect=redirect,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    encode_response=encode_response,
    stream_decoder=GeminiStreamDecoder,
    stream_encoder=GeminiStreamEncoder,
    mender=GeminiMender,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_count=encode_count,
    decode_count=decode_count,
    encode_models=encode_models,
    encode_model=encode_model,
)
