"""What stands around a view: throttles, idempotency keys for calls that are tried again, and who may not come in."""
