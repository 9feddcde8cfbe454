"""Error reports to Sentry, if a DSN is set. It is imported only then: a start without it costs nothing."""


def configure(*, dsn: str, environment: str) -> None:
    if not dsn:
        return
    import sentry_sdk  # noqa: PLC0415 -- importing it takes a tenth of a second
    from sentry_sdk.scrubber import EventScrubber  # noqa: PLC0415 -- likewise

    # Request bodies and local variables hold passwords, which no list of suspicious names finds everywhere: neither is
    # sent. The scrubber looks after the rest, nested values as well.
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        event_scrubber=EventScrubber(recursive=True),
    )
