"""Recording events: the one thing that application code does with the outbox."""

from collections import Counter
from collections.abc import Iterable
from functools import partial

from django.conf import settings
from django.db import connection, transaction

from events.envelope import Envelope, wrap
from events.event import Event
from kit.errors import DomainError
from kit.measure import count
from kit.span import span
from outbox import context
from outbox.sql import statement


class EventLogClient:
    """Records events in the caller's transaction: they are committed with the business change or not at all."""

    @classmethod
    def record(cls, event: Event, *, actor_id: object = None) -> None:
        """Write the event to the outbox.

        The actor, request id, trace, environment and time are added; `actor_id` names another actor than the
        request's. Raises NoTransaction, or the errors of `events.envelope` when the event cannot be stored.
        """
        _demand_transaction()
        with span("outbox.record", event_type=event.name):
            envelope = _wrap(event, actor_id=actor_id)
            with connection.cursor() as cursor:
                cursor.execute(statement("record"), envelope.row())
        _count_once_committed(event)

    @classmethod
    def record_many(cls, events: Iterable[Event], *, actor_id: object = None) -> None:
        """Write any number of events in one COPY. All are checked before the first is written."""
        _demand_transaction()
        events = list(events)
        with span("outbox.record") as recording:
            envelopes = [_wrap(event, actor_id=actor_id) for event in events]
            recording.set(events=len(envelopes))
            with connection.cursor() as cursor, cursor.copy(statement("record_many")) as copy:
                for envelope in envelopes:
                    copy.write_row(envelope.row())
        _count_once_committed(*events)

    @classmethod
    def record_alone(cls, event: Event, *, actor_id: object = None) -> None:
        """Record what did not happen in a transaction, such as a failed login, in one of its own.

        Raises RuntimeError inside a transaction: there `record` is right.
        """
        with transaction.atomic(durable=True):
            cls.record(event, actor_id=actor_id)


def _wrap(event: Event, *, actor_id: object) -> Envelope:
    return wrap(
        event,
        environment=settings.ENVIRONMENT,
        actor_id=context.actor_id.get() if actor_id is None else str(actor_id),
        request_id=context.request_id.get(),
        trace_context=context.trace_context.get(),
        max_bytes=settings.OUTBOX_MAX_EVENT_BYTES,
    )


def _count_once_committed(*events: Event) -> None:
    for event_type, number in Counter(type(event).name for event in events).items():
        transaction.on_commit(partial(count, "outbox.events_recorded", number, event_type=event_type))


def _demand_transaction() -> None:
    if not connection.in_atomic_block:
        raise NoTransaction


class NoTransaction(DomainError):
    """There is no open transaction for the event to be part of.

    Call `EventLogClient.record(event)` inside the `with transaction.atomic():` block that makes the business change.
    For an event that changes nothing else, such as a failed login, call `EventLogClient.record_alone(event)`.
    """
