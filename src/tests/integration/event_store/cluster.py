"""A cluster of embedded engines: a front that distributes, and nodes behind it, which do not replicate each other.

There is no Keeper here, so what one node takes the others of its shard never get: replicas that lag behind for ever.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import Any

from events.stores.clickhouse import migrator
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.sql import statement, without_purpose
from tests.integration.devstack_clickhouse.conftest import PASSWORD, RunningServer, end, start
from tests.ports import free_ports

# What needs Keeper, and what stands for it here.
WITHOUT_KEEPER = {"on_cluster": "", "replacing_engine": "ReplacingMergeTree", "migrations_engine": "MergeTree"}
# The shards of each cluster, and the nodes in them. The names of nodes and shards are the servers' own macros.
CLUSTERS = {"trio": {"01": ["b", "c", "d"]}, "shards": {"01": ["b"], "02": ["a"]}}
SHARD_OF = {"a": "02", "b": "01", "c": "01", "d": "01"}
FRONT = "a"


class Cluster:
    """The nodes by name; each database lies on the cluster of its name."""

    def __init__(self, *, folder: Path) -> None:
        self._folder = folder
        self._ports = free_ports(SHARD_OF)
        self.nodes: dict[str, RunningServer] = {}
        for name in SHARD_OF:
            self.start(name)
        for cluster, shards in CLUSTERS.items():
            self._lay_out(cluster, nodes=[FRONT, *(node for nodes in shards.values() for node in nodes)])

    def start(self, name: str) -> None:
        config = self._folder / f"{name}.xml"
        config.write_text(self._config(name))
        self.nodes[name] = start(self._folder / name, port=self._ports[name], config=config)

    def stop(self, name: str) -> None:
        self.nodes[name].stop()
        end(self.nodes[name])

    def execute(self, name: str, sql: str, data: Any = None) -> Any:
        client = self.nodes[name].client()
        try:
            return client.execute(sql, data)
        finally:
            client.disconnect()

    def rows(self, name: str, database: str) -> int:
        """How many rows the node has itself."""
        found: int = self.execute(name, f"SELECT count() FROM {database}.event_log_local")[0][0]
        return found

    def options(self, cluster: str) -> dict[str, Any]:
        """A store's, at the front."""
        account = {"user": "default", "password": PASSWORD, "database": cluster, "cluster": cluster}
        return {"host": "127.0.0.1", "port": self._ports[FRONT], **account}

    def close(self) -> None:
        for node in self.nodes.values():
            end(node)

    def _lay_out(self, cluster: str, *, nodes: list[str]) -> None:
        names = Layout(database=cluster, cluster=cluster).values() | WITHOUT_KEEPER
        local, front = migrator.migrations(cluster=True)
        for node in dict.fromkeys(nodes):
            for sql in (statement("create_database", **names), _filled(local.text, names)):
                self.execute(node, sql)
        self.execute(FRONT, statement("create_migrations", **names))
        self.execute(FRONT, _filled(front.text, names))
        notes = [(migration.name, migration.checksum) for migration in (local, front)]
        self.execute(FRONT, statement("note_migration", **names), notes)

    def _config(self, name: str) -> str:
        clusters = "".join(
            f"<{cluster}>{''.join(self._shard(nodes) for nodes in shards.values())}</{cluster}>"
            for cluster, shards in CLUSTERS.items()
        )
        macros = f"<shard>{SHARD_OF[name]}</shard><replica>{name}</replica>"
        return f"<clickhouse><remote_servers>{clusters}</remote_servers><macros>{macros}</macros></clickhouse>"

    def _shard(self, nodes: list[str]) -> str:
        account = f"<user>default</user><password>{PASSWORD}</password>"
        replicas = "".join(
            f"<replica><host>127.0.0.1</host><port>{self._ports[node]}</port>{account}</replica>" for node in nodes
        )
        return f"<shard><internal_replication>true</internal_replication>{replicas}</shard>"


def _filled(text: str, names: Mapping[str, str]) -> str:
    return Template(without_purpose(text)).substitute(names)


@contextmanager
def cluster_of_engines(folder: Path) -> Iterator[Cluster]:
    running = Cluster(folder=folder)
    try:
        yield running
    finally:
        running.close()
