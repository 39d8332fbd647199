"""The API of Ollama, as upstream and as what its many clients speak.

Clients find it below `/ollama`: a gateway of its own at the root would be taken for Ollama itself.
"""

from typing import NoReturn

from gateway.errors import BadUpstreamReply, NotServed
from gateway.protocols.codec import Codec, Endpoint, Operation
from gateway.protocols.model_lists import in_models
from gateway.protocols.ollama.ask import asked, redirect
from gateway.protocols.ollama.errors import decode_error, encode_error
from gateway.protocols.ollama.local import answer, encode_model, encode_models
from gateway.protocols.ollama.media import NAME
from gateway.protocols.ollama.request import decode_request, encode_request
from gateway.protocols.ollama.response import decode_response, encode_response
from gateway.protocols.ollama.stream import LineDecoder, LineEncoder, LineMender
from gateway.wire.ndjson import NDJSON


def _encode_count(_: int) -> NoReturn:
    """The protocol has no count of tokens."""
    raise NotServed("Ollama counts no tokens")


def _decode_count(_: bytes) -> NoReturn:
    """An upstream of this protocol counts nothing."""
    raise BadUpstreamReply("Ollama counts no tokens")


_ABSENT = ("pull", "push", "create", "copy", "delete", "embed", "embeddings", "blobs/{digest}")

CODEC = Codec(
    name=NAME,
    framing=NDJSON,
    endpoints=(
        Endpoint(Operation.GENERATE, "POST", "/api/chat"),
        Endpoint(Operation.COMPLETE, "POST", "/api/generate"),
        *(Endpoint(Operation.LIST_MODELS, method, "/api/tags") for method in ("GET", "HEAD")),
        Endpoint(Operation.SHOW_MODEL, "POST", "/api/show"),
        *(
            Endpoint(Operation.LOCAL, method, path)
            for path in ("/", "/api/version", "/api/ps")
            for method in ("GET", "HEAD")
        ),
        *(Endpoint(Operation.ABSENT, "*", f"/api/{name}") for name in _ABSENT),
    ),
    mounts=("/ollama",),
    asked=asked,
    redirect=redirect,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    encode_response=encode_response,
    stream_decoder=LineDecoder,
    stream_encoder=LineEncoder,
    mender=LineMender,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_count=_encode_count,
    decode_count=_decode_count,
    encode_models=encode_models,
    encode_model=encode_model,
    decode_models=in_models,
    answer=answer,
)
