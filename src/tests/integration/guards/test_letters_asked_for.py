"""Letters that people ask for: nobody's letter-box is filled, and nobody is kept from one."""

import pytest
from django.db import transaction

from tests.integration.guards.attempts import ELSEWHERE, HOME, bearer, register
from tests.integration.users.conftest import PASSWORD, contexts, post
from users.letters import desk
from users.models import Letter, User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("throttled", "low_rates")]

RESET, VERIFICATION = "/api/auth/password-reset/", "/api/auth/verify-email/"


def ask(api, path, *, origin=HOME, email="ada@example.com"):
    return post(api, path, {"email": email}, **{"X-Forwarded-For": origin}).status_code


def test_letters_of_one_kind_for_one_account_are_few_from_one_network(api, ada):
    assert [ask(api, RESET) for _ in range(6)] == [202] * 5 + [429]
    assert ask(api, VERIFICATION) == 202
    assert ask(api, RESET, origin=ELSEWHERE.format(1)) == 202


def test_strangers_cannot_keep_the_owner_from_a_letter(api, ada, letters):
    for number in range(3):
        assert [ask(api, path, origin=ELSEWHERE.format(number)) for path in (RESET, VERIFICATION) * 5] == [202] * 10
    assert ask(api, RESET) == 202
    assert sorted(letter.to[0] for letter in letters()) == ["Ada@example.com"] * 2


def test_a_letter_that_anybody_may_demand_is_sent_once_in_a_few_minutes(api, ada, letters, shared):
    sent = []
    for number in range(4):
        assert ask(api, RESET, origin=ELSEWHERE.format(number)) == 202
        sent += letters()
    assert len(sent) == 1
    assert len(contexts("user_password_reset_requested", user_id=ada.pk)) == 4
    shared.delete(*[key for key in shared.scan_iter() if b"letter" in key])
    ask(api, RESET)
    assert len(letters()) == 1


def test_a_letter_asked_for_too_early_takes_nothing_from_a_registration(api, letters, settings):
    settings.EMAIL_VERIFICATION_REQUIRED = True
    ask(api, VERIFICATION, email="eve@example.com")
    assert letters() == []
    assert register(api, "eve@example.com").status_code == 201
    assert [letter.to for letter in letters()] == [["eve@example.com"]]


def test_a_letter_box_is_not_filled_by_changes_to_its_address(api, letters):
    statuses = []
    for number in range(7):
        User.objects.create_user(f"p{number}@example.com", PASSWORD)
        body = {"email": "victim@example.com", "password": PASSWORD}
        statuses.append(post(api, "/api/users/me/email/", body, **bearer(api, f"p{number}@example.com")).status_code)
    assert statuses == [202] * 5 + [429] * 2
    assert len([letter for letter in letters() if letter.to == ["victim@example.com"]]) == 5


def test_a_letter_whose_transaction_failed_is_written_when_it_is_asked_for_again(api, ada, letters):
    with transaction.atomic():
        desk.write(Letter.Kind.RESET_PASSWORD, address=ada.email, on_demand=True)
        transaction.set_rollback(True)
    assert ask(api, RESET) == 202
    assert len(letters()) == 1
