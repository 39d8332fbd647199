"""Ollama: models on the operator's own machines."""

from gateway.protocols.codec import Operation
from gateway.protocols.ollama import CODEC
from gateway.providers.provider import Provider

OLLAMA = Provider(
    name="ollama",
    codec=CODEC,
    base_url="http://127.0.0.1:11434",
    paths={
        Operation.GENERATE: "/api/chat",
        Operation.COMPLETE: "/api/generate",
        Operation.LIST_MODELS: "/api/tags",
    },
    models=("gpt-oss:20b", "qwen3:8b", "llama3.2:3b"),
    small_model="llama3.2:3b",
    env=("OLLAMA_API_KEY",),
    base_url_env="OLLAMA_HOST",
    default_port=11434,
    # A model that is not loaded yet is read from disk first.
    first_content_s=600,
)
