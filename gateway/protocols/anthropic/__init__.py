"""The Messages API of Anthropic, as upstream and as what clients such as Claude Code speak."""

from gateway.protocols.anthropic.errors import decode_error, encode_error
from gateway.protocols.anthropic.mending import MessageMender
from gateway.protocols.anthropic.redirect import redirect
from gateway.protocols.anthropic.request import asked, decode_request, encode_request
from gateway.protocols.anthropic.response import (
    decode_count,
    decode_response,
    encode_count,
    encode_model,
    encode_models,
    encode_response,
)
from gateway.protocols.anthropic.stream import MessageDecoder, MessageEncoder
from gateway.protocols.codec import Codec, Endpoint, Operation
from gateway.protocols.model_lists import in_data
from gateway.wire.sse import SSE

CODEC = Codec(
    name="anthropic",
    framing=SSE,
    endpoints=(
        Endpoint(Operation.GENERATE, "POST", "/v1/messages"),
        Endpoint(Operation.COUNT_TOKENS, "POST", "/v1/messages/count_tokens"),
        Endpoint(Operation.LIST_MODELS, "GET", "/v1/models", when="anthropic-version"),
        Endpoint(Operation.SHOW_MODEL, "GET", "/v1/models/{id}", when="anthropic-version"),
        *(
            Endpoint(Operation.ABSENT, "*", path, when="anthropic-version")
            for path in ("/v1/files", "/v1/files/{rest:.*}")
        ),
        *(
            Endpoint(Operation.ABSENT, "*", path)
            for path in ("/v1/messages/batches", "/v1/messages/batches/{rest:.*}")
        ),
    ),
    mounts=("", "/anthropic"),
    id_headers=("request-id",),
    asked=asked,
    redirect=redirect,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    encode_response=encode_response,
    stream_decoder=MessageDecoder,
    stream_encoder=MessageEncoder,
    mender=MessageMender,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_count=encode_count,
    decode_count=decode_count,
    encode_models=encode_models,
    encode_model=encode_model,
    decode_models=in_data,
    whole_list="?limit=1000",
)
