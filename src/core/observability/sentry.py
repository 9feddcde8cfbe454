"""Error reports to Sentry, if a DSN is set. It is imported only then: a start without it costs nothing."""


def configure(*, dsn: str, environment: str) -> None:
    if not dsn:
        return
    import sentry_sdk  # noqa: PLC0415 -- importing it takes a tenth of a second

    sentry_sdk.init(dsn=dsn, environment=environment, send_default_pii=False)
