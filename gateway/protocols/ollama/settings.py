"""The settings of a request, both ways: `options`, `think` and `format`."""

from collections.abc import Mapping
from typing import get_args

from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Effort, OutputFormat, Reasoning, Request, Sampling
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields, wrong
from gateway.protocols.ollama.media import NAME
from gateway.protocols.ollama.tools import Way

_MACHINE = (
    *("num_ctx", "num_keep", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "numa"),
    "draft_num_predict",
)
"""Options that tune the machine a model runs on: nobody else has one to tune, so they are no loss."""

_SAMPLING: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "repetition_penalty": "repeat_penalty",
}
"""Our names and the wire's."""

_EFFORTS: tuple[Effort, ...] = get_args(Effort)
_WORDS = ("low", "medium", "high", "max")
"""The efforts that this protocol has a word for."""
_BUDGETS: Mapping[Effort, int] = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576}
"""Up to how many tokens of thought each effort stands for; more is `xhigh`."""


def decode_options(body: Fields, request: Request) -> None:
    """Read `options` into `request`. Unknown ones are kept, each under its own path."""
    options = body.fields("options")
    if options is None:
        return
    limit = options.integer("num_predict")
    # -1 is no limit, -2 as much as the context holds: both are what leaving it out says.
    request.max_tokens = limit if limit is not None and limit > 0 else None
    request.stop = options.texts("stop") or []
    request.sampling = Sampling(
        temperature=options.number("temperature"),
        top_p=options.number("top_p"),
        top_k=options.integer("top_k"),
        min_p=options.number("min_p"),
        seed=options.integer("seed"),
        presence_penalty=options.number("presence_penalty"),
        frequency_penalty=options.number("frequency_penalty"),
        repetition_penalty=options.number("repeat_penalty"),
    )
    request.origins |= {name: options.at(word) for name, word in _SAMPLING.items()}
    request.origins |= {"max_tokens": options.at("num_predict"), "stop": options.at("stop")}
    for name in _MACHINE:
        options.any(name)
    left: JsonObject = {options.at(name): value for name, value in options.rest(NAME).get(NAME, {}).items()}
    if left:
        request.extras = {NAME: {**request.extras.get(NAME, {}), **left}}


def decode_format(body: Fields) -> OutputFormat | None:
    """`format`: "json", a JSON Schema, or the empty string that SDKs send for none."""
    form = body.any("format")
    if form is None or form == "":
        return None
    if form == "json":
        return OutputFormat("json_object")
    if isinstance(form, dict):
        return OutputFormat("json_schema", schema=form)
    raise InvalidRequest(f'{body.at("format")}: expected "json" or a JSON Schema', param=body.at("format"))


def decode_think(body: Fields) -> Reasoning | None:
    """`think`: true, false, or how much."""
    think = body.any("think")
    if think is None or think == "":
        return None
    if isinstance(think, bool):
        return Reasoning("auto" if think else "off")
    effort = next((effort for effort in _EFFORTS if effort == think), None)
    if effort is not None:
        return Reasoning("effort", effort)
    raise wrong(body.at("think"), "true, false, low, medium, high or max", think)


def encode_settings(request: Request, way: Way) -> JsonObject:
    """Everything beside model, messages and tools.

    Raises:
        Unsayable: more than one answer, or state that another provider keeps.
    """
    _refuse(request)
    body: JsonObject = {"stream": request.stream}
    options = _encode_options(request, way)
    if options:
        body["options"] = options
    form = _encode_format(request, way)
    if form is not None:
        body["format"] = form
    think = _encode_think(request, way)
    if think is not None:
        body["think"] = think
    for name, value in (("logprobs", request.logprobs), ("top_logprobs", request.top_logprobs)):
        if value is not None and way.capabilities.logprobs:
            body[name] = value
        elif value is not None:
            way.losses.drop(request.origin_of(name))
    _drop_unsaid(request, way)
    return body


def _refuse(request: Request) -> None:
    if request.continuation is not None:
        path = request.origin_of("continuation")
        raise Unsayable(
            f"{path}: the state is kept by another provider; send the whole conversation", param=path
        )
    if request.n is not None and request.n > 1:
        path = request.origin_of("n")
        raise Unsayable(f"{path}: the upstream gives one answer; ask for 1", param=path)


def _encode_options(request: Request, way: Way) -> JsonObject:
    capabilities, sampling = way.capabilities, request.sampling
    sayable = {
        "top_k": capabilities.top_k,
        "seed": capabilities.seed,
        "presence_penalty": capabilities.penalties,
        "frequency_penalty": capabilities.penalties,
        "repetition_penalty": capabilities.penalties,
    }
    options: JsonObject = {}
    for name, word in _SAMPLING.items():
        value: JsonValue = getattr(sampling, name)
        if value is not None and capabilities.sampling != "never" and sayable.get(name, True):
            options[word] = value
        elif value is not None:
            way.losses.drop(request.origin_of(name))
    if request.stop and capabilities.stop:
        options["stop"] = [*request.stop]
    elif request.stop:
        way.losses.drop(request.origin_of("stop"))
    limit = _limit(request, way)
    if limit is not None:
        options["num_predict"] = limit
    own = request.extras.get(NAME, {})
    known = {word: value for path, value in own.items() if (word := path.removeprefix("options.")) != path}
    # What the upstream would take for its context is small, and it cuts what does not fit in silence.
    context: JsonObject = {} if capabilities.num_ctx is None else {"num_ctx": capabilities.num_ctx}
    return {**known, **context, **options}


