"""The example file says the truth."""

import re
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from gateway.cli.kinds import kinds
from gateway.config.environment import SETTINGS, from_environment

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "configs" / "env.example").read_text("utf-8")


def test_it_names_every_variable_and_no_other() -> None:
    named = set(re.findall(r"^#?([A-Z][A-Z_0-9]*)=", EXAMPLE, re.MULTILINE))
    facts = kinds().providers.values()
    upstream = {name for fact in facts for name in (*fact.key_variables, fact.base_url_variable) if name}
    assert named == upstream | {*SETTINGS, "GATEWAY_CONFIG", "GATEWAY_STATE_DIR"}


def test_as_it_stands_it_changes_nothing() -> None:
    values = {name: value or "" for name, value in dotenv_values(stream=StringIO(EXAMPLE)).items()}
    assert from_environment(values, kinds()) == from_environment({}, kinds())


def test_the_settings_in_it_are_the_defaults() -> None:
    settings = EXAMPLE.replace("#SERVER", "SERVER").replace("#LOG", "LOG")
    values = {name: value or "" for name, value in dotenv_values(stream=StringIO(settings)).items()}
    assert {"SERVER_HOST", "SERVER_PORT", "LOG_LEVEL"} <= values.keys()
    assert from_environment(values, kinds()) == from_environment({}, kinds())


def test_the_readme_explains_every_variable() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in re.findall(r"^#?([A-Z][A-Z_0-9]*)=", EXAMPLE, re.MULTILINE):
        assert f"`{name}`" in readme
