"""How long events are kept: a TTL on the table, if a number of days is set."""

import re

from events.stores.clickhouse.connection import DrainingConnection
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.sql import statement

_OURS = re.compile(r" TTL event_date_time \+ toIntervalDay\((\d+)\)(?: SETTINGS| COMMENT|$)")


async def keep_for(days: int, *, connection: DrainingConnection, layout: Layout) -> None:
    """Keep events for this many days; 0 changes nothing. Does nothing either when that is so already.

    0 does not end a retention: nobody can tell a TTL set here from one made by hand. `ALTER TABLE … REMOVE TTL` does.
    """
    if not days:
        return
    present = _OURS.search(await _definition(connection, layout=layout))
    if present is None or int(present[1]) != days:
        # Left to itself, the first waits until every part has been looked through: hours, if there are many.
        await connection.execute(
            statement("set_retention", days=str(days), **layout.values()),
            settings={"materialize_ttl_after_modify": "0"},
        )
        await connection.execute(statement("apply_retention", **layout.values()), settings={"mutations_sync": "0"})


async def _definition(connection: DrainingConnection, *, layout: Layout) -> str:
    tables = await connection.execute(statement("tables", **layout.values()))
    return next((engine_full for name, _, engine_full in tables if name == layout.local_table), "")
