"""The `generationConfig`, both ways.

https://ai.google.dev/api/generate-content#generationconfig
"""

from collections.abc import Mapping
from typing import get_args

from gateway.canonical.json import JsonObject, JsonValue, Untaken
from gateway.canonical.request import Effort, OutputFormat, Reasoning, Request, Sampling
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.gemini.signatures import FAMILY
from gateway.protocols.json_schema import from_openapi, to_openapi
from gateway.protocols.references import followed
from gateway.protocols.target import Capabilities

CONFIG = "generationConfig"

_JSON = "application/json"
_MOST_STOPS = 5
_LEAST_BUDGET = 128
_MOST_BUDGET = 24_576
"""The thinking budgets, in tokens, that every model with budgets takes."""

_EFFORTS: tuple[Effort, ...] = get_args(Effort)
_LEVELS: tuple[Effort, ...] = ("minimal", "low", "medium", "high")
_BUDGETS: Mapping[Effort, int] = {
    "minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576
}  # fmt: skip

_NAMES: Mapping[str, str] = {
    "max_tokens": "maxOutputTokens",
    "stop": "stopSequences",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "n": "candidateCount",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
    "modalities": "responseModalities",
    "output": "responseMimeType",
    "reasoning": "thinkingConfig",
    "visibility": "thinkingConfig.includeThoughts",
}


def decode_settings(body: Fields, request: Request) -> None:
    """Put into `request` what the `generationConfig` says; what is left of it goes to the extras."""
    request.origins |= {name: f"{body.at(CONFIG)}.{word}" for name, word in _NAMES.items()}
    config = body.fields(CONFIG)
    if config is None:
        return
    request.max_tokens = config.integer("maxOutputTokens")
    request.stop = config.texts("stopSequences") or []
    request.sampling = Sampling(
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.integer("topK"),
        seed=config.integer("seed"),
        presence_penalty=config.number("presencePenalty"),
        frequency_penalty=config.number("frequencyPenalty"),
    )
    count = config.integer("candidateCount")
    request.n = count if count != 1 else None
    request.logprobs = config.boolean("responseLogprobs")
    request.top_logprobs = config.integer("logprobs")
    modalities = config.texts("responseModalities")
    request.modalities = [word.lower() for word in modalities] if modalities else None
    left: JsonObject = {}
    request.output = _decode_output(config, left)
    request.reasoning = _decode_reasoning(config.fields("thinkingConfig"))
    left |= config.rest(FAMILY).get(FAMILY, {})
    if left:
        request.extras = {FAMILY: {**request.extras.get(FAMILY, {}), CONFIG: Untaken(left)}}


def _decode_output(config: Fields, left: JsonObject) -> OutputFormat | None:
    mime, subset = config.text("responseMimeType"), config.object("responseSchema")
    schemas = [config.object(name) for name in ("responseJsonSchema", "_responseJsonSchema")]
    schema = next((schema for schema in schemas if schema is not None), None)
    if schema is None and subset is not None:
        schema = from_openapi(subset)
    if mime not in {None, _JSON, "text/plain"}:
        left["responseMimeType"] = mime
    if schema is not None:
        return OutputFormat("json_schema", schema=schema)
    match mime:
        case "application/json":
            return OutputFormat("json_object")
        case "text/plain":
            return OutputFormat("text")
        case _:
            return None


def _decode_reasoning(config: Fields | None) -> Reasoning | None:
    if config is None:
        return None
    level, budget, shown = (
        config.text("thinkingLevel"),
        config.integer("thinkingBudget"),
        config.boolean("includeThoughts"),
    )
    reasoning = Reasoning(extras=config.rest(FAMILY))
    if shown is not None:
        reasoning.visibility = "summary" if shown else "omit"
    if level is not None and level != "THINKING_LEVEL_UNSPECIFIED":
        reasoning.mode, reasoning.effort = "effort", _effort(level, config.at("thinkingLevel"))
    elif budget == 0:
        reasoning.mode = "off"
    elif budget is not None and budget < 0:
        reasoning.mode = "auto"
    elif budget is not None:
        reasoning.mode, reasoning.budget = "budget", budget
    if shown is None and reasoning.mode in {"effort", "budget", "auto"}:
        # Who does not ask to see the thoughts is not shown them.
        reasoning.visibility = "omit"
    return reasoning if reasoning != Reasoning() else None


