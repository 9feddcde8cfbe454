"""How the tables are laid out: one on a single node, a Distributed one over replicated ones on a cluster."""

from dataclasses import dataclass
from typing import Final

from events.stores.clickhouse.sql import identifier, literal

# event_log as analysts know it and as the codecs need it.
COLUMNS: Final = {
    "event_type": "LowCardinality(String)",
    "event_date_time": "DateTime64(6, 'UTC')",
    "environment": "LowCardinality(String)",
    "event_context": "String",
    "metadata_version": "UInt16",
    "event_id": "UUID",
    "actor_id": "String",
    "request_id": "String",
    "trace_id": "String",
    "span_id": "String",
    "batch_id": "UUID",
    "inserted_at": "DateTime64(6, 'UTC')",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The names that the SQL files leave open. `cluster` is empty on a single node."""

    database: str
    cluster: str

    @property
    def local_table(self) -> str:
        """The table that holds the rows."""
        return "event_log_local" if self.cluster else "event_log"

    def values(self) -> dict[str, str]:
        """What the placeholders of migrations and statements stand for, quoted."""
        database = identifier(self.database)
        return {
            "database": database,
            "database_name": literal(self.database),
            "cluster": identifier(self.cluster),
            "cluster_name": literal(self.cluster),
            "on_cluster": f"ON CLUSTER {identifier(self.cluster)}" if self.cluster else "",
            "table": f"{database}.event_log",
            "local_table": f"{database}.{self.local_table}",
            "migrations_table": f"{database}.event_log_migrations",
            "replacing_engine": self._engine("ReplacingMergeTree", shard="{shard}", replica="{replica}"),
            # One list for the whole cluster: every node is a replica of it, whatever its shard.
            "migrations_engine": self._engine("MergeTree", shard="all", replica="{shard}-{replica}"),
        }

    def _engine(self, engine: str, *, shard: str, replica: str) -> str:
        if not self.cluster:
            return engine
        table = "event_log_migrations" if shard == "all" else self.local_table
        # An explicit path, so that a node which joins later replicates the same table.
        path = f"/clickhouse/tables/{shard}/{self.database}/{table}"
        return f"Replicated{engine}({literal(path)}, {literal(replica)})"
