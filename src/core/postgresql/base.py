"""Django's PostgreSQL backend, whose migrations give way, and whose pooled connections are checked here.

After a restart of the server every pooled connection is dead. The pool would find out one a second and time out; asked
to look at all of them at once, it has new ones within milliseconds, and no request notices.
"""

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

from core.postgresql.schema import SchemaEditor


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = SchemaEditor

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """A connection that answered just now; raises OperationalError when the server is gone."""
        connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
        if self.pool is not None and not _answers(connection):
            self.pool.putconn(connection)
            self.pool.check()
            connection = super().get_new_connection(conn_params)
        return connection


def _answers(connection: psycopg.Connection[Any]) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.OperationalError:
        return False
    return True
