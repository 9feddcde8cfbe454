"""What PostgreSQL's roles may do, table by table; with a table that is not named here they may do nothing.

The owner of the tables, who migrates, grants it, after every migration: docs/operations.md says how to make the roles,
and what somebody can do who has the application's password.
"""

from collections.abc import Iterable, Iterator, Mapping

from django.db import connection, transaction
from psycopg import sql

_ITS_OWN = "SELECT, INSERT, UPDATE, DELETE"

# The application's: a table has a line here before it has rows, for a new one may be a log that nobody is to change.
APPLICATION: Mapping[str, str] = {
    "users_user": _ITS_OWN,
    "users_user_groups": _ITS_OWN,
    "users_user_user_permissions": _ITS_OWN,
    "users_letter": _ITS_OWN,
    "knox_authtoken": _ITS_OWN,
    "guards_kept_answer": _ITS_OWN,
    "auth_group": _ITS_OWN,
    "auth_group_permissions": _ITS_OWN,
    "django_session": _ITS_OWN,
    "django_admin_log": _ITS_OWN,
    # Which migrations were applied, and what they have brought, is the owner's to say.
    "django_migrations": "SELECT",
    "django_content_type": "SELECT",
    "auth_permission": "SELECT",
    # Events are written once. Re-basing locks the whole log (MAINTAIN), which takes no right to its rows, and moves its
    # sequence on.
    "outbox_event": "SELECT, INSERT, MAINTAIN",
    "outbox_event_id_seq": "SELECT, UPDATE",
    # Rows go in by way of the log. A slot is truncated as a whole, after `rotation` has looked at the ledger.
    "partition of outbox_event": "SELECT, TRUNCATE",
    # Neither what a batch consists of nor the copy of a refused event is changed in place. That stops no thief of the
    # password: a batch may be pruned, and another one entered.
    "outbox_batch": "SELECT, INSERT, DELETE, "
    "UPDATE (state, owner, fence, attempts, due_at, replays, reason, delivered_at, checksum)",
    "outbox_quarantine": "SELECT, INSERT, UPDATE (quarantined_at)",
    # One row each, which is changed and neither added nor removed.
    "outbox_cursor": "SELECT, UPDATE",
    "outbox_reconciliation": "SELECT, UPDATE",
}
# The proof and what it is about; no accounts, digests of passwords or sessions.
READER: Mapping[str, str] = dict.fromkeys(
    (
        "outbox_event",
        "outbox_batch",
        "outbox_quarantine",
        "outbox_cursor",
        "outbox_reconciliation",
        "django_migrations",
    ),
    "SELECT",
)

_OF_THE_SCHEMA = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    # Earlier releases gave rights to tables that were still to come.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {role}",
)
# Tables, views and sequences that are the owner's to give; what an extension has brought is not.
_RELATIONS = """
    SELECT relation.relname, coalesce('partition of ' || parent.relname, relation.relname), relation.relkind = 'S'
    FROM pg_class AS relation
    LEFT JOIN pg_inherits ON inhrelid = relation.oid
    LEFT JOIN pg_class AS parent ON parent.oid = inhparent
    WHERE relation.relnamespace = 'public'::regnamespace
        AND relation.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND pg_has_role(relation.relowner, 'USAGE')
        AND NOT EXISTS (
            SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = relation.oid AND deptype = 'e'
        )
    ORDER BY relation.relname
"""


def grant(*, application: str = "", reader: str = "") -> list[str]:
    """Give the roles that are named what they need and take all else; returns the tables that nothing is said of."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_RELATIONS)
        relations = cursor.fetchall()
        for role, rights in ((application, APPLICATION), (reader, READER)):
            for statement in _statements(relations, role=role, rights=rights) if role else ():
                cursor.execute(statement)
    return [name for name, known_as, is_sequence in relations if known_as not in APPLICATION and not is_sequence]


def _statements(
    relations: Iterable[tuple[str, str, bool]], *, role: str, rights: Mapping[str, str]
) -> Iterator[sql.Composed]:
    grantee = sql.Identifier(role)
    for statement in _OF_THE_SCHEMA:
        yield sql.SQL(statement).format(role=grantee)
    for name, known_as, _ in relations:
        table = sql.Identifier("public", name)
        yield sql.SQL("REVOKE ALL ON {} FROM {}").format(table, grantee)
        if given := rights.get(known_as):
            yield sql.SQL(f"GRANT {given} ON {{}} TO {{}}").format(table, grantee)
