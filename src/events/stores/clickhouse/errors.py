"""What a failure means for the relay: try again later, mend the deployment, or set the data aside."""

from collections.abc import Iterator
from contextlib import contextmanager

from asynch.errors import CannotParseUuidError, ColumnException, ServerException, TypeMismatchError

from events.store import StoreMisconfigured, StoreRefused, StoreUnavailable
from events.stores.clickhouse.clean_reasons import without_data
from events.stores.clickhouse.codes import FAULT_OF_DEPLOYMENT, REFUSAL_OF_DATA
from kit.errors import DomainError

_LONGEST_REASON = 500
# What is raised when a value does not fit its column, by `native` (the last two) and by asynch.
_ABOUT_THE_DATA = (ColumnException, CannotParseUuidError, TypeMismatchError, UnicodeEncodeError, OverflowError)


@contextmanager
def as_store_errors(*, appending: bool, secret: str) -> Iterator[None]:
    """Turn whatever fails inside into one of the port's errors; only an append's data can be refused.

    `secret` (the password) is kept out of the reason.
    """
    try:
        yield
    except DomainError:
        raise
    except Exception as error:
        meaning = classify(error, appending=appending, secret=secret)
        if isinstance(meaning, StoreRefused):
            raise meaning from None  # the cause quotes what was refused, and a traceback would show it
        raise meaning from error


def classify(error: Exception, *, appending: bool, secret: str = "") -> StoreUnavailable | StoreRefused:
    """The port's error for a failure of ClickHouse, of asynch or of the network.

    No reason repeats the events' own data: it goes into logs, the ledger, the admin and an event.
    """
    # The code is for metrics: ClickHouse's own, or what kind of trouble there was on the way to it.
    what: dict[str, object] = {"reason": _reason(error, secret=secret), "code": type(error).__name__}
    if isinstance(error, ServerException):
        what["code"] = error.code
        if error.code in FAULT_OF_DEPLOYMENT:
            return StoreMisconfigured(**what)
        if appending and error.code in REFUSAL_OF_DATA:
            return StoreRefused(**what)
        return StoreUnavailable(**what)
    if appending and isinstance(error, _ABOUT_THE_DATA):
        return StoreRefused(**what)
    # Timeouts, sockets, and whatever a cut or garbled stream makes asynch's decoders raise.
    return StoreUnavailable(**what)


def _reason(error: Exception, *, secret: str) -> str:
    if isinstance(error, ServerException):
        said = str(error.message)
        text = f"ClickHouse error {error.code}: {without_data(said) if error.code in REFUSAL_OF_DATA else said}"
    elif isinstance(error, _ABOUT_THE_DATA):
        text = f"{type(error).__name__}: a value does not fit its column"  # the error repeats it
    else:
        text = f"{type(error).__name__}: {error}"
        if error.__cause__ is not None:
            text += f" ({type(error.__cause__).__name__}: {error.__cause__})"
    text = " ".join(text.partition("Stack trace:")[0].split())
    if secret:
        text = text.replace(secret, "***")
    # Surrogates and NUL have no place in a log line or in PostgreSQL, where the reason ends up.
    return text.replace("\0", "").encode(errors="replace").decode()[:_LONGEST_REASON].strip(" :.")
