"""The ids clients give their queries: the engine makes ids of its own, so KILL QUERY finds these here."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from devstack.clickhouse.engine import quoted_text
from devstack.clickhouse.errors import ServerError
from devstack.clickhouse.lexer import tokens

QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: Final = 216


class QueryIds:
    """The ids of the queries that run now; `engine_id` finds the engine's id of what a thread is running."""

    def __init__(self, engine_id: Callable[[int], str | None]) -> None:
        self._engine_id = engine_id
        self._threads: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def running(self, query_id: str) -> Iterator[None]:
        """Know the calling thread's query by this id; raises ServerError if another one has it."""
        if not query_id:
            yield
            return
        with self._lock:
            if query_id in self._threads:
                message = f"DB::Exception: Query with id = {query_id} is already running."
                raise ServerError(QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, message)
            self._threads[query_id] = threading.get_native_id()
        try:
            yield
        finally:
            with self._lock:
                del self._threads[query_id]

    def in_engines_words(self, sql: str) -> str:
        """A KILL QUERY with the engine's ids in place of the clients'."""
        with self._lock:
            threads = dict(self._threads)
        for token in reversed([token for token in tokens(sql) if token.kind == "string"]):
            thread = threads.get(sql[token.start + 1 : token.end - 1])
            if thread and (engine_id := self._engine_id(thread)):
                sql = sql[: token.start] + quoted_text(engine_id) + sql[token.end :]
        return sql
