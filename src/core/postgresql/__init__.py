"""Django's PostgreSQL backend with a pool that gets over restarts (Django looks for `base`)."""
