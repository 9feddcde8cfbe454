"""Kept answers in the database: claim a key, keep the answer under the claim, let go of it, forget what has expired.

A claim is a lease with a fence: whoever was too slow and has lost it cannot keep an answer, and so cannot commit.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import close_old_connections, transaction
from django.utils import timezone

from guards.models import KeptAnswer
from kit.errors import DomainError

log = structlog.get_logger(__name__)

# No request takes longer: the waits for a hash, a connection and a lock are bounded. If one does, the fence holds.
_CLAIM_SECONDS = 30
_PRUNED_AT_ONCE = 1000


def claim(*, digest: str, fingerprint: str) -> UUID | KeptAnswer | None:
    """The claim to the key, or the answer that is kept under it, or None while somebody else works on it.

    Raises KeyReused.
    """
    own = uuid4()
    ours = _claimed_by(own, fingerprint=fingerprint)
    KeptAnswer.objects.bulk_create([KeptAnswer(digest=digest, **ours)], ignore_conflicts=True)
    found = KeptAnswer.objects.filter(digest=digest).first()
    if found is None:
        return None  # it was let go of between the two: look again
    if found.claim == own or (_is_free(found) and _take_over(found, ours)):
        return own
    close_old_connections()  # whoever waits now should hold none
    if found.fingerprint != fingerprint:
        raise KeyReused
    return found if found.status else None


def keep(*, digest: str, claim: UUID, status: int, headers: Mapping[str, str], body: str) -> None:
    """Keep the answer in the caller's transaction. Raises AnswerOutsideTransaction, ClaimLost."""
    if not transaction.get_connection().in_atomic_block:
        raise AnswerOutsideTransaction
    mine = KeptAnswer.objects.filter(digest=digest, claim=claim, status=None)
    if not mine.update(status=status, headers=dict(headers), body=body):
        raise ClaimLost(retry_after=1)


def release(*, digest: str, claim: UUID) -> None:
    """Let the next one try: nothing came of the claim."""
    KeptAnswer.objects.filter(digest=digest, claim=claim, status=None).delete()


def prune() -> int:
    """Forget what has expired, in small steps; returns how many."""
    expired, pruned = KeptAnswer.objects.filter(expires_at__lt=timezone.now()), 0
    while step := list(expired.values_list("digest", flat=True)[:_PRUNED_AT_ONCE]):
        pruned += expired.filter(digest__in=step).delete()[0]
    if pruned:
        log.info("kept_answers_pruned", answers=pruned)
    return pruned


def _claimed_by(claim: UUID, *, fingerprint: str) -> dict[str, object]:
    now = timezone.now()
    return {
        "claim": claim,
        "fingerprint": fingerprint,
        "claimed_until": now + timedelta(seconds=_CLAIM_SECONDS),
        "expires_at": now + timedelta(seconds=settings.IDEMPOTENCY_RETENTION),
        "status": None,
        "headers": {},
        "body": "",
    }


def _is_free(found: KeptAnswer) -> bool:
    now = timezone.now()
    return found.expires_at < now or (found.status is None and found.claimed_until < now)


def _take_over(found: KeptAnswer, ours: dict[str, object]) -> bool:
    """Of many who try at once, one has it."""
    return bool(KeptAnswer.objects.filter(digest=found.digest, claim=found.claim, status=found.status).update(**ours))


class KeyReused(DomainError):
    """The Idempotency-Key came with another request before: make a new key for each thing to be done."""


class ClaimLost(DomainError):
    """It took so long that the same request, sent again, has overtaken it: send it once more to see the outcome."""


class AnswerOutsideTransaction(DomainError):
    """There is no open transaction for the answer to be part of.

    Call `idempotency.keep(result)` inside the `with transaction.atomic():` block that makes the change.
    """
