"""Error reports and traces to Sentry, if a DSN is set: only then is its SDK imported. This sets it up.

`reports` says what is reported of faults, and how it leaves; `traces` which requests and tasks are told, and their
spans.
"""

from core.observability.sentry import reports, traces
from kit.span import register_tracer


def configure(*, dsn: str, environment: str, release: str, sample_rate: float, traces_sample_rate: float) -> None:
    if not dsn:
        return
    import sentry_sdk  # noqa: PLC0415 -- importing it takes a tenth of a second
    from sentry_sdk.integrations.django import DjangoIntegration  # noqa: PLC0415 -- likewise
    from sentry_sdk.integrations.logging import ignore_logger  # noqa: PLC0415 -- likewise
    from sentry_sdk.integrations.redis import RedisIntegration  # noqa: PLC0415 -- likewise
    from sentry_sdk.integrations.threading import ThreadingIntegration  # noqa: PLC0415 -- likewise

    ignore_logger("django.security.*")  # clients' attempts, as in reports.EXPECTED
    ignore_logger("opentelemetry.*")  # a collector that is away is no fault of the application
    ignore_logger("core.observability.logs")  # it logs what Sentry has met as an uncaught exception already
    # Request bodies and local variables hold passwords, which no list of suspicious names finds everywhere: neither is
    # sent. The rest goes through the redaction that the log goes through.
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release or None,
        sample_rate=sample_rate,
        traces_sampler=traces.sampler(traces_sample_rate) if traces_sample_rate else None,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=reports.before_send,  # type: ignore[arg-type]  # Sentry's own types are dictionaries with these keys
        before_send_transaction=traces.before_send,  # type: ignore[arg-type]
        before_breadcrumb=reports.before_breadcrumb,
        integrations=[
            # The spans that are worth their cost are those of kit.span and of the database.
            DjangoIntegration(middleware_spans=False, signals_spans=False),
            # Its copies of two scopes for every change of thread, a dozen a request, were the largest part of what all
            # this costs; Django's threads have the request's context, and with it the scopes, anyway.
            ThreadingIntegration(propagate_scope=False),
        ],
        # Throttles count under keys with people's addresses in them, and its spans and breadcrumbs show every key.
        disabled_integrations=[RedisIntegration],
    )
    if traces_sample_rate:
        register_tracer(traces.open_span)


def flush() -> None:
    """Send what is still to be sent."""
    import sentry_sdk  # noqa: PLC0415 -- it has been imported by now

    sentry_sdk.flush(timeout=2)
