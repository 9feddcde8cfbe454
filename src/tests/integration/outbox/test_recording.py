import pytest
from django.db import IntegrityError, connection, transaction

from events.envelope import EventTooLarge
from outbox import context
from outbox.client import EventLogClient, NoTransaction
from outbox.models import OutboxEvent
from tests.integration.outbox.conftest import Noticed, record


def record_and_fail(number: int) -> None:
    EventLogClient.record(Noticed(number=number))
    raise IntegrityError


def test_an_event_cannot_be_recorded_outside_a_transaction():
    with pytest.raises(NoTransaction, match=r"with transaction\.atomic\(\):"):
        EventLogClient.record(Noticed(number=1))
    with pytest.raises(NoTransaction):
        EventLogClient.record_many([Noticed(number=1)])
    assert not OutboxEvent.objects.exists()


def test_an_event_is_committed_with_the_business_change():
    with transaction.atomic():
        EventLogClient.record(Noticed(number=7, text="héllo 🎉"))

    event = OutboxEvent.objects.get()
    assert event.event_type == "test_noticed"
    assert event.metadata_version == 1
    assert event.context == '{"number":7,"text":"héllo 🎉"}'


def test_an_event_vanishes_with_the_business_change():
    with pytest.raises(IntegrityError), transaction.atomic():
        record_and_fail(1)
    assert not OutboxEvent.objects.exists()


def test_an_event_vanishes_with_its_savepoint_alone():
    with transaction.atomic():
        EventLogClient.record(Noticed(number=1))
        with pytest.raises(IntegrityError), transaction.atomic():
            record_and_fail(2)
    assert OutboxEvent.objects.get().context == '{"number":1,"text":""}'


def test_recording_is_one_statement(django_assert_num_queries):
    with transaction.atomic(), django_assert_num_queries(1):
        EventLogClient.record(Noticed(number=1))


def test_an_event_takes_along_who_acts_in_which_request_and_trace(settings):
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    tokens = [
        (context.actor_id, context.actor_id.set("42")),
        (context.request_id, context.request_id.set("req-1")),
        (context.trace_context, context.trace_context.set(traceparent)),
    ]
    settings.ENVIRONMENT = "staging"
    with transaction.atomic():
        EventLogClient.record(Noticed(number=1))
        EventLogClient.record(Noticed(number=2), actor_id=43)
    for variable, token in tokens:
        variable.reset(token)

    first, second = OutboxEvent.objects.all()
    assert (first.actor_id, first.request_id, first.environment) == ("42", "req-1", "staging")
    assert first.trace_context == traceparent
    assert second.actor_id == "43"


def test_many_events_are_recorded_in_order():
    record(*range(5_000))
    assert OutboxEvent.objects.count() == 5_000
    numbers = [event.context for event in OutboxEvent.objects.all()[:3]]
    assert numbers == [f'{{"number":{n},"text":""}}' for n in range(3)]
    event_ids = list(OutboxEvent.objects.values_list("event_id", flat=True))
    assert event_ids == sorted(event_ids)


def test_nothing_is_written_when_one_of_many_cannot_be_stored(settings):
    settings.OUTBOX_MAX_EVENT_BYTES = 100
    with transaction.atomic():
        with pytest.raises(EventTooLarge):
            EventLogClient.record_many([Noticed(number=1), Noticed(number=2, text="x" * 200)])
        assert not OutboxEvent.objects.exists()


def test_an_event_that_belongs_to_no_change_is_recorded_alone():
    EventLogClient.record_alone(Noticed(number=1))
    assert OutboxEvent.objects.count() == 1


def test_recording_alone_inside_a_transaction_is_an_error():
    with transaction.atomic(), pytest.raises(RuntimeError):
        EventLogClient.record_alone(Noticed(number=1))


def test_every_slot_of_the_ring_takes_events():
    with connection.cursor() as cursor:
        for slot in range(8):
            cursor.execute(
                "INSERT INTO outbox_event (slot, event_id, event_type, occurred_at, environment, context,"
                " metadata_version, actor_id, request_id, trace_context)"
                " VALUES (%s, gen_random_uuid(), 'e', now(), 't', '{}', 1, '', '', '')",
                [slot],
            )
    assert sorted(OutboxEvent.objects.values_list("slot", flat=True)) == list(range(8))
