"""Events in ClickHouse. Nothing outside of this package knows asynch."""

from events.stores.clickhouse.reader import ClickHouseEventReader
from events.stores.clickhouse.store import ClickHouseEventStore

__all__ = ["ClickHouseEventReader", "ClickHouseEventStore"]
