"""The engine: chDB on one data folder. The only module that imports chdb.

Traps of chdb-core 26.9 that are dealt with here:
- Its streaming INSERT (`send_insert`) swallows what goes wrong while rows are written: constraint, too many parts or
  partitions, a failing materialised view. `finish()` reports success and nothing is stored. INSERT … FROM INFILE tells.
- Importing it opens an in-memory engine and installs signal handlers (`reset_signal_handlers` undoes them).
- It understands queries without SELECT (`implicit_select`) and the words of the command line tool (`exit`).
- A session has one query at a time: any other one silently ends a stream that is still open.
- A query's id is made by the engine; a running query is found again by the thread that started it.
- `FORMAT Native` there drops the time zone of a top-level `DateTime('…')`, and totals.
"""

import fcntl
import json
import re
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from chdb import ChdbError, _chdb
from chdb.session import Session as ChdbSession

from devstack.clickhouse.blocks import Column
from devstack.clickhouse.errors import STD_EXCEPTION, CannotServe, ServerError

_CODE: Final = re.compile(
    r"\A(?:Streaming query failed: )?(?:Code: (\d+)\. (?=DB::))?(?:DB::Exception: Code: \d+\. (?=DB::))?"
)
_VERSION: Final = re.compile(r" \(version [^()]*\)(?=\.|\Z)")
# Two cores and one developer: 2 GiB for queries, small caches instead of the server's 5 GiB ones, few threads.
LIMITS: Final = {
    "max_server_memory_usage": 2 << 30,
    "mark_cache_size": 64 << 20,
    "primary_index_cache_size": 64 << 20,
    "max_thread_pool_size": 1000,
    "background_pool_size": 2,
    "background_schedule_pool_size": 4,
}
# A client's settings may shape the output of DESCRIBE; what is read here needs one shape.
DESCRIBE_SETTINGS: Final = (
    "SETTINGS print_pretty_type_names = 0, describe_include_subcolumns = 0, describe_compact_output = 0"
)
# A server knows no `SELECT`-less queries.
SESSION_DEFAULTS: Final = {"implicit_select": "0"}


class EngineSession:
    """One client's state in the engine: its database, settings and temporary tables. Used by one thread."""

    def __init__(self, location: str, *, database: str) -> None:
        self._location = location
        self._chdb = self._open(database)

    def _open(self, database: str) -> ChdbSession:
        session = ChdbSession(self._location)
        try:
            with _engine_errors():
                session.query(f"USE {quoted_name(database)}")
                session.query(set_statement(SESSION_DEFAULTS))
        except ServerError:
            session.close()
            raise
        return session

    def reopen(self) -> None:
        """Begin again in the same database, when the engine's session lets nobody change it any more."""
        database = self.table("SELECT currentDatabase()")[0][0]
        self._chdb.close()
        self._chdb = self._open(database)

    def run(self, sql: str) -> bytes:
        """Run to the end; the answer is in `FORMAT Native`, empty if there is none. Raises ServerError."""
        with _engine_errors():
            return bytes(self._chdb.query(sql, "Native").bytes())

    def stream(self, sql: str) -> Generator[bytes]:
        """The answer of a SELECT in `FORMAT Native`, a block at a time. Raises ServerError, also on the way."""
        with _engine_errors():
            result = self._chdb.send_query(sql, "Native")
            try:
                while (chunk := result.fetch()) is not None:
                    yield bytes(chunk.bytes())
            finally:
                result.cancel()

    def table(self, sql: str) -> list[list[str]]:
        """The rows of a small answer."""
        with _engine_errors():
            answer = self._chdb.query(sql, "JSONCompact").bytes()
        rows: list[list[str]] = json.loads(answer)["data"]
        return rows

    def insert(self, head: str, file: BinaryIO, *, settings: str, data_format: str) -> None:
        """Run an INSERT over the rows in an open file; all of one block of them is one block for the engine."""
        source = quoted_text(f"/dev/fd/{file.fileno()}")
        self.run(f"{head} FROM INFILE {source} COMPRESSION 'none' {settings} FORMAT {data_format}")

    def answer_columns(self, sql: str) -> list[Column]:
        """The columns of a small answer, even if it has no rows."""
        with _engine_errors():
            answer = self._chdb.query(sql, "JSONCompact").bytes()
        return [Column(column["name"], column["type"]) for column in json.loads(answer or b'{"meta": []}')["meta"]]

    def columns(self, target: str) -> list[tuple[Column, str]]:
        """A table's, table function's or bracketed SELECT's columns, each with its kind of default."""
        return [(Column(row[0], row[1]), row[2]) for row in self.table(f"DESCRIBE TABLE {target} {DESCRIBE_SETTINGS}")]

    def close(self) -> None:
        self._chdb.close()


class Engine:
    """The data folder, held by this process alone."""

    def __init__(self, folder: Path, *, database: str, config: Path | None = None) -> None:
        _check_folder(folder)
        given = LIMITS if config is None else {**LIMITS, "config-file": config}
        arguments = "&".join(f"{name}={value}" for name, value in given.items())
        self._location = f"{folder}?{arguments}"
        try:
            self._admin = EngineSession(self._location, database="default")
        except RuntimeError as error:
            raise CannotServe(f"cannot open the data folder {folder}: {error}") from error
        _chdb.reset_signal_handlers()  # type: ignore[attr-defined]  # missing in the stubs it ships
        self._admin_lock = threading.Lock()
        self._admin.run(f"CREATE DATABASE IF NOT EXISTS {quoted_name(database)}")
        self.version = tuple(int(part) for part in self._admin.table("SELECT version()")[0][0].split(".")[:3])
        self.time_zone = self._admin.table("SELECT timezone()")[0][0]
        self.settings = frozenset(row[0] for row in self._admin.table("SELECT name FROM system.settings"))
        self.folder = folder

    def session(self, database: str) -> EngineSession:
        """A new session; raises ServerError if there is no such database."""
        return EngineSession(self._location, database=database)

    def kill(self, thread: int) -> None:
        """Ask the query that runs on behalf of this thread to stop."""
        with self._admin_lock:
            self._admin.run(f"KILL QUERY WHERE has(thread_ids, {thread}) ASYNC")

    def query_id(self, thread: int) -> str | None:
        """The engine's id of the query that runs on behalf of this thread."""
        sql = f"SELECT query_id FROM system.processes WHERE has(thread_ids, {thread})"  # noqa: S608 -- a number
        with self._admin_lock:
            rows = self._admin.table(sql)
        return rows[0][0] if rows else None

    def close(self) -> None:
        with self._admin_lock:
            self._admin.close()


def quoted_name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def quoted_text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def set_statement(values: Mapping[str, str | None]) -> str:
    """A SET of all values at once (the engine takes all or none); nothing means the default."""
    changes = (f"{name} = {'DEFAULT' if value is None else quoted_text(value)}" for name, value in values.items())
    return f"SET {', '.join(changes)}"


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "status").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotServe(f"the data folder {folder} is in use by another process") from None
    except OSError as error:
        raise CannotServe(f"cannot use the data folder {folder}: {error.strerror}") from error
    if "?" in str(folder):
        raise CannotServe(f"the data folder {folder} has a question mark in its name, which the engine cannot open")


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except (ChdbError, RuntimeError) as error:
        raise _translated(str(error)) from error


def _translated(message: str) -> ServerError:
    match = _CODE.match(message)
    code = int(match[1]) if match and match[1] else STD_EXCEPTION
    return ServerError(code, _VERSION.sub("", message[match.end() if match else 0 :]))
