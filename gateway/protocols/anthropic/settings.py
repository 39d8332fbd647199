"""Settings of a request: sampling, reasoning, the form of the answer; both ways.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking, …/effort, …/structured-outputs
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Effort, OutputFormat, Reasoning, Request, Sampling
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.target import Capabilities

LEAST_BUDGET = 1024
"""The smallest thinking budget, in tokens, that the API takes."""

_DEFAULT_BUDGET = 8192
_DEFAULT_MAX_TOKENS = 32_000
"""What is asked for where the client set no limit and the model's is not known: most models take it."""

_LEAST_TOP_P = 0.95
"""The smallest `top_p` that the API takes beside thinking."""

_EFFORTS: tuple[Effort, ...] = get_args(Effort)
_BUDGETS: Mapping[Effort, int] = {
    "minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 128_000
}  # fmt: skip


def decode_sampling(fields: Fields) -> Sampling:
    """Temperature and its kin."""
    return Sampling(fields.number("temperature"), fields.number("top_p"), fields.integer("top_k"))


def decode_reasoning(fields: Fields, config: Fields | None) -> Reasoning | None:
    """The reasoning that `thinking` and `output_config.effort` ask for.

    `adaptive` with an effort is the mode `effort`, without one `auto`; an effort alone has no mode.
    """
    effort = _decode_effort(config)
    thinking = fields.fields("thinking")
    if thinking is None:
        return None if effort is None else Reasoning(effort=effort)
    kind = thinking.required_text("type")
    reasoning = Reasoning(effort=effort)
    match kind:
        case "enabled":
            reasoning.mode, reasoning.budget = "budget", thinking.integer("budget_tokens")
        case "disabled":
            reasoning.mode = "off"
        case "adaptive":
            reasoning.mode = "auto" if effort is None else "effort"
        case "between_tools":
            reasoning.mode = "between_tools"
        case _:
            path = thinking.at("type")
            allowed = "enabled, disabled, adaptive or between_tools"
            raise InvalidRequest(f"{path}: must be {allowed}", param=path)
    display = thinking.text("display")
    if display == "summarized":
        reasoning.visibility = "summary"
    elif display == "omitted":
        reasoning.visibility = "omit"
    reasoning.extras = thinking.rest("anthropic")
    return reasoning


def _decode_effort(config: Fields | None) -> Effort | None:
    word = None if config is None else config.text("effort")
    if word is None:
        return None
    for effort in _EFFORTS:
        if effort == word:
            return effort
    path = "output_config.effort"
    raise InvalidRequest(f"{path}: must be one of {', '.join(_EFFORTS)}", param=path)


def decode_output(fields: Fields, config: Fields | None) -> OutputFormat | None:
    """The form of the answer: `output_config.format`, or the older `output_format`."""
    said = None if config is None else config.fields("format")
    older = fields.fields("output_format")
    said = said or older
    if said is None:
        return None
    kind = said.required_text("type")
    if kind != "json_schema":
        raise InvalidRequest(f"{said.at('type')}: must be json_schema", param=said.at("type"))
    return OutputFormat("json_schema", schema=said.object("schema"))


@dataclass(slots=True)
class Plan:
    """How much the model may write and how it is to think, as it will be sent."""

    thinking: JsonObject | None = None
    effort: str | None = None
    max_tokens: int = 0

    @property
    def thinks(self) -> bool:
        """Whether thinking is asked for, which rules out some other settings."""
        return self.thinking is not None and self.thinking["type"] in ("enabled", "adaptive")


@dataclass(slots=True, frozen=True)
class _Wish:
    """What the client wants, of a model that can what, and where it is told what became of it."""

    reasoning: Reasoning
    capabilities: Capabilities
    losses: Losses
    path: str


def plan_of(request: Request, capabilities: Capabilities, losses: Losses) -> Plan:
    """The thinking that comes nearest to what the client asked for."""
    plan = Plan()
    reasoning = request.reasoning
    if reasoning is not None:
        path = request.origin_of("reasoning")
        _STYLES[capabilities.thinking](plan, _Wish(reasoning, capabilities, losses, path))
        _say_visibility(plan, reasoning, losses, path)
        if reasoning.extras.get("anthropic") and plan.thinking is not None:
            plan.thinking = {**reasoning.extras["anthropic"], **plan.thinking}
    return plan