def _effort(level: str, path: str) -> Effort:
    for effort in _EFFORTS:
        if effort == level.lower():
            return effort
    raise InvalidRequest(f"{path}: must be MINIMAL, LOW, MEDIUM or HIGH", param=path)


def encode_settings(
    request: Request, capabilities: Capabilities, losses: Losses, *, tools: bool
) -> JsonObject:
    """The `generationConfig`; `tools` tells whether functions go with it.

    Raises:
        Unsayable: more answers are asked for than the model gives.
    """
    own = request.extras.get(FAMILY, {}).get(CONFIG)
    config: JsonObject = dict(own) if isinstance(own, dict) else {}
    config |= _encode_sampling(request, capabilities, losses)
    config |= _encode_limits(request, capabilities, losses)
    config |= _encode_forms(request, capabilities, losses)
    config |= _encode_output(request, capabilities, losses, tools=tools)
    thinking = _encode_reasoning(request, capabilities, losses)
    return {**config, "thinkingConfig": thinking} if thinking else config


def _encode_sampling(request: Request, capabilities: Capabilities, losses: Losses) -> JsonObject:
    sampling = request.sampling
    taken = capabilities.sampling != "never"
    settings: tuple[tuple[str, JsonValue, bool], ...] = (
        ("temperature", sampling.temperature, taken),
        ("top_p", sampling.top_p, taken),
        ("top_k", sampling.top_k, taken and capabilities.top_k),
        ("seed", sampling.seed, capabilities.seed),
        ("presence_penalty", sampling.presence_penalty, capabilities.penalties),
        ("frequency_penalty", sampling.frequency_penalty, capabilities.penalties),
        ("logprobs", request.logprobs, capabilities.logprobs),
        ("top_logprobs", request.top_logprobs, capabilities.logprobs),
        ("min_p", sampling.min_p, False),
        ("repetition_penalty", sampling.repetition_penalty, False),
        ("logit_bias", sampling.logit_bias, False),
    )
    config: JsonObject = {}
    for name, value, sayable in settings:
        if value is not None and sayable:
            config[_NAMES[name]] = value
        elif value is not None:
            losses.drop(request.origin_of(name))
    return config


def _encode_limits(request: Request, capabilities: Capabilities, losses: Losses) -> JsonObject:
    config: JsonObject = {}
    limit, most = request.max_tokens, capabilities.max_output
    if limit is not None and most is not None and limit > most:
        losses.drop(request.origin_of("max_tokens"), f"{limit}->{most}")
        limit = most
    if limit is not None:
        config["maxOutputTokens"] = limit
    path = request.origin_of("stop")
    if request.stop and not capabilities.stop:
        losses.drop(path)
    elif request.stop:
        if len(request.stop) > _MOST_STOPS:
            losses.drop(f"{path}[{_MOST_STOPS}:]")
        config["stopSequences"] = [*request.stop[:_MOST_STOPS]]
    return config


def _encode_forms(request: Request, capabilities: Capabilities, losses: Losses) -> JsonObject:
    """How many answers, and made of what."""
    config: JsonObject = {}
    if request.n is not None and request.n > 1:
        if not capabilities.choices:
            path = request.origin_of("n")
            raise Unsayable(f"{path}: the model gives one answer; ask for 1", param=path)
        config["candidateCount"] = request.n
    elif request.n is not None:
        losses.repair(request.origin_of("n"), "left out")
    if request.modalities is not None:
        config["responseModalities"] = [word.upper() for word in request.modalities]
    if request.audio is not None:
        losses.drop(request.origin_of("audio"))
    return config


def _encode_output(
    request: Request, capabilities: Capabilities, losses: Losses, *, tools: bool
) -> JsonObject:
    output, path = request.output, request.origin_of("output")
    if output is None:
        return {}
    if output.kind == "text":
        return {"responseMimeType": "text/plain"}
    if tools and not capabilities.mixed_tools:
        losses.drop(path, "not beside functions")
        return {}
    if output.kind == "json_object":
        return {"responseMimeType": _JSON}
    if output.name is not None or output.strict is not None or output.description is not None:
        losses.repair(path, "said by its schema alone")
    if not capabilities.structured_output:
        losses.drop(path, "json_schema->json_object")
        return {"responseMimeType": _JSON}
    schema = {name: value for name, value in followed(output.schema or {}).items() if name != "$schema"}
    if output.description is not None:
        schema = {"description": output.description, **schema}
    if capabilities.schema == "openapi":
        schema = to_openapi(schema)
    if schema != output.schema:
        losses.repair(path, "schema rewritten")
    name = "responseSchema" if capabilities.schema == "openapi" else "responseJsonSchema"
    return {"responseMimeType": _JSON, name: schema}


