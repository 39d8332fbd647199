"""The Gemini API of Google AI Studio."""

from gateway.protocols.codec import Operation
from gateway.protocols.gemini import CODEC
from gateway.providers.provider import Provider

GEMINI = Provider(
    name="gemini",
    codec=CODEC,
    base_url="https://generativelanguage.googleapis.com",
    paths={
        Operation.GENERATE: "/v1beta/models/{model}:generateContent",
        Operation.STREAM: "/v1beta/models/{model}:streamGenerateContent?alt=sse",
        Operation.COUNT_TOKENS: "/v1beta/models/{model}:countTokens",
        Operation.LIST_MODELS: "/v1beta/models",
    },
    key_header="x-goog-api-key",
    key_prefix="",
    claims=("gemini-*", "google/*", "models/gemini-*"),
    models=(
        "gemini-3.1-pro-preview",
        "gemini-3.5-flash",
        "gemini-3-flash-preview",
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
    ),
    small_model="gemini-2.5-flash-lite",
    env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    base_url_env="GEMINI_BASE_URL",
    caches_prompts=True,
)
