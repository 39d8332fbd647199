"""The Gemini API (`generateContent`), as upstream and as what its SDKs speak."""

from gateway.protocols.codec import Codec, Endpoint, Operation
from gateway.protocols.gemini.counting import decode_count, encode_count, encode_model, encode_models
from gateway.protocols.gemini.errors import decode_error, encode_error
from gateway.protocols.gemini.redirect import redirect
from gateway.protocols.gemini.request import asked, decode_request, encode_request
from gateway.protocols.gemini.response import decode_response, encode_response
from gateway.protocols.gemini.stream import GeminiMender, GeminiStreamDecoder, GeminiStreamEncoder
from gateway.protocols.model_lists import in_models
from gateway.wire.sse import SSE

_OWN_VERSIONS = ("v1beta", "v1alpha")
"""Versions in the path that no other protocol has."""

_MODELS = tuple(f"/{version}/models" for version in (*_OWN_VERSIONS, "v1"))
_MODEL = "{model:.+}"
"""Names may hold slashes and colons: the verb stands behind the last one."""

_KEY = "x-goog-api-key"
"""The header by which clients of this protocol are known on paths that others have as well."""

_VERBS = (
    "embedContent",
    "batchEmbedContents",
    "asyncBatchEmbedContent",
    "batchGenerateContent",
    "predict",
    "predictLongRunning",
)
_STORES = (
    "auth_tokens",
    "batches",
    "cachedContents",
    "corpora",
    "files",
    "fileSearchStores",
    "interactions",
    "operations",
    "tunedModels",
)
"""What the vendor's SDKs also ask for: of models, and beside them."""

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
        *(
            endpoint
            for version in _OWN_VERSIONS
            for endpoint in (
                Endpoint(Operation.LIST_MODELS, "GET", f"/{version}/models"),
                Endpoint(Operation.SHOW_MODEL, "GET", f"/{version}/models/{{id:.+}}"),
            )
        ),
        Endpoint(Operation.LIST_MODELS, "GET", "/v1/models", when=_KEY, when_query="key"),
        Endpoint(Operation.SHOW_MODEL, "GET", "/v1/models/{id}", when=_KEY, when_query="key"),
        *(
            Endpoint(Operation.ABSENT, "POST", f"{models}/{_MODEL}:{verb}")
            for models in _MODELS
            for verb in _VERBS
        ),
        *(
            Endpoint(Operation.ABSENT, "*", f"/{version}/{name}{{rest:.*}}")
            for version in _OWN_VERSIONS
            for name in _STORES
        ),
        *(
            Endpoint(Operation.ABSENT, "*", path, when=_KEY, when_query="key")
            for name in ("batches", "files")
            for path in (f"/v1/{name}", f"/v1/{name}/{{rest:.*}}")
        ),
        Endpoint(Operation.ABSENT, "*", "/v1/cachedContents{rest:.*}"),
        Endpoint(Operation.ABSENT, "*", "/upload/{rest:.*}"),
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
    decode_models=in_models,
    whole_list="?pageSize=1000",
)
