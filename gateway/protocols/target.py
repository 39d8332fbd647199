"""What an encoder may know of the far side: the upstream's model and what it can, as values.

A codec asks these values; it never tests a model's or a provider's name.
"""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True, frozen=True)
class Capabilities:
    """What one upstream model takes. The defaults are the most permissive reading: pass on what the client
    said.

    `max_output` and `context` are tokens. `tools`: it can call some. `sampling` says when temperature, top_p
    and their kin are taken: `always`, `one_of` (temperature or top_p, not both), `without_effort` (while no
    reasoning effort but none is set), `effort_none` (only when the effort is none), `never`. `thinking` is
    how reasoning is asked for: `effort` (a word), `budget` (tokens), `adaptive` (the model decides, a word
    sizes it), `none` (it cannot be asked for). `efforts` lists the words it takes, weakest first;
    `can_disable` whether it can be told not to think. `forced_tool_choice` is `always`,
    `without_thinking` or `never`. `media` are the kinds of media it reads. `system` is where instructions may
    stand: `inline` (anywhere) or `top` (only in front). `roles` says which word OpenAI-alikes take for
    instructions: None as the client said, else `system` or `developer`. `max_tokens_field` and
    `reasoning_field` are names on the wire. `reasoning_replay`: past reasoning must come back with tool
    calls. `cache_marks`: cache breakpoints are taken. `stream_usage`: usage can be asked for in streams.
    `finish_optional`: a stream may end with its terminator alone. `tools_with_effort`: tools and a reasoning
    effort may be sent together. `prefill`: the last message may be the assistant's. `schema` is the dialect
    in which schemas are taken: all of JSON Schema, or OpenAPI's subset. `call_ids`: tool calls may carry ids.
    `signatures`: calls of the current turn must carry the model's signature, or the word that stands for one;
    of OpenAI-alikes: may carry it. `result_media`: a tool's result may hold media. `media_detail`: each image
    may say how closely to look. `mixed_tools`: functions may be sent together with the provider's own tools,
    or with a schema for the answer. `num_ctx`: how many tokens of context a server on the operator's own
    machine is to set aside, where it must be told.
    """

    max_output: int | None = None
    context: int | None = None
    tools: bool = True
    sampling: Literal["always", "one_of", "without_effort", "effort_none", "never"] = "always"
    top_k: bool = True
    penalties: bool = True
    seed: bool = True
    stop: bool = True
    logprobs: bool = True
    choices: bool = True
    thinking: Literal["effort", "budget", "adaptive", "none"] = "effort"
    efforts: tuple[str, ...] = ("minimal", "low", "medium", "high", "xhigh", "max")
    can_disable: bool = True
    forced_tool_choice: Literal["always", "without_thinking", "never"] = "always"
    parallel_tool_calls: bool = True
    media: frozenset[str] = frozenset({"image", "document", "audio", "video"})
    structured_output: bool = True
    system: Literal["inline", "top"] = "inline"
    roles: Literal["system", "developer"] | None = None
    prefill: bool = True
    max_tokens_field: str = "max_tokens"
    reasoning_field: str = "reasoning_content"
    reasoning_replay: bool = False
    cache_marks: bool = False
    stream_usage: bool = True
    finish_optional: bool = False
    tools_with_effort: bool = True
    schema: Literal["json_schema", "openapi"] = "json_schema"
    call_ids: bool = True
    signatures: bool = False
    result_media: bool = True
    media_detail: bool = True
    mixed_tools: bool = True
    num_ctx: int | None = None


@dataclass(slots=True, frozen=True)
class Target:
    """The far side of one attempt: the model's name there, and what it can."""

    model: str
    capabilities: Capabilities = field(default_factory=Capabilities)
