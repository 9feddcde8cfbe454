"""What is kept of an answer, for how long, and by whom only."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from guards import answers, idempotency
from guards.models import KeptAnswer
from guards.tasks import prune
from tests.integration.guards.test_idempotency import KEY, claimed_by_somebody_else, register
from tests.integration.users.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_many_who_find_an_expired_claim_one_has_it():
    claimed_by_somebody_else(claimed_until=timezone.now() - timedelta(seconds=1))
    (found,) = KeptAnswer.objects.all()
    start = threading.Barrier(8)

    def attempt(_: int):
        start.wait()
        try:
            return answers.claim(digest=found.digest, fingerprint=found.fingerprint)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as clients:
        assert sum(claim is not None for claim in clients.map(attempt, range(8))) == 1


def test_nothing_that_is_kept_tells_the_key_or_the_password(api):
    register(api)
    with connection.cursor() as cursor:
        cursor.execute("SELECT kept::text FROM guards_kept_answer AS kept")
        ((row,),) = cursor.fetchall()
    assert KEY not in row
    assert PASSWORD not in row
    assert "Ada 😀" in json.loads(KeptAnswer.objects.get().body)["first_name"]


def test_an_answer_without_a_body_comes_again_without_one():
    response = idempotency._again(KeptAnswer(status=204, headers={"Location": "/x/"}, body=""))
    assert (response.status_code, response.content, response.headers["Location"]) == (204, b"", "/x/")
    assert "Content-Type" not in response.headers


def test_answers_are_forgotten_after_their_time(api, settings):
    register(api)
    prune()
    assert KeptAnswer.objects.count() == 1
    KeptAnswer.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert register(api).status_code == 409  # expired, though it has not been pruned yet
    assert not KeptAnswer.objects.exists()


def test_pruning_goes_in_steps_and_takes_what_has_expired_only(monkeypatch):
    monkeypatch.setattr(answers, "_PRUNED_AT_ONCE", 2)
    now = timezone.now()
    for number in range(7):
        KeptAnswer.objects.create(
            digest=str(number), fingerprint="", claim=uuid4(), claimed_until=now,
            expires_at=now + timedelta(hours=1 if number < 2 else -1),
        )  # fmt: skip
    assert answers.prune() == 5
    assert KeptAnswer.objects.count() == 2


def test_keeping_outside_a_transaction_is_refused_with_what_to_do():
    with pytest.raises(answers.AnswerOutsideTransaction, match=r"transaction\.atomic"):
        answers.keep(digest="", claim=uuid4(), status=201, headers={}, body="")


def test_a_use_case_that_does_not_keep_its_answer_is_found_out(api):
    forgetful = patch("users.use_cases.register_user.idempotency.keep", lambda _: None)
    with forgetful, pytest.raises(idempotency.AnswerNotKept, match=r"idempotency\.keep"):
        register(api)
    assert not KeptAnswer.objects.exists()


def test_outside_a_request_a_use_case_keeps_nothing():
    with transaction.atomic():
        idempotency.keep("anything")
    assert not KeptAnswer.objects.exists()
