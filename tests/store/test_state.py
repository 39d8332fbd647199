"""What survives a restart does, and costs a request nothing."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.canonical.json import JsonValue
from gateway.store.state import StateFile, directory, opened

FACTS: dict[str, JsonValue] = {"a": {"resting_s": 30.5}, "b": [1, "zwei", None]}


def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    first = StateFile(tmp_path)
    assert first.facts == {}
    first.save(FACTS)
    first.save({"a": 1})
    first.close()

    again = StateFile(tmp_path)
    assert again.facts == {**FACTS, "a": 1}
    again.close()


def test_two_processes_may_write_to_one_file(tmp_path: Path) -> None:
    one, other = StateFile(tmp_path), StateFile(tmp_path)
    for number in range(50):
        one.save({f"one-{number}": number})
        other.save({f"other-{number}": number})
    one.close()
    other.close()
    again = StateFile(tmp_path)
    assert len(again.facts) == 100
    again.close()


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    StateFile(folder).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in folder.iterdir()} == {0}


def test_a_fact_that_is_not_one_is_nothing(tmp_path: Path) -> None:
    StateFile(tmp_path).close()
    with sqlite3.connect(tmp_path / "state.sqlite3") as file:
        file.execute("insert into facts values ('a', '{')")
    file.close()
    again = StateFile(tmp_path)
    assert again.facts == {"a": None}
    again.close()


def test_a_file_of_another_kind_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite3").write_text("my shopping list, which is longer than a header\n" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        StateFile(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        StateFile(tmp_path / "file" / "state")


def test_what_cannot_be_written_is_said_once_and_written_when_it_can_be(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    with closing(sqlite3.connect(tmp_path / "state.sqlite3")) as file, file:
        file.execute(
            "create trigger t before insert on facts when new.fact = '1' "
            "begin select raise(abort, 'full'); end"
        )
    with capture_logs() as logged:
        state.save({"a": 1})
        state.save({"b": 2})
        state.save({"a": 3})
        state.close()
    assert [(line["event"], line["reason"]) for line in logged] == [("state_not_saved", "full")]
    assert facts_in(tmp_path) == {"a": 3, "b": 2}


def test_nothing_stands_where_none_was_saved(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    state.save(FACTS)
    state.save({"a": None, "never": None})
    state.close()
    assert facts_in(tmp_path) == {"b": FACTS["b"]}


def test_its_salt_is_its_own_and_stays(tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "one", tmp_path / "other"
    salts = []
    for folder in folders:
        state = StateFile(folder)
        salts.append(state.salt)
        state.close()
    assert salts[0] == salts[1] != salts[2]
    assert {len(salt) for salt in salts} == {16}


@pytest.mark.slow
def test_those_who_start_together_share_one_salt(tmp_path: Path) -> None:
    def salt(number: int) -> bytes:
        state = StateFile(tmp_path / str(number // 6))
        state.close()
        return state.salt

    with ThreadPoolExecutor(6) as together:
        salts = list(together.map(salt, range(60)))
    assert [len({*salts[n : n + 6]}) for n in range(0, 60, 6)] == [1] * 10


def test_where_nothing_is_to_be_kept_there_is_no_file() -> None:
    with capture_logs() as logged, opened(None) as state:
        assert state is None
    assert logged == []


def test_an_opened_file_is_written_when_the_block_ends(tmp_path: Path) -> None:
    with opened(tmp_path) as state:
        assert state is not None
        state.save(FACTS)
    assert facts_in(tmp_path) == FACTS


def test_where_nothing_can_be_kept_one_warning_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "state.sqlite3").write_text("my shopping list, which is longer than a header\n" * 100)
    for folder in (tmp_path / "file" / "state", tmp_path):
        with capture_logs() as logged, opened(folder) as state:
            assert state is None
        assert [(line["event"], line["folder"]) for line in logged] == [("state_in_memory_only", str(folder))]
        assert "GATEWAY_STATE_DIR" in logged[0]["remedy"]


def facts_in(folder: Path) -> dict[str, JsonValue]:
    """What a process that starts now would find."""
    state = StateFile(folder)
    state.close()
    return state.facts


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"GATEWAY_STATE_DIR": "/var/lib/gw"}, "/var/lib/gw"),
        ({"GATEWAY_STATE_DIR": "", "XDG_STATE_HOME": "/x"}, "/x/gateway"),
        ({}, str(Path.home() / ".local/state/gateway")),
    ],
)
def test_it_stands_where_the_operator_or_the_system_says(env: dict[str, str], folder: str) -> None:
    assert str(directory(env)) == folder


def test_a_user_without_a_home_has_state_where_containers_have_their_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert str(directory({})) == "/.local/state/gateway"
