"""What stands around a view: throttles against too many attempts, idempotency keys for calls that are tried again."""
