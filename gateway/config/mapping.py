"""Mapping of models, described: where a name leads, and what is changed of requests on the way."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from gateway.config.sections import Number, Pattern, Section, typed

Whole = Annotated[int, Field(ge=0)]

Words = Annotated[str, Field(min_length=1)]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class SettingsConfig(Section):
    """Settings of requests, in the words of no protocol in particular; None says nothing of one."""

    temperature: Number | None = None
    top_p: Number | None = None
    top_k: Whole | None = None
    min_p: Number | None = None
    seed: int | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    repetition_penalty: Number | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    stop: Annotated[tuple[Words, ...] | None, BeforeValidator(_listed)] = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    service_tier: Words | None = None
    verbosity: Words | None = None


class SystemConfig(Section):
    """A system prompt that stands `before` the client's own, or `instead` of it."""

    before: Words | None = None
    instead: Words | None = None

    @model_validator(mode="after")
    def _either_of_them(self) -> Self:
        if (self.before is None) == (self.instead is None):
            raise ValueError("say either before: or instead:")
        return self


class TuningConfig(Section):
    """What is changed of requests: `defaults` where the client says nothing, `force` whatever it says; fields
    to `remove`; `extras` in the upstream's own words; a `system` prompt.
    """

    defaults: SettingsConfig = SettingsConfig()
    force: SettingsConfig = SettingsConfig()
    remove: Annotated[tuple[Words, ...], BeforeValidator(_listed)] = ()
    extras: Annotated[Mapping[str, JsonValue], BeforeValidator(typed)] = Field(default_factory=dict)
    system: SystemConfig | None = None

    @property
    def says_something(self) -> bool:
        """Whether anything is changed."""
        settings = {**self.defaults.model_dump(exclude_none=True), **self.force.model_dump(exclude_none=True)}
        return bool(settings or self.remove or self.extras or self.system)


class TargetConfig(TuningConfig):
    """A place that a name leads to: `POOL`, `POOL/MODEL`, or `POOL/` and a pattern of the models there."""

    target: Words


def _target(value: object) -> object:
    return {"target": value} if isinstance(value, str) else value


Target: TypeAlias = Annotated[TargetConfig, BeforeValidator(_target)]


def _filled(targets: tuple[TargetConfig, ...]) -> tuple[TargetConfig, ...]:
    if not targets:
        raise ValueError("empty; at least one is required, or remove the line")
    return targets


class AliasConfig(Section):
    """Where a name leads, in order. `exclude` are names that the pattern does not mean after all, and models
    that a pattern in `targets` does not.
    """

    targets: Annotated[tuple[Target, ...], BeforeValidator(_listed), AfterValidator(_filled)]
    exclude: Annotated[tuple[Pattern, ...], BeforeValidator(_listed)] = ()


def _alias(value: object) -> object:
    """A target, a list of them, or the long form."""
    match value:
        case str() | TargetConfig():
            return {"targets": [value]}
        case list() | tuple():
            return {"targets": value}
        case dict() if "target" in value:
            return {"targets": [value]}
        case dict() if "targets" not in value:
            raise ValueError(
                "a target is required: POOL or POOL/MODEL, a list of them, or target: in a line below"
            )
        case _:
            return value


Alias: TypeAlias = Annotated[AliasConfig, BeforeValidator(_alias)]


class NamedModel(TuningConfig):
    """A model of a deployment: `name` (or a pattern) is what clients call it, `upstream` what it is called
    there, None meaning the same. `priority` is this model's, None the deployment's.
    """

    name: Pattern
    upstream: Words | None = None
    priority: Number | None = None
    exclude: Annotated[tuple[Pattern, ...], BeforeValidator(_listed)] = ()

    @property
    def is_name(self) -> bool:
        """Whether nothing is said but the name."""
        return self.model_fields_set == {"name"}