def _limit(request: Request, way: Way) -> int | None:
    limit, most = request.max_tokens, way.capabilities.max_output
    if limit is None or most is None or limit <= most:
        return limit
    way.losses.drop(request.origin_of("max_tokens"), f"{limit}->{most}")
    return most


def _encode_format(request: Request, way: Way) -> JsonValue:
    output = request.output
    if output is None:
        return None
    path = request.origin_of("output")
    if output.kind == "text":
        way.losses.repair(path, "left out: text is what it answers")
        return None
    if output.kind == "json_object":
        return "json"
    if not way.capabilities.structured_output or output.schema is None:
        way.losses.drop(path, "json_schema->json")
        return "json"
    if (output.name, output.description, output.strict) != (None, None, None):
        way.losses.repair(path, "the schema alone")
    about: JsonObject = {} if output.description is None else {"description": output.description}
    return {**about, **output.schema}


def _encode_think(request: Request, way: Way) -> JsonValue:
    reasoning, losses = request.reasoning, way.losses
    if reasoning is None:
        return None
    path = request.origin_of("reasoning")
    _note_visibility(reasoning, request.origin_of("visibility"), losses)
    if reasoning.mode == "off":
        return _not_thinking(path, way)
    wanted = reasoning.effort or _effort_of(reasoning.budget)
    if reasoning.mode is None and wanted is None:
        return None
    if way.capabilities.thinking == "none":
        # A model that does not think refuses to be asked for it, one that does thinks unasked.
        if wanted is None:
            losses.repair(path, "left to the model")
            return None
        for lost in dict.fromkeys((path, request.origins.get("effort", path))):
            losses.drop(lost)
        return None
    if reasoning.mode == "between_tools":
        losses.drop(path, "between_tools->true")
    if reasoning.effort is not None:
        path = request.origins.get("effort", path)
    return True if wanted is None else _sized(reasoning, wanted, path, way)


def _note_visibility(reasoning: Reasoning, path: str, losses: Losses) -> None:
    """Thoughts are always told in full here."""
    if reasoning.visibility == "omit":
        losses.repair(path, "left out of the reply")
    elif reasoning.visibility == "full":
        losses.repair(path, "left out: it is always so")
    elif reasoning.visibility is not None:
        losses.drop(path)


def _sized(reasoning: Reasoning, wanted: Effort, path: str, way: Way) -> JsonValue:
    """How much to think, in the words that the model takes, if it takes any."""
    losses, words = way.losses, _words(way)
    if way.capabilities.thinking != "effort" or not words:
        losses.drop(path, f"{reasoning.effort or reasoning.budget}->true")
        return True
    sent = next((word for word in words if word in _EFFORTS[_EFFORTS.index(wanted) :]), words[-1])
    if reasoning.effort is None:
        losses.drop(path, f"{reasoning.budget}->{sent}")
    elif sent != wanted:
        losses.drop(path, f"{wanted}->{sent}")
    elif reasoning.mode != "effort" or reasoning.budget is not None:
        losses.repair(path, f"said as {sent}")
    return sent


def _words(way: Way) -> list[str]:
    """The efforts that model and protocol both have a word for, weakest first."""
    return [word for word in way.capabilities.efforts if word in _WORDS]


def _not_thinking(path: str, way: Way) -> JsonValue:
    if way.capabilities.can_disable:
        return False
    words = _words(way) if way.capabilities.thinking == "effort" else []
    way.losses.drop(path, f"off->{words[0]}" if words else "")
    return words[0] if words else None


def _effort_of(budget: int | None) -> Effort | None:
    if budget is None:
        return None
    return next((effort for effort, most in _BUDGETS.items() if budget <= most), "xhigh")


def _drop_unsaid(request: Request, way: Way) -> None:
    """Settings that this protocol has no word for."""
    spoken = None if request.modalities in (None, ["text"]) else request.modalities
    unsaid = {
        "logit_bias": request.sampling.logit_bias,
        "modalities": spoken,
        "audio": request.audio,
        "verbosity": request.verbosity,
        "user": request.user,
        "metadata": request.metadata,
        "service_tier": request.service_tier,
        "cache": request.cache,
        "cache_key": request.cache_key,
    }
    for name, value in unsaid.items():
        if value is not None:
            way.losses.drop(request.origin_of(name))
    if request.n is not None:
        way.losses.repair(request.origin_of("n"), "left out: it is always one")
    if request.modalities is not None and spoken is None:
        way.losses.repair(request.origin_of("modalities"), "left out: text is what it answers")
