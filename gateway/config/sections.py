"""What sections of the configuration are made of."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from gateway.config.checks import checked_base_url, checked_glob, checked_host, checked_key, seconds_of


def _checked_secret(secret: SecretStr) -> SecretStr:
    return SecretStr(checked_key(secret.get_secret_value()))


Secret = Annotated[SecretStr, AfterValidator(_checked_secret)]
"""A key; shown as stars wherever it is printed."""

Seconds = Annotated[float, BeforeValidator(seconds_of), Field(gt=0, allow_inf_nan=False)]
"""A time that may be written with its unit."""

Glob = Annotated[str, AfterValidator(checked_glob)]

Host = Annotated[str, AfterValidator(checked_host)]

BaseUrl = Annotated[str, AfterValidator(checked_base_url)]


class Section(BaseModel):
    """A part of the configuration. Unknown names are errors, and errors never show what was written."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True
    )
