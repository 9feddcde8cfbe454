"""How long events are kept: a TTL on the table, if a number of days is set."""

import re

from events.stores.clickhouse.connection import DrainingConnection
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.sql import statement

# Only a TTL of this form is ours to change; one made by hand (onto a cold volume, say) is left alone.
_OURS = re.compile(r" TTL event_date_time \+ toIntervalDay\((\d+)\)(?: SETTINGS| COMMENT|$)")


async def keep_for(days: int | None, *, connection: DrainingConnection, layout: Layout) -> None:
    """Keep events for this many days, or for ever. Does nothing when that is so already."""
    names = layout.values()
    present = _OURS.search(await _definition(connection, layout=layout))
    if days and (present is None or int(present[1]) != days):
        await connection.execute(statement("set_retention", days=str(days), **names))
    if not days and present is not None:
        await connection.execute(statement("end_retention", **names))


async def _definition(connection: DrainingConnection, *, layout: Layout) -> str:
    tables = await connection.execute(statement("tables", **layout.values()))
    return next((engine_full for name, _, engine_full in tables if name == layout.local_table), "")
