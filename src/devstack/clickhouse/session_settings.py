"""The settings that come with a query.

They are SET on the session, not written into the statement: that works for every statement alike, a SETTINGS clause of
the statement still wins as it does on a server, and no SQL has to be rewritten. To keep it cheap the session is brought
back lazily: the next query's settings are compared with what is set, so a client that sends the same ones with each
query costs nothing, and one that sends a new token each time costs one SET (0.1 ms).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from devstack.clickhouse.engine import SESSION_DEFAULTS, EngineSession, quoted_text, set_statement
from devstack.clickhouse.errors import UNKNOWN_SETTING, ServerError

IMPORTANT: Final = 1
# Another engine sends them along, and the engine refuses to SET them.
NOT_FOR_A_SESSION: Final = frozenset({"run_query_in_background"})


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str
    flags: int


class SessionSettings:
    """What is set on a session on behalf of its last query, and how to undo it."""

    def __init__(self, session: EngineSession, *, known: frozenset[str]) -> None:
        self._session = session
        self._known = known
        self._set: dict[str, str] = {}
        self._before: dict[str, str | None] = {}
        self._session_has_own = False

    @contextmanager
    def applied(self, settings: Iterable[Setting]) -> Iterator[None]:
        """Run a statement under these settings; raises ServerError if one is refused."""
        self._apply(settings)
        try:
            yield
        finally:
            if self._set.get("readonly", "0") not in {"0", ""}:
                # Nothing can be set back in a session that was made read-only, so it begins anew.
                self._session.reopen()
                self._set.clear()

    def run_set(self, sql: str) -> None:
        """Run a SET statement: from now on the session has values of its own to go back to."""
        self._apply(())
        self._session.run(sql)
        self._session_has_own = True

    def _apply(self, settings: Iterable[Setting]) -> None:
        """Make exactly these settings hold on top of the session's own."""
        wanted = {setting.name: setting.value for setting in settings if self._is_known(setting)}
        changes: dict[str, str | None] = {name: self._before[name] for name in self._set if name not in wanted}
        for name, value in wanted.items():
            if self._set.get(name) == value:
                continue
            if name not in self._set:
                self._before[name] = self._own_value(name)
            changes[name] = value
        if changes:
            self._session.run(set_statement(changes))
        self._set = wanted

    def _is_known(self, setting: Setting) -> bool:
        if setting.name in NOT_FOR_A_SESSION:
            return False
        if setting.name in self._known:
            return True
        if setting.flags & IMPORTANT:
            raise ServerError(UNKNOWN_SETTING, f"DB::Exception: Unknown setting '{setting.name}'")
        return False

    def _own_value(self, name: str) -> str | None:
        if not self._session_has_own:
            return SESSION_DEFAULTS.get(name)
        sql = f"SELECT value FROM system.settings WHERE name = {quoted_text(name)} AND changed"  # noqa: S608 -- quoted
        rows = self._session.table(sql)
        return rows[0][0] if rows else None
