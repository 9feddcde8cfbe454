"""What an idempotency key stands for: first a claim, then the answer."""

from django.db import models


class KeptAnswer(models.Model):
    """The first answer to a request with an idempotency key; without a status yet, the claim of who works on it.

    The key itself is not kept, and so the fingerprint of the body (which may hold a password) cannot be tried against
    guesses, not even with SECRET_KEY at hand.
    """

    digest = models.CharField(max_length=64, primary_key=True, help_text="of caller, operation and key")
    fingerprint = models.CharField(max_length=64, help_text="of the body, keyed with the key")
    claim = models.UUIDField(help_text="whose work it is: only this one may keep an answer")
    claimed_until = models.DateTimeField(help_text="after this, somebody else may claim it")
    expires_at = models.DateTimeField(db_index=True)
    status = models.SmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(default="")

    class Meta:
        db_table = "guards_kept_answer"

    def __str__(self) -> str:
        return f"{self.digest[:12]} ({self.status or 'claimed'})"