def _say_visibility(plan: Plan, reasoning: Reasoning, losses: Losses, path: str) -> None:
    words = {"omit": "omitted", "summary": "summarized", "full": "summarized"}
    if reasoning.visibility is None:
        return
    if not plan.thinks or plan.thinking is None:
        losses.repair(path, "visibility left out: nothing to see")
        return
    plan.thinking["display"] = words[reasoning.visibility]
    if reasoning.visibility == "full":
        losses.drop(path, "visibility full->summarized")


def _as_said(plan: Plan, wish: _Wish) -> None:
    """An upstream of which nothing is known: what the client said, in its own terms."""
    if wish.reasoning.mode == "budget":
        plan.thinking = {"type": "enabled", "budget_tokens": wish.reasoning.budget or _DEFAULT_BUDGET}
        plan.effort = _nearest(wish.reasoning.effort, wish)
        return
    _adaptive(plan, wish)


def _adaptive(plan: Plan, wish: _Wish) -> None:
    """The model decides how much it thinks; an effort sizes it."""
    effort = wish.reasoning.effort
    match wish.reasoning.mode:
        case "off" if not wish.capabilities.can_disable:
            wish.losses.drop(wish.path, "off->always on")
            return
        case "off":
            plan.thinking = {"type": "disabled"}
        case "between_tools":
            plan.thinking = {"type": "between_tools"}
        case "budget":
            plan.thinking = {"type": "adaptive"}
            effort = effort or _effort_for(wish.reasoning.budget or _DEFAULT_BUDGET)
            wish.losses.drop(wish.path, f"budget {wish.reasoning.budget}->effort {effort}")
        case "auto" | "effort":
            plan.thinking = {"type": "adaptive"}
            if (wish.reasoning.mode == "auto") == (effort is not None):
                wish.losses.repair(wish.path, "said as adaptive thinking")
        case _:
            pass
    plan.effort = _nearest(effort, wish)


def _budget(plan: Plan, wish: _Wish) -> None:
    """An older model: thinking is switched on with a number of tokens, or not at all."""
    effort, budget = wish.reasoning.effort, wish.reasoning.budget
    match wish.reasoning.mode:
        case "off":
            plan.thinking = {"type": "disabled"}
        case "budget":
            plan.thinking = {"type": "enabled", "budget_tokens": budget or _DEFAULT_BUDGET}
        case "auto" | "effort" | "between_tools":
            tokens = _DEFAULT_BUDGET if effort is None else _BUDGETS[effort]
            plan.thinking = {"type": "enabled", "budget_tokens": tokens}
            wish.losses.repair(wish.path, f"{wish.reasoning.mode} said as a budget of {tokens} tokens")
            return
        case _:
            pass
    plan.effort = _nearest(effort, wish)


def _never(plan: Plan, wish: _Wish) -> None:
    """A model that does not think."""
    plan.thinking = None
    if wish.reasoning.mode == "off":
        wish.losses.repair(wish.path, "left out: the model does not think")
    else:
        wish.losses.drop(wish.path)


_STYLES: Mapping[str, Callable[[Plan, _Wish], None]] = {
    "effort": _as_said,
    "adaptive": _adaptive,
    "budget": _budget,
    "none": _never,
}


def _nearest(effort: Effort | None, wish: _Wish) -> str | None:
    """The word for `effort` among those the model takes: itself, else the next stronger, else the
    strongest.
    """
    if effort is None:
        return None
    taken = [word for word in _EFFORTS if word in wish.capabilities.efforts and word != "minimal"]
    stronger = [word for word in taken if _EFFORTS.index(word) >= _EFFORTS.index(effort)]
    word = next(iter(stronger or taken[-1:]), None)
    if word != effort:
        wish.losses.drop(wish.path, f"effort {effort}->{word or 'none'}")
    return word


def _effort_for(budget: int) -> Effort:
    limits: tuple[tuple[int, Effort], ...] = ((1024, "low"), (8192, "medium"), (24_576, "high"))
    return next((effort for limit, effort in limits if budget <= limit), "xhigh")


def set_limits(plan: Plan, request: Request, capabilities: Capabilities, losses: Losses) -> None:
    """Settle `max_tokens`, which the API requires, and with it the budget, which must be smaller."""
    most = capabilities.max_output
    wanted = request.max_tokens
    path = request.origin_of("max_tokens")
    if wanted is None:
        wanted = most or _DEFAULT_MAX_TOKENS
        losses.repair(path, f"{wanted} put in: the upstream requires it")
    elif most is not None and wanted > most:
        losses.drop(path, f"{wanted}->{most}")
        wanted = most
    plan.max_tokens = wanted
    budget = plan.thinking.get("budget_tokens") if plan.thinking is not None else None
    if isinstance(budget, int):
        _fit_budget(plan, budget, request, capabilities, losses=losses)


