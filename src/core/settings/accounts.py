"""What accounts are held to: how long tokens last, and whether an address must be verified."""

import math

from core.settings.environment import flag, seconds

AUTH_TOKEN_SECONDS = seconds(
    "AUTH_TOKEN_SECONDS", default=36_000, least=1.0, purpose="how long a token of a login lasts"
)
AUTH_SESSION_SECONDS = seconds(
    "AUTH_SESSION_SECONDS",
    default=30 * 86_400,
    least=1.0,
    purpose="how long after a login its token may still be exchanged for a new one; then the password is due again",
)
# The admin's sessions last no longer, used or not, nor than the browser is open.
SESSION_COOKIE_AGE = math.ceil(AUTH_TOKEN_SECONDS)
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
ADMIN_IDLE_SECONDS = seconds(
    "ADMIN_IDLE_SECONDS",
    default=3600,
    least=1.0,
    purpose="longest that a session of the admin lasts while nobody uses it; a tenth less at times",
)
PASSWORD_RESET_SECONDS = seconds(
    "PASSWORD_RESET_SECONDS", default=3600, least=1.0, purpose="how long the token of a password reset lasts"
)
EMAIL_CONFIRMATION_SECONDS = seconds(
    "EMAIL_CONFIRMATION_SECONDS",
    default=86_400,
    least=1.0,
    purpose="how long the token lasts that confirms an e-mail address",
)
EMAIL_VERIFICATION_REQUIRED = flag(
    "EMAIL_VERIFICATION_REQUIRED", default=False, purpose="refuse logins until the e-mail address is verified"
)
