"""What the outbox asks PostgreSQL past Django's cursors is under Django's checks all the same."""

import threading
from uuid import uuid4

import pytest
from django.db import connections, transaction
from django.db.transaction import TransactionManagementError
from django.db.utils import DatabaseError

from outbox import query


@pytest.mark.django_db
def test_arrays_are_not_asked_for_within_a_transaction_that_is_broken():
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            query.arrays("read_batch", batch_id=uuid4())
        transaction.set_rollback(False)


@pytest.mark.django_db
def test_arrays_are_not_asked_for_on_another_threads_connection(monkeypatch):
    refused: list[str] = []

    def ask() -> None:
        monkeypatch.setattr(query, "connection", ours)
        try:
            query.arrays("read_batch", batch_id=uuid4())
        except DatabaseError as error:
            refused.append(str(error))

    ours = connections["default"]
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert "thread" in refused[0]
