"""The event store in use, and what reads it, are dotted paths, as Django names its caches; options are arguments."""

from typing import Any

from core.settings.environment import addresses, flag, secret, text, whole

_PORT = whole("CLICKHOUSE_PORT", default=9000, least=1, most=65535, purpose="ClickHouse's native port (9440 with TLS)")
(_HOST, _ITS_PORT), *_STANDBYS = addresses(
    "CLICKHOUSE_HOST",
    port=_PORT,
    purpose="host of ClickHouse; several of one cluster by commas, each with :port if it has another",
)

_CLICKHOUSE: dict[str, Any] = {
    "host": _HOST,
    "port": _ITS_PORT,
    "standbys": _STANDBYS,
    "user": text("CLICKHOUSE_USER", default="default", purpose="user that writes event_log"),
    "password": secret("CLICKHOUSE_PASSWORD", default="", purpose="that user's password"),
    "database": text("CLICKHOUSE_DATABASE", default="die_hard", purpose="database that holds event_log"),
    "secure": flag("CLICKHOUSE_SECURE", default=False, purpose="speak TLS to ClickHouse"),
    "cluster": text(
        "CLICKHOUSE_CLUSTER", default="", purpose="cluster name for replicated, distributed tables; empty: one node"
    ),
}
EVENT_STORE: dict[str, Any] = {
    "BACKEND": "events.stores.clickhouse.ClickHouseEventStore",
    "OPTIONS": {
        **_CLICKHOUSE,
        "retention_days": whole(
            "CLICKHOUSE_RETENTION_DAYS",
            default=0,
            most=36500,
            purpose="days after which ClickHouse drops an event, set by migrate_event_store; 0 sets none: for ever",
        ),
    },
}
# For the web server, which reads events back.
EVENT_READER: dict[str, Any] = {
    "BACKEND": "events.stores.clickhouse.ClickHouseEventReader",
    "OPTIONS": _CLICKHOUSE,
}
