"""A store that does not answer, or not all that was asked: what readers are told, and that others do not notice."""

from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from events.reading import TooMuchToRead
from events.store import StoreMisconfigured, StoreUnavailable
from events.stores.memory import MemoryEventReader, MemoryEventStore
from tests.integration.event_log.conftest import found
from tests.integration.users.conftest import contexts

pytestmark = pytest.mark.django_db(transaction=True)


class Failing:
    """A reader that has nothing but this to say."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def page(self, *_, **__):
        raise self.error

    async def event(self, *_):
        raise self.error

    async def close(self):
        pass


@pytest.mark.parametrize("error", [StoreUnavailable, StoreMisconfigured])
def test_while_the_store_is_away_the_answer_says_when_to_try_again_and_not_where_it_is(
    api, auditor, reader_in_use, error, caplog
):
    reader_in_use(Failing(error(reason="clickhouse-7.internal:9000 is gone", code=210)))
    for path in ("/api/events/", f"/api/events/{uuid4()}/"):
        caplog.clear()
        response = api.get(path, headers=auditor)
        assert (response.status_code, response.json()["type"]) == (503, "urn:problem:event-log-unavailable")
        assert response.headers["Retry-After"] == "5"
        assert "clickhouse-7" not in response.content.decode()
        said = [record for record in caplog.records if record.name == "event_log.reading"]
        assert [record.levelname for record in said] == ["WARNING"]
    assert api.get("/api/users/me/", headers=auditor).status_code == 200
    assert contexts("events_read") == []


def test_a_question_that_is_too_broad_is_told_how_to_be_narrower(api, auditor, reader_in_use):
    reader_in_use(Failing(TooMuchToRead()))
    response = api.get("/api/events/", headers=auditor)
    assert (response.status_code, response.json()["type"]) == (422, "urn:problem:too-much-to-read")
    assert "narrow the time" in response.json()["detail"]


def test_while_the_store_is_waited_for_no_connection_to_the_database_is_held(api, auditor, reader_in_use, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # as with a pool
    connection.close()
    held = []

    class Slow(MemoryEventReader):
        async def page(self, wanted, *, after, limit):
            held.append(await sync_to_async(lambda: connection.connection)())
            return await super().page(wanted, after=after, limit=limit)

    reader_in_use(Slow(MemoryEventStore()))
    assert found(api, auditor) == []
    assert held == [None]
