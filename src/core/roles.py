"""What PostgreSQL's roles may do: the application's works with the tables and cannot change them, the reader's looks.

The owner of the tables, who migrates, grants it, after every migration: docs/operations.md says how to make the roles.
"""

from django.db import connection, transaction
from psycopg import sql

_SLOTS = ", ".join(f"outbox_event_slot_{slot}" for slot in range(8))

# Tables of migrations that are still to come have the same rights from the start.
_APPLICATION = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {role}",
    # Which migrations were applied is the owner's to say.
    "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
    # Events are written once. Re-basing locks the whole log (MAINTAIN), which takes no right to its rows.
    "REVOKE UPDATE, DELETE ON outbox_event FROM {role}",
    "GRANT MAINTAIN ON outbox_event TO {role}",
    # Rows go in by way of the log. A slot is truncated as a whole, after `rotation` has looked at the ledger.
    f"REVOKE INSERT, UPDATE, DELETE ON {_SLOTS} FROM {{role}}",
    f"GRANT SELECT, TRUNCATE ON {_SLOTS} TO {{role}}",
    # One row each, which is changed and neither added nor removed.
    "REVOKE INSERT, DELETE ON outbox_cursor, outbox_reconciliation FROM {role}",
)
# The proof and what it is about; no accounts, digests of passwords or sessions.
_READER = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT ON outbox_event, outbox_batch, outbox_quarantine, outbox_cursor, outbox_reconciliation TO {role}",
    "GRANT SELECT ON django_migrations TO {role}",
)


def grant(*, application: str = "", reader: str = "") -> None:
    """Give the roles that are named what they need, and take from the application's what it must not have."""
    with transaction.atomic(), connection.cursor() as cursor:
        for role, statements in ((application, _APPLICATION), (reader, _READER)):
            for statement in statements if role else ():
                cursor.execute(sql.SQL(statement).format(role=sql.Identifier(role)))
