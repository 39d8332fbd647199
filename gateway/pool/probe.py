"""One question that shows whether a deployment lives, as cheap as its provider has one."""

from gateway import errors
from gateway.canonical.content import Message, Text
from gateway.canonical.request import Request
from gateway.pool.asking import ask, asked
from gateway.pool.deployment import Deployment
from gateway.protocols.codec import Losses, Operation, Sent
from gateway.protocols.target import Target
from gateway.wire import fast_json
from gateway.wire.http import HttpRequest

_HELLO = "hi"
_ENOUGH_TOKENS = 100
"""For an answer of which a word is expected; otherwise one will do."""


async def probe(deployment: Deployment) -> None:
    """Ask `deployment` for a sign of life.

    Raises:
        UpstreamError: it gave none, for the reason that the error says.
    """
    sent, request = probe_request(deployment)
    if sent is None or deployment.check_expect is None:
        await ask(deployment, request)
        return
    _look_for(deployment.check_expect, _text(deployment, sent, await asked(deployment, request)))


def asked_model(deployment: Deployment) -> str | None:
    """The model whose answer is the sign of life; None: the list of models is."""
    listed = deployment.provider.url(Operation.LIST_MODELS, deployment.base_url, "") is not None
    if deployment.check_model is None and deployment.check_expect is None and listed:
        return None
    return deployment.check_model or deployment.provider.small_model


def probe_request(deployment: Deployment) -> tuple[Sent | None, HttpRequest]:
    """The cheapest request that shows it lives: its model list, or a word of a model; for the latter with
    what helps to read the answer.
    """
    provider, model = deployment.provider, asked_model(deployment)
    headers = {"accept": "application/json", **provider.headers}
    if model is None:
        listing = provider.url(Operation.LIST_MODELS, deployment.base_url, "")
        assert listing is not None, "no model is asked only where there is a list"
        return None, HttpRequest("GET", listing, headers)
    expected = deployment.check_expect
    prompt = deployment.check_prompt or (_HELLO if expected is None else f"Please answer with: {expected}")
    tokens = 1 if expected is None else _ENOUGH_TOKENS
    hello = Request(model, [Message("user", [Text(prompt)])], max_tokens=tokens)
    sent = provider.codec.encode_request(hello, Target(model), Losses())
    url = provider.url(Operation.GENERATE, deployment.base_url, model)
    assert url is not None, "every provider generates"
    said = {**headers, **sent.headers, "content-type": "application/json"}
    return sent, HttpRequest("POST", url, said, fast_json.dumps(sent.body))


def _text(deployment: Deployment, sent: Sent, body: bytes) -> str:
    response = deployment.provider.codec.decode_response(body, sent)
    return "".join(part.text for part in response.parts if isinstance(part, Text))


def _look_for(expected: str, said: str) -> None:
    if expected.casefold() not in said.casefold():
        raise errors.BadUpstreamReply("the probe was not answered as `check_expect` says")
