"""OpenAI, and any host that speaks its Chat Completions API."""

from gateway.protocols.openai_chat import CODEC
from gateway.providers.provider import CHAT_PATHS, Provider

OPENAI = Provider(
    name="openai-custom",
    codec=CODEC,
    base_url="https://api.openai.com/v1",
    paths=CHAT_PATHS,
    claims=("gpt-*", "chatgpt-*", "o[0-9]*", "codex-*", "openai/*"),
    models=(
        # First the newest that takes tools and reasoning together on this endpoint.
        "gpt-5.5",
        "gpt-6.1-sol",
        "gpt-6.1-terra",
        "gpt-6-luna",
        "gpt-5.6-sol",
        "gpt-5.4-mini",
        "gpt-4.1",
        "o4-mini",
    ),
    small_model="gpt-5.4-mini",
    env=("OPENAI_API_KEY",),
    base_url_env="OPENAI_BASE_URL",
    caches_prompts=True,
)
