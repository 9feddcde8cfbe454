"""What was settled lately is compared by itself, back to the last comparison that was in order."""

import re

import pytest

from core.settings.environment import SOURCE
from events.store import StoreUnavailable
from outbox import verification
from outbox.figures import figures
from outbox.verification import reconcile
from tests.integration.outbox.conftest import execute
from tests.integration.outbox.test_verification import kept_of, outcome


def settled_ago(minutes: int) -> None:
    execute("UPDATE outbox_batch SET delivered_at = now() - %s * interval '1 minute'", minutes)


def test_reconciling_names_recent_batches_that_differ_in_the_log(delivered, monkeypatch):
    said = []
    monkeypatch.setattr(verification.log, "error", lambda event, **keys: said.append((event, keys["missing"])))
    assert verification.reconcile().in_order
    kept_of(delivered, 0).popitem()
    execute("UPDATE outbox_batch SET delivered_at = now() - interval '1 day' WHERE events = 2")
    found = verification.reconcile()
    assert found.batches == 1
    assert said == [("verification_failed", 1)]


def test_a_batch_sealed_long_ago_and_delivered_now_is_reconciled(delivered):
    execute("UPDATE outbox_batch SET sealed_at = now() - interval '3 days'")
    assert verification.reconcile().batches == 2


def test_a_comparison_goes_back_to_the_last_one_that_was_in_order(delivered):
    reconcile()
    execute("UPDATE outbox_reconciliation SET clean_at = now() - interval '3 hours'")  # the store was away
    settled_ago(170)
    kept_of(delivered, 0).popitem()
    assert not reconcile().in_order
    settled_ago(190)
    assert not reconcile().in_order  # what became visible late
    settled_ago(200)
    assert reconcile().batches == 0


def test_a_difference_is_found_again_until_it_is_mended(delivered):
    assert figures().differences == 0
    kept = kept_of(delivered, 0)
    lost = kept.popitem()
    execute("UPDATE outbox_reconciliation SET clean_at = now() - interval '1 hour'")
    settled_ago(50)
    for _ in range(2):
        reconcile()
        assert figures().differences == 1
    kept.update([lost])
    assert reconcile().in_order
    assert figures().differences == 0
    assert reconcile().batches == 0  # this time has been seen to


def test_a_difference_that_is_accepted_as_the_runbook_has_it_ends_the_alert_and_verify_goes_on_naming_it(delivered):
    kept_of(delivered, 0).popitem()
    reconcile()
    assert figures().differences == 1
    runbook = (SOURCE.parent / "docs" / "operations.md").read_text()
    (accept,) = re.findall(r'UPDATE outbox_reconciliation [^"]+', runbook)
    execute(accept)
    assert reconcile().in_order
    assert figures().differences == 0
    assert not outcome().in_order


def test_a_comparison_that_does_not_come_to_its_end_leaves_no_hole(delivered, monkeypatch):
    async def away(batch_ids):
        raise StoreUnavailable(reason="away")

    execute("UPDATE outbox_reconciliation SET clean_at = now() - interval '1 hour'")
    settled_ago(50)
    with monkeypatch.context() as patched:
        patched.setattr(delivered, "digests", away)
        with pytest.raises(StoreUnavailable):
            reconcile()
    kept_of(delivered, 0).popitem()
    assert not reconcile().in_order
