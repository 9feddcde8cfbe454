"""PostgreSQL. The web server keeps a pool; Celery and commands keep one connection a process."""

from typing import Any

from core.settings.environment import database, secret, text, whole

_POOL_SIZE = whole(
    "DATABASE_POOL_SIZE",
    default=0,
    purpose="connections in the pool of a process of the web server, which sets 8 by itself; 0: no pool",
)

_POOLED_BY_TRANSACTION = (
    text(
        "DATABASE_POOLER",
        default="none",
        one_of=("none", "transaction"),
        purpose="transaction: PgBouncer or the like in transaction mode is in between, see docs/scaling.md",
    )
    == "transaction"
)
# A request waits no longer than this behind somebody's lock; then it is a 503 and not a hanging client. A pooler takes
# no such option with a connection: there the role has it (ALTER ROLE … SET lock_timeout).
_LOCK_TIMEOUT: dict[str, Any] = {} if _POOLED_BY_TRANSACTION else {"options": "-c lock_timeout=5s"}

# ASGI forbids persistent connections (each request may meet another thread), so there it is the pool or nothing. Our
# backend gets over a restart of the server: it looks at a pooled connection before its first use, so Django need not.
_KEPT: dict[str, Any] = (
    {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            "connect_timeout": 5,
            **_LOCK_TIMEOUT,
            "pool": {
                "min_size": min(2, _POOL_SIZE),
                "max_size": _POOL_SIZE,
                "timeout": 2,
                "reconnect_timeout": 5,
            },
        },
    }
    if _POOL_SIZE
    else {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": {"connect_timeout": 5}}
)

_ASKED_FOR = database(
    "DATABASE_URL",
    schemes=("postgres", "postgresql"),
    purpose="the business database, e.g. postgres://user:password@host:5432/name",
    password=secret("DATABASE_PASSWORD", default="", purpose="that user's password, if DATABASE_URL holds none"),
)

# What stands behind the ? of the URL is for libpq, such as sslmode=verify-full.
DATABASES = {
    "default": {
        **_ASKED_FOR,
        "ENGINE": "core.postgresql",
        **_KEPT,
        "OPTIONS": {**_KEPT["OPTIONS"], **_ASKED_FOR.get("OPTIONS", {})},
        # A cursor that outlives its transaction would be on a connection that somebody else has by then.
        "DISABLE_SERVER_SIDE_CURSORS": _POOLED_BY_TRANSACTION,
    }
}
