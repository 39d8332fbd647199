"""The key of operators, in variables and in files."""

from pathlib import Path

import pytest

from gateway.cli.kinds import kinds
from gateway.config.environment import from_environment
from gateway.config.errors import ConfigError
from gateway.config.load import load
from gateway.config.schema import GatewayConfig

KEY = "7c1d9e5f3a2b4c6d8e0f"


def loaded(folder: Path, admin: str) -> GatewayConfig:
    file = folder / "config.yaml"
    file.write_text(f"{admin}\npools: {{demo: [{{}}]}}\n")
    return load(file, kinds(), {"ADMIN_KEY": KEY})


def shown(config: GatewayConfig) -> str | None:
    return None if config.admin.key is None else config.admin.key.get_secret_value()


def test_it_comes_from_a_variable_or_from_the_file_that_one_names(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    for env in ({"ADMIN_KEY": KEY}, {"ADMIN_KEY_FILE": str(file)}):
        config = from_environment(env, kinds())
        assert (shown(config), config.secrets) == (KEY, (KEY,))
        assert KEY not in repr(config)
    assert shown(from_environment({"ADMIN_KEY": " "}, kinds())) is None


def test_it_comes_from_the_configuration_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, "admin: {key: '${ADMIN_KEY}'}")
    assert (shown(config), config.secrets) == (KEY, (KEY,))
    assert shown(loaded(tmp_path, "")) is None


def test_an_example_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^ADMIN_KEY: this is an example key"):
        from_environment({"ADMIN_KEY": "changeme"}, kinds())
    with pytest.raises(ConfigError, match=r"admin\.key: this is an example key"):
        loaded(tmp_path, "admin: {key: changeme}")


@pytest.mark.parametrize(
    ("admin", "said"),
    [("admin: {keys: x}", "unknown key"), (f"admin:\n  key: {KEY} #{KEY}", "is the # a part of the key")],
)
def test_what_is_wrong_is_told_without_the_key(tmp_path: Path, admin: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        loaded(tmp_path, admin)
    assert KEY not in str(refused.value)