def _encode_reasoning(request: Request, capabilities: Capabilities, losses: Losses) -> JsonObject:
    reasoning, path = request.reasoning, request.origin_of("reasoning")
    if reasoning is None:
        return {}
    paths = path, request.origins.get("effort", path)
    if capabilities.thinking == "none":
        for lost in dict.fromkeys(paths):
            losses.drop(lost)
        return {}
    config: JsonObject = dict(reasoning.extras.get(FAMILY, {}))
    config |= _sized(reasoning, paths, capabilities, losses)
    shown = reasoning.visibility
    if shown is not None:
        config["includeThoughts"] = shown != "omit"
        if shown == "full":
            losses.repair(request.origin_of("visibility"), "said as a summary")
    elif reasoning.mode in {"effort", "budget", "auto"}:
        # Who asks for thinking in a protocol that always shows it wants to see it.
        config["includeThoughts"] = True
        losses.repair(path, "thoughts asked for")
    elif config.get("thinkingLevel") or config.get("thinkingBudget"):
        config["includeThoughts"] = False
    return config


def _sized(
    reasoning: Reasoning, paths: tuple[str, str], capabilities: Capabilities, losses: Losses
) -> JsonObject:
    """How much to think: a level or a budget, never both. `paths`: of the wish, and of its effort."""
    path = paths[0]
    if reasoning.mode == "off":
        return _off(path, capabilities, losses)
    if reasoning.mode == "between_tools":
        losses.drop(path)
        return {}
    by_budget = capabilities.thinking == "budget"
    if reasoning.effort is None and reasoning.budget is None:
        if reasoning.mode == "auto" and by_budget:
            return {"thinkingBudget": -1}
        if reasoning.mode is not None:
            losses.repair(path, "left to the model")
        return {}
    if reasoning.mode != "effort" and reasoning.effort is not None:
        losses.repair(path, "said as an effort")
    if reasoning.effort is not None:
        path = paths[1]
    return _budget(reasoning, path, losses) if by_budget else _level(reasoning, path, capabilities, losses)


def _off(path: str, capabilities: Capabilities, losses: Losses) -> JsonObject:
    if capabilities.thinking == "budget":
        if capabilities.can_disable:
            return {"thinkingBudget": 0}
        losses.drop(path, f"0->{_LEAST_BUDGET}")
        return {"thinkingBudget": _LEAST_BUDGET}
    weakest = _levels(capabilities)[0]
    losses.drop(path, f"off->{weakest}")
    return {"thinkingLevel": weakest.upper()}


def _levels(capabilities: Capabilities) -> list[Effort]:
    return [level for level in _LEVELS if level in capabilities.efforts] or ["low", "high"]


def _budget(reasoning: Reasoning, path: str, losses: Losses) -> JsonObject:
    if reasoning.budget is None:
        budget = _BUDGETS[reasoning.effort or "medium"]
        losses.drop(path, f"{reasoning.effort}->{budget}")
        return {"thinkingBudget": budget}
    budget = max(_LEAST_BUDGET, min(reasoning.budget, _MOST_BUDGET))
    if budget != reasoning.budget:
        losses.drop(path, f"{reasoning.budget}->{budget}")
    return {"thinkingBudget": budget}


def _level(reasoning: Reasoning, path: str, capabilities: Capabilities, losses: Losses) -> JsonObject:
    budget = reasoning.budget or 0
    wanted = reasoning.effort or next((effort for effort in _LEVELS if budget <= _BUDGETS[effort]), "high")
    levels = _levels(capabilities)
    enough = _EFFORTS[_EFFORTS.index(wanted) :]
    level = next((level for level in levels if level in enough), levels[-1])
    if reasoning.effort is None:
        losses.drop(path, f"{reasoning.budget}->{level}")
    elif level != wanted:
        losses.drop(path, f"{wanted}->{level}")
    return {"thinkingLevel": level.upper()}
