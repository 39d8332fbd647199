"""A file with one key a line becomes as many deployments."""

import re
from pathlib import Path

import pytest

from gateway.cli.kinds import kinds
from gateway.config.environment import from_environment
from gateway.config.errors import ConfigError
from gateway.config.key_files import is_open
from gateway.config.load import load
from gateway.config.schema import GatewayConfig
from tests.config.broken import PLANTED

ENTRY = "{keys_file: keys.txt, uuid: sf, weight: 3, models: [m]}"


def loaded(folder: Path, keys: bytes, more: str = "") -> GatewayConfig:
    """The configuration whose only entry has `keys` in a file."""
    (folder / "keys.txt").write_bytes(keys)
    (folder / "config.yaml").write_text(f"pools:\n  siliconflow:\n    - {ENTRY}\n{more}")
    return load(folder / "config.yaml", kinds(), {})


def test_each_line_is_a_deployment_with_the_same_settings(tmp_path: Path) -> None:
    config = loaded(tmp_path, b"\xef\xbb\xbf# ours\r\n\r\nkey-9f4c\r\n  key-1b7d \n\n#key-0000\nkey-9f4c")
    members = config.deployments
    assert [member.id for member in members] == ["sf-1", "sf-2"]
    assert [member.api_key and member.api_key.get_secret_value() for member in members] == [
        "key-9f4c",
        "key-1b7d",
    ]
    assert [(member.weight, member.models, member.provider) for member in members] == [
        (3, ("m",), "siliconflow")
    ] * 2


def test_the_keys_are_among_the_secrets_that_no_record_shows(tmp_path: Path) -> None:
    config = loaded(tmp_path, b"key-9f4c\nkey-1b7d\n")
    assert set(config.secrets) == {"key-9f4c", "key-1b7d"}
    assert "9f4c" not in repr(config)


def test_a_file_is_looked_for_in_the_working_directory_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "keys.txt").write_text("key-0a5e\n")
    monkeypatch.chdir(here)
    assert loaded(tmp_path, b"key-9f4c\n").secrets == ("key-0a5e",)


def test_a_file_of_pools_may_have_files_of_keys(tmp_path: Path) -> None:
    loaded(tmp_path, b"key-9f4c\n")
    config = from_environment({"PROVIDER_POOLS_FILE": str(tmp_path / "config.yaml")}, kinds())
    assert config.secrets == ("key-9f4c",)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (b"", "there is no key in this file; write one on each line"),
        (b"# none\n\n", "there is no key in this file"),
        (b"key-9f4c\nsk-your-key\n", "line 2: this is an example key from documentation"),
        (f"key-9f4c\n\n{PLANTED} # mine\n".encode(), "line 3: a key holds printable ASCII characters"),
        (f"{PLANTED}, key-9f4c\n".encode(), "line 1: a key holds printable ASCII characters and no spaces"),
        (f"{PLANTED}\x00".encode(), "line 1: a key holds printable"),
        (f"{PLANTED}\xff".encode("latin-1"), "the file is no UTF-8 text"),
        (f"{PLANTED}\n".encode() * 300_000, "the file is larger than any list of keys"),
    ],
)
def test_a_file_that_will_not_do_is_told_by_its_place_and_never_quoted(
    keys: bytes, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, keys)
    told = str(caught.value)
    assert re.search(rf"config\.yaml:3:19: pools\.siliconflow\[0\]\.keys_file: {words}", told)
    assert PLANTED not in told


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, _mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    loaded(tmp_path, b"key-9f4c\n")
    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r": (refuse if path.name == "keys.txt" else opened)(path, mode)
    )
    with pytest.raises(ConfigError, match="keys_file: the file cannot be read: Permission denied"):
        load(tmp_path / "config.yaml", kinds(), {})


def test_ids_that_keys_are_given_may_not_be_taken(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"4:14: .*the uuid that pools.siliconflow\[0\] has already"):
        loaded(tmp_path, b"key-9f4c\nkey-1b7d\n", "    - {uuid: sf-2, api_key: key-77aa}\n")


def test_a_file_that_everybody_may_read_is_noticed(tmp_path: Path) -> None:
    (file,) = loaded(tmp_path, b"key-9f4c\n").key_files
    for mode, wide in ((0o600, False), (0o640, False), (0o644, True)):
        file.chmod(mode)
        assert is_open(file) is wide
    file.unlink()
    assert not is_open(file)
