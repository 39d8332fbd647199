"""OpenAI-compatible upstreams that need no code: one row each.

Base URLs, key variables and quirks as the vendors' own documents give them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.canonical.json import JsonValue
from gateway.protocols.openai_chat import CODEC
from gateway.providers.provider import CHAT_PATHS, Provider


@dataclass(slots=True, frozen=True)
class Row:
    """What sets one host apart. `env`: the variables that operators keep its keys in, best name first.
    `models`: the default first, then others it lists.
    """

    name: str
    base_url: str
    env: tuple[str, ...]
    models: tuple[str, ...]
    claims: tuple[str, ...] = ()
    capabilities: Mapping[str, JsonValue] = field(default_factory=dict)
    caches_prompts: bool = False


ROWS = (
    Row("cerebras", "https://api.cerebras.ai/v1", ("CEREBRAS_API_KEY",), ("gpt-oss-120b",)),
    Row(
        "deepseek",
        "https://api.deepseek.com",
        ("DEEPSEEK_API_KEY",),
        ("deepseek-chat", "deepseek-reasoner"),
        ("deepseek-*",),
        {"reasoning_replay": True},
        caches_prompts=True,
    ),
    Row("groq", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",), ("openai/gpt-oss-120b",)),
    # Mistral's API refuses `stream_options`; it sends usage in streams unasked.
    Row(
        "mistral",
        "https://api.mistral.ai/v1",
        ("MISTRAL_API_KEY",),
        ("mistral-large-latest", "mistral-small-latest"),
        ("mistral-*", "magistral-*", "codestral-*", "devstral-*", "ministral-*"),
        {"stream_usage": False},
    ),
    Row(
        "openrouter",
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_KEY",),
        ("openrouter/auto",),
        (),
        {"cache_marks": True},
    ),
    Row(
        "siliconflow",
        "https://api.siliconflow.cn/v1",
        ("SILICONFLOW_API_KEY", "SILICONFLOW_CN_API_KEY"),
        ("deepseek-ai/DeepSeek-V3",),
    ),
    Row("xai", "https://api.x.ai/v1", ("XAI_API_KEY",), ("grok-4",), ("grok-*",)),
)


def provider_of(row: Row) -> Provider:
    """The provider that a row describes."""
    return Provider(
        name=row.name,
        codec=CODEC,
        base_url=row.base_url,
        paths=CHAT_PATHS,
        claims=row.claims,
        models=row.models,
        small_model=row.models[-1],
        capabilities=row.capabilities,
        env=row.env,
        caches_prompts=row.caches_prompts,
    )
