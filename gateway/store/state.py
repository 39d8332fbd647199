"""Small facts that survive a restart: one JSON document for each name, in a file of SQLite's.

Nobody waits for it: what is saved is handed to one thread, which writes it when it gets there. Several
processes may share the file; of two that save under one name the last one wins.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

import structlog

from gateway.canonical.json import JsonObject, JsonValue
from gateway.wire import fast_json

_NAME = "state.sqlite3"
_PATIENCE_S = 5.0
"""How long to wait while another process writes."""

_SCHEMA = """
create table if not exists facts (name text primary key, fact text not null) strict, without rowid;
create table if not exists salt (salt blob not null) strict;
insert into salt select randomblob(16) where not exists (select 1 from salt)
"""
_SAVE = "insert into facts values (?, ?) on conflict (name) do update set fact = excluded.fact"
_DROP = "delete from facts where name = ?"

_Rows: TypeAlias = dict[str, str | None]
"""Facts as they are written, by their names."""

log = structlog.stdlib.get_logger()


def directory(env: Mapping[str, str]) -> Path:
    """Where state belongs on this machine: `GATEWAY_STATE_DIR`, or as the XDG base directories have it."""
    if said := env.get("GATEWAY_STATE_DIR"):
        return Path(said)
    home = env.get("XDG_STATE_HOME") or str(_home() / ".local" / "state")
    return Path(home) / "gateway"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        # A user without one, as containers have them.
        return Path("/")


@contextmanager
def opened(folder: Path | None) -> "Iterator[StateFile | None]":
    """The file in `folder`, closed at the end. None where nothing is to be kept, or, after a warning, where
    nothing can be.
    """
    state = None if folder is None else _opened(folder)
    try:
        yield state
    finally:
        if state is not None:
            state.close()


def _opened(folder: Path) -> "StateFile | None":
    try:
        return StateFile(folder)
    except (OSError, sqlite3.Error) as error:
        log.warning(
            "state_in_memory_only",
            folder=str(folder),
            reason=str(error),
            remedy="rests and quotas used are forgotten at the end; GATEWAY_STATE_DIR names another folder",
        )
        return None


class StateFile:
    """The file in `folder`, which is made for its owner alone. `facts` are what stood there at the start;
    `salt` is the file's own, for names that are to say nothing of a secret.

    Raises:
        OSError: there can be no such folder or file.
        sqlite3.Error: what is there is not such a file.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / _NAME
        # Made by us, so that nobody else can read it from the first moment.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # From here on it is the writer's.
        self._file = sqlite3.connect(
            path, timeout=_PATIENCE_S, isolation_level="IMMEDIATE", check_same_thread=False
        )
        try:
            self.salt, self.facts = _read(self._file)
        except sqlite3.Error:
            self._file.close()
            raise
        self._saved: SimpleQueue[_Rows | None] = SimpleQueue()
        self._writer = Thread(target=self._write, name="state", daemon=True)
        self._writer.start()

    def save(self, facts: Mapping[str, JsonValue]) -> None:
        """Have `facts` written, each in place of what stood under its name; None leaves nothing there."""
        self._saved.put(
            {name: None if fact is None else fast_json.dumps(fact).decode() for name, fact in facts.items()}
        )

    def close(self) -> None:
        """Wait until all is written."""
        self._saved.put(None)
        self._writer.join()

    def _write(self) -> None:
        unwritten: _Rows = {}
        with closing(self._file):
            while (rows := self._saved.get()) is not None:
                why = _written(self._file, unwritten | rows)
                if why and not unwritten:
                    log.warning("state_not_saved", reason=why)
                unwritten = unwritten | rows if why else {}


def _read(file: sqlite3.Connection) -> tuple[bytes, JsonObject]:
    """The salt and the facts in `file`, which becomes what it has to be."""
    # Not a write-ahead log: beginning one fails where others begin too, as workers do, and network folders
    # lack what it needs.
    file.execute("pragma journal_mode = truncate")
    file.execute("pragma synchronous = normal")
    with file:
        for statement in _SCHEMA.split(";"):
            file.execute(statement)
        (salt,) = file.execute("select salt from salt").fetchone()
        return salt, {name: _parsed(fact) for name, fact in file.execute("select name, fact from facts")}


def _written(file: sqlite3.Connection, rows: _Rows) -> str | None:
    """Why they could not be written; None: they are."""
    try:
        with file:
            file.executemany(_SAVE, [(name, fact) for name, fact in rows.items() if fact is not None])
            file.executemany(_DROP, [(name,) for name, fact in rows.items() if fact is None])
    except sqlite3.Error as error:
        # A full disk, say: the next time it may work.
        return str(error) or type(error).__name__
    return None


def _parsed(fact: str) -> JsonValue:
    try:
        value: JsonValue = fast_json.loads(fact.encode())
    except fast_json.JsonError:
        return None
    return value
