"""Wires everything: settings, URLs, the ASGI application, Celery, logging. Nobody imports it."""
