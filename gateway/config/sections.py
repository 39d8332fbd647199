"""What sections of the configuration are made of."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from gateway.config.checks import checked_base_url, checked_host, checked_key, seconds_of
from gateway.config.patterns import checked_pattern

_WHOLE = re.compile("-?[0-9]{1,18}")
_FRACTION = re.compile(r"-?[0-9]{1,18}\.[0-9]{1,18}")
_SWITCHES = {"true": True, "false": False}


def typed(value: object) -> object:
    """What a scalar of YAML means where anything may stand: files keep only the text of it."""
    match value:
        case dict():
            return {name: typed(member) for name, member in value.items()}
        case list():
            return [typed(member) for member in value]
        case str() if _WHOLE.fullmatch(value):
            return int(value)
        case str() if _FRACTION.fullmatch(value):
            return float(value)
        case str():
            return _SWITCHES.get(value, value)
        case _:
            return value


def _checked_secret(secret: SecretStr) -> SecretStr:
    return SecretStr(checked_key(secret.get_secret_value()))


Secret = Annotated[SecretStr, AfterValidator(_checked_secret)]
"""A key; shown as stars wherever it is printed."""

Seconds = Annotated[float, BeforeValidator(seconds_of), Field(gt=0, allow_inf_nan=False)]
"""A time that may be written with its unit."""

Pattern = Annotated[str, AfterValidator(checked_pattern)]
"""A model's name, or a pattern that several match."""

Number = Annotated[float, Field(allow_inf_nan=False)]

Host = Annotated[str, AfterValidator(checked_host)]

BaseUrl = Annotated[str, AfterValidator(checked_base_url)]


class Section(BaseModel):
    """A part of the configuration. Unknown names are errors, and errors never show what was written."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True
    )
