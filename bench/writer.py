"""Commits events at a steady rate, each in a transaction of its own: `python -m bench.writer RATE SECONDS FILE`.

It does what `EventLogClient.record` has PostgreSQL do, without Django, so that it takes little of the machine from what
is measured. The file has a line for each: the event's id, and when its commit was answered.
"""

import sys
import time
from pathlib import Path
from uuid import uuid4

from bench.processes import SOURCE


def main(rate: float, seconds: float, file: str) -> None:
    import os

    import psycopg

    record = (SOURCE / "outbox" / "sql" / "record.sql").read_text()
    committed = []
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        started = time.monotonic()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
            event_id = uuid4()
            session.execute(record, _row(event_id, number), prepare=True)
            committed.append(f"{event_id} {time.monotonic()}")
    Path(file).write_text("\n".join(committed))


def _row(event_id: object, number: int) -> tuple[object, ...]:
    from datetime import UTC, datetime

    context = f'{{"number":{number},"text":"{"noticed " * 30}"}}'
    return (event_id, "bench_noticed", datetime.now(UTC), "bench", context, 1, "42", str(event_id), "")


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
