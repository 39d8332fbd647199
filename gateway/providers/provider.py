"""An upstream service: the codec it speaks, where, and what else is peculiar to it.

Hosting is not a protocol: a provider is a codec, URLs, the way it takes a key, and a few facts as values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from gateway.auth.api_key import ApiKey, NoKey
from gateway.auth.credential import Credential
from gateway.canonical.json import JsonValue
from gateway.protocols.codec import Codec, Operation
from gateway.wire.http import Transport

CHAT_PATHS: Mapping[Operation, str] = {
    Operation.GENERATE: "/chat/completions",
    Operation.LIST_MODELS: "/models",
}
"""Where hosts that follow OpenAI have what, below a base URL that already names the version."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Provider:
    """A kind of upstream.

    `paths` follow `base_url`; one that holds `{model}` is filled with the upstream's model name. `key_header`
    and `key_prefix` say how a key is sent. `headers` go with every request, `forward` names the client's
    headers that may go up when the client speaks the same protocol. `claims` are the globs of model names the
    provider serves where nothing else is configured, `models` the names it lists, the first being its default
    and `small_model` its cheap one. `capabilities` override the table for all its models. `env` are the
    variables that operators keep its keys in, best name first, `base_url_env` the one for another host
    (None: there is none), in which a host alone may stand where there is a `default_port`. `first_content_s`
    is how long the first word may take where nobody set another time. `caches_prompts`: what it has read it
    keeps for the account that asked, so that a conversation is cheaper there. `transport` is set where
    answers are made in the process.
    """

    name: str
    codec: Codec
    base_url: str
    paths: Mapping[Operation, str]
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)
    forward: frozenset[str] = frozenset()
    claims: tuple[str, ...] = ()
    models: tuple[str, ...]
    small_model: str
    capabilities: Mapping[str, JsonValue] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    base_url_env: str | None = None
    default_port: int | None = None
    first_content_s: float | None = None
    caches_prompts: bool = False
    transport: Transport | None = None

    @property
    def default_model(self) -> str:
        """The model that serves names which nobody claims."""
        return self.models[0]

    def credential(self, key: str | None) -> Credential:
        """What signs requests with `key`; without one nothing is sent."""
        return ApiKey(self.key_header, key, self.key_prefix) if key else NoKey()

    def url(self, operation: Operation, base_url: str, model: str) -> str | None:
        """Where `operation` is served below `base_url`, None where it is not.

        A base URL that already ends in the version with which the path begins is taken as meant.
        """
        path = self.paths.get(operation)
        if path is None:
            return None
        url = _joined(base_url, path)
        return url.replace("{model}", quote(model, safe="")) if "{model}" in path else url


@lru_cache(maxsize=1024)
def _joined(base_url: str, path: str) -> str:
    """Both come from the configuration, and are joined for every request."""
    base = base_url.rstrip("/")
    version = path[: path.index("/", 1)] if path.count("/") > 1 else ""
    if version and base.endswith(version):
        base = base.removesuffix(version)
    return base + path
