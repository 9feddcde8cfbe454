"""How often somebody may try, how a request's origin is known, how long a repeated request is recognised."""

from core.settings.environment import flag, rate, seconds, whole

THROTTLES = flag("THROTTLES", default=True, purpose="refuse too many attempts; off for load tests only")
TRUSTED_PROXIES = whole(
    "TRUSTED_PROXIES",
    default=0,
    purpose="proxies of ours in front, each appending to X-Forwarded-For; 0 believes no such header",
)
IDEMPOTENCY_RETENTION = seconds(
    "IDEMPOTENCY_RETENTION",
    default=86400,
    least=60,
    purpose="how long the answer to a request with an Idempotency-Key is kept for those who ask again",
)
# docs/security.md argues for the defaults.
THROTTLE_RATES = {
    "login_per_network": rate(
        "THROTTLE_LOGIN_PER_NETWORK", default="30/minute;300/hour", purpose="logins from one network, right or wrong"
    ),
    "guesses_near": rate(
        "THROTTLE_GUESSES_NEAR",
        default="10/15 minutes",
        purpose="failures on one account from one network; success starts anew",
    ),
    "guesses_far": rate(
        "THROTTLE_GUESSES_FAR",
        default="100/15 minutes",
        purpose="failures on one account from all networks that its owner has not been in for 30 days",
    ),
    "changes_per_person": rate(
        "THROTTLE_CHANGES_PER_PERSON",
        default="300/minute",
        purpose="changes by one person who is logged in; what ends sessions is not counted",
    ),
    "event_readings_per_person": rate(
        "THROTTLE_EVENT_READINGS_PER_PERSON",
        default="120/minute",
        purpose="looks into the event log by one person; each is an event itself",
    ),
    "registration_per_network": rate(
        "THROTTLE_REGISTRATION_PER_NETWORK", default="20/minute;100/hour", purpose="registrations from one network"
    ),
    "registration_per_account": rate(
        "THROTTLE_REGISTRATION_PER_ACCOUNT", default="10/hour", purpose="registrations of one address from one network"
    ),
    "mail_per_network": rate(
        "THROTTLE_MAIL_PER_NETWORK", default="30/hour", purpose="requests from one network that send an e-mail"
    ),
    "mail_per_account": rate(
        "THROTTLE_MAIL_PER_ACCOUNT",
        default="5/hour",
        purpose="e-mails of one kind asked for by one network for one account",
    ),
}