def _fit_budget(
    plan: Plan, budget: int, request: Request, capabilities: Capabilities, *, losses: Losses
) -> None:
    most = capabilities.max_output
    path, limit_path = request.origin_of("reasoning"), request.origin_of("max_tokens")
    fitted = max(budget, LEAST_BUDGET)
    if fitted >= plan.max_tokens:
        raised = min(fitted + plan.max_tokens, most or fitted + plan.max_tokens)
        losses.drop(limit_path, f"{plan.max_tokens}->{raised}")
        plan.max_tokens = raised
        fitted = min(fitted, raised - LEAST_BUDGET)
    if fitted < LEAST_BUDGET:
        losses.drop(path, "off: the model's output is too short to think in")
        plan.thinking = None
        return
    if fitted != budget:
        losses.drop(path, f"budget {budget}->{fitted}")
    plan.thinking = {**(plan.thinking or {}), "budget_tokens": fitted}


def encode_sampling(request: Request, plan: Plan, capabilities: Capabilities, losses: Losses) -> JsonObject:
    """Temperature and its kin, as far as the model takes them beside its thinking."""
    sampling = request.sampling
    said = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    sent: JsonObject = {}
    for name, value in said.items():
        if value is None:
            continue
        crowded = name == "top_p" and "temperature" in sent and capabilities.sampling == "one_of"
        if _samples(request, capabilities) and not crowded and _fits(name, value, plan, capabilities):
            sent[name] = value
        else:
            losses.drop(request.origin_of(name))
    if "temperature" in sent and sampling.temperature is not None and sampling.temperature > 1:
        losses.drop(request.origin_of("temperature"), f"{sampling.temperature:g}->1.0")
        sent["temperature"] = 1.0
    return sent


def _fits(name: str, value: float, plan: Plan, capabilities: Capabilities) -> bool:
    """Whether a value may stand beside thinking, and in the API's range."""
    if name == "top_k":
        return capabilities.top_k and value > 0 and not plan.thinks
    if not plan.thinks:
        return True
    return value == 1 if name == "temperature" else value >= _LEAST_TOP_P


def _samples(request: Request, capabilities: Capabilities) -> bool:
    reasoning = request.reasoning
    match capabilities.sampling:
        case "always" | "one_of":
            return True
        case "without_effort":
            return reasoning is None or reasoning.mode in (None, "off")
        case "effort_none":
            return reasoning is not None and reasoning.mode == "off"
        case _:
            return False


_NEUTRAL: Mapping[str, JsonValue] = {
    "min_p": 0,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "repetition_penalty": 1,
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "modalities": ["text"],
}
"""Settings without a word here that change nothing at these values: leaving them out loses nothing."""


def note_unsayable(request: Request, losses: Losses) -> None:
    """Name the settings that the Messages API has no word for; that usage was asked for is no loss, because
    it is always told.

    Raises:
        Unsayable: one without which the answer would be another kind of answer.
    """
    _refuse(request)
    sampling = request.sampling
    unsaid: dict[str, JsonValue] = {
        "min_p": sampling.min_p,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "repetition_penalty": sampling.repetition_penalty,
        "logit_bias": sampling.logit_bias,
        "n": request.n,
        "logprobs": request.logprobs,
        "top_logprobs": request.top_logprobs,
        "modalities": [*request.modalities] if request.modalities is not None else None,
        "audio": request.audio,
        "verbosity": request.verbosity,
        "cache_key": request.cache_key,
        "metadata": {**request.metadata} if request.metadata is not None else None,
    }
    for name, value in unsaid.items():
        if value is None:
            continue
        if name in _NEUTRAL and value == _NEUTRAL[name]:
            losses.repair(request.origin_of(name), "left out: it is so anyway")
        else:
            losses.drop(request.origin_of(name))


def _refuse(request: Request) -> None:
    handles = request.continuation
    refused = {
        "n": request.n is not None and request.n > 1,
        "modalities": bool(request.modalities) and request.modalities != ["text"],
        "previous_response_id": handles is not None and handles.previous_response_id is not None,
        "conversation": handles is not None and handles.conversation is not None,
        "cached_content": handles is not None and handles.cached_content is not None,
    }
    for name, is_refused in refused.items():
        if is_refused:
            path = request.origin_of(name)
            raise Unsayable(f"{path}: the provider behind this model cannot do it; leave it out", param=path)
