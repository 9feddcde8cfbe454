"""Sending letters: take one, hand it to the mail server outside any transaction, settle.

A worker that dies between the last two leaves a letter that is sent again: twice is better than never.
"""

import random
import time
from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from kit.span import span
from outbox.client import EventLogClient
from users.events import LetterDropped, LetterGivenUp, LetterSent
from users.letters.content import compose, recipient
from users.models import Letter, User

log = structlog.get_logger(__name__)

# Long enough for a slow mail server; whoever takes a letter has it for so long.
_LEASE = timedelta(minutes=2)
# With the waits below, some nine hours.
ATTEMPTS = 20
_FIRST_WAIT, _LONGEST_WAIT = 10.0, 3600.0


def deliver_due(*, seconds: float) -> int:
    """Send what is due until nothing is or the time is up; returns how many letters were sent."""
    sent = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (letter := _take()) is not None:
        with span("letters.deliver", kind=letter.kind, attempt=letter.attempts):
            sent += _deliver(letter)
    return sent


def _take() -> Letter | None:
    """The letter that has been due longest, for a limited time: nobody else sends it meanwhile."""
    with transaction.atomic():
        waiting = Letter.objects.filter(given_up_at=None, due_at__lte=Now())
        letter = waiting.select_for_update(skip_locked=True).order_by("due_at").first()
        if letter is not None:
            letter.attempts += 1
            Letter.objects.filter(pk=letter.pk).update(attempts=letter.attempts, due_at=Now() + _LEASE)
        return letter


def _deliver(letter: Letter) -> bool:
    user = recipient(letter)
    if user is None:
        _drop(letter)
        return False
    try:
        compose(letter, user=user).send()
    except (SMTPException, OSError) as error:
        _try_again(letter, error, reason=str(error))
        return False
    except Exception as error:
        # A fault of ours. It must not stop the other letters, and an operator must see it.
        log.exception("letter_failed", letter_id=letter.pk, kind=letter.kind)
        _try_again(letter, error, reason="see the worker's log")
        return False
    _settle(letter, user=user)
    return True


def _settle(letter: Letter, *, user: User) -> None:
    with transaction.atomic():
        if _ours(letter).delete()[0]:
            EventLogClient.record(LetterSent(kind=letter.kind, user_id=user.pk))
    log.info("letter_sent", letter_id=letter.pk, kind=letter.kind, attempt=letter.attempts)


def _drop(letter: Letter) -> None:
    with transaction.atomic():
        if _ours(letter).delete()[0]:
            EventLogClient.record(LetterDropped(kind=letter.kind, user_id=letter.user_id))


def _try_again(letter: Letter, error: Exception, *, reason: str) -> None:
    """Have the letter sent later. The full reason stands in its row alone: it may quote addresses."""
    kind, reason = type(error).__name__, f"{type(error).__name__}: {reason}"
    if letter.attempts >= ATTEMPTS:
        _give_up(letter, reason=reason)
        log.error("letter_given_up", letter_id=letter.pk, kind=letter.kind, attempts=letter.attempts, error=kind)
        return
    ceiling = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (letter.attempts - 1))
    wait = random.uniform(ceiling / 2, ceiling)  # noqa: S311 -- spreads load, guards nothing
    _ours(letter).update(due_at=Now() + timedelta(seconds=wait), reason=reason)
    log.warning("letter_postponed", letter_id=letter.pk, attempt=letter.attempts, seconds=round(wait), error=kind)


def _give_up(letter: Letter, *, reason: str) -> None:
    with transaction.atomic():
        # Nobody keeps the address of a deleted account for the sake of its last letter.
        is_about_nobody = letter.user is not None and letter.user.deleted_at is not None
        ours = _ours(letter)
        if ours.delete()[0] if is_about_nobody else ours.update(given_up_at=Now(), reason=reason):
            EventLogClient.record(LetterGivenUp(kind=letter.kind, user_id=letter.user_id, attempts=letter.attempts))


def _ours(letter: Letter) -> QuerySet[Letter]:
    """The letter, unless it has passed to somebody else, who counts one attempt more."""
    return Letter.objects.filter(pk=letter.pk, attempts=letter.attempts)
