"""Reads the environment: each variable is declared once, with its type, its default and its purpose.

`src/core/.env` is read if it is there; real environment variables win. Instead of a variable, its name with _FILE may
name a file that holds the value, as containers get their secrets. The README's table is checked against `declared`, so
a variable cannot be added in secret.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

SOURCE = Path(__file__).resolve().parent.parent.parent

_env = environ.Env()
_dotenv = SOURCE / "core" / ".env"
if _dotenv.is_file():
    _env.read_env(_dotenv)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One line of the README's table. A default of None means that the variable must be set."""

    name: str
    kind: str
    default: object
    purpose: str


declared: dict[str, Variable] = {}

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_CENTURY = 100 * 365.25 * 86400
_MOST = 10**12
_MOST_LETTERS = 100
_LAST_PORT = 65535
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}
_ADDRESS = re.compile(
    r"(?P<bare>[0-9A-Fa-f]*(?::[0-9A-Fa-f.]*){2,})"
    r"|(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/@\[\]]+))(?::(?P<port>[1-9]\d{0,4}))?"
)
# The library itself takes a fifth of a second to import, which a command need not wait for.
_LIMIT = re.compile(r"[1-9]\d*/([1-9]\d* )?(second|minute|hour|day)s?")


def text(name: str, *, purpose: str, default: str | None = None, one_of: tuple[str, ...] = ()) -> str:
    kind = " or ".join(one_of) if one_of else "text"
    raw = _read(name, kind=kind, default=default, purpose=purpose)
    if one_of and raw not in one_of:
        raise _malformed(name, raw, f"one of {', '.join(one_of)}")
    return raw


def secret(name: str, *, purpose: str, default: str | None = None) -> str:
    raw = _read(name, kind="secret", default=default, purpose=purpose)
    if default is None and not raw:
        raise ImproperlyConfigured(f"{name} is empty: {purpose}")
    return raw


def flag(name: str, *, purpose: str, default: bool) -> bool:
    raw = _read(name, kind="true or false", default=str(default).lower(), purpose=purpose)
    if raw.lower() in _TRUE | _FALSE:
        return raw.lower() in _TRUE
    raise _malformed(name, raw, "true or false")


def whole(name: str, *, purpose: str, default: int, least: int = 0, most: int = _MOST) -> int:
    raw = _read(name, kind="whole number", default=str(default), purpose=purpose)
    # Python itself refuses thousands of digits, with an error of its own.
    if raw.strip().isdecimal() and len(raw) <= _MOST_LETTERS and least <= int(raw) <= most:
        return int(raw)
    raise _malformed(name, raw[:100], f"a whole number from {least} to {most}")


def seconds(name: str, *, purpose: str, default: float, least: float = 0.0, most: float = _CENTURY) -> float:
    raw = _read(name, kind="seconds", default=f"{default:.12g}", purpose=purpose)
    try:
        value = float(raw)
    except ValueError:
        raise _malformed(name, raw, "a number of seconds") from None
    if least <= value <= most:
        return value
    raise _malformed(name, raw, f"a number of seconds from {least:g} to {most:.12g}")


def ratio(name: str, *, purpose: str, default: float) -> float:
    raw = _read(name, kind="ratio", default=f"{default:g}", purpose=purpose)
    try:
        value = float(raw)
    except ValueError:
        value = -1.0
    if 0.0 <= value <= 1.0:
        return value
    raise _malformed(name, raw, "a ratio from 0 to 1")


def levels(name: str, *, purpose: str) -> dict[str, str]:
    """Levels of severity by logger."""
    found = {}
    for part in _read(name, kind="logger=LEVEL, by commas", default="", purpose=purpose).split(","):
        logger, _, level = (each.strip() for each in part.partition("="))
        if logger and level.upper() in LOG_LEVELS:
            found[logger] = level.upper()
        elif part.strip():
            raise _malformed(name, part.strip(), f"logger=LEVEL, with a level of {', '.join(LOG_LEVELS)}")
    return found


def names(name: str, *, purpose: str, default: str = "") -> list[str]:
    raw = _read(name, kind="list, by commas", default=default, purpose=purpose)
    return [part.strip() for part in raw.split(",") if part.strip()]


def addresses(name: str, *, purpose: str, port: int) -> list[tuple[str, int]]:
    """Host and port of each address, in the order in which they are to be tried; at least one."""
    raw = _read(name, kind="hosts, by commas", default=None, purpose=purpose)
    found = [_ADDRESS.fullmatch(part.strip()) for part in raw.split(",")]
    if not all(found):
        raise _malformed(name, raw, "host, host:port or [IPv6]:port, several by commas")
    hosts = [(each["host"] or each["v6"] or each["bare"], int(each["port"] or port)) for each in found if each]
    if max(port for _, port in hosts) > _LAST_PORT:
        raise _malformed(name, raw, f"hosts whose ports are {_LAST_PORT} at most")
    return hosts


def rate(name: str, *, purpose: str, default: str) -> str:
    """One or more limits that hold together, as the limits library writes them; empty for none."""
    raw = _read(name, kind="limits, by semicolons", default=default, purpose=purpose).strip()
    if raw and not all(_LIMIT.fullmatch(limit.strip()) for limit in raw.split(";")):
        raise _malformed(name, raw, "limits such as 30/minute;100/12 hours")
    return raw


def zone(name: str, *, purpose: str, default: str) -> str:
    raw = _read(name, kind="time zone", default=default, purpose=purpose)
    if raw in available_timezones():
        return raw
    raise _malformed(name, raw, "a time zone such as Europe/Berlin")


def url(name: str, *, purpose: str, schemes: tuple[str, ...], default: str | None = None, password: str = "") -> str:
    """The URL, with the password put in if there is one and the URL has none."""
    raw = _read(name, kind="URL", default=default, purpose=purpose)
    if raw == default:
        return raw
    # The value is not repeated: a URL holds a password.
    with _no_url_repeated(name):
        parts = urlsplit(raw)
        _ = parts.port  # looked at only when it is asked for
    if parts.scheme not in schemes or not parts.netloc:
        raise ImproperlyConfigured(f"{name} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}")
    if not password:
        return raw
    if parts.password:
        raise ImproperlyConfigured(f"{name} holds a password, and there is another one beside it: set one of them")
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{host}").geturl()


def dsn(name: str, *, purpose: str, default: str) -> str:
    """A project's address at Sentry: a URL with a key in it, and the number of the project at its end."""
    raw = _read(name, kind="secret", default=default, purpose=purpose)
    if raw == default:
        return raw
    with _no_url_repeated(name):
        parts = urlsplit(raw)
        _ = parts.port
    project = parts.path.rpartition("/")[2]
    if parts.scheme in {"http", "https"} and parts.username and parts.hostname and project.isdecimal():
        return raw
    raise ImproperlyConfigured(f"{name} must be a DSN such as https://key@sentry.example.com/1")


def database(name: str, *, purpose: str, schemes: tuple[str, ...], password: str) -> dict[str, Any]:
    """Django's settings of the database whose URL the variable holds."""
    raw = url(name, purpose=purpose, schemes=schemes, password=password)
    with _no_url_repeated(name):
        found = dict(_env.db_url_config(raw, engine="django.db.backends.postgresql"))
    if not found["NAME"]:
        raise ImproperlyConfigured(f"{name} names no database: it must end with /name")
    return found


def mail(name: str, *, purpose: str, default: str) -> dict[str, Any]:
    """Django's settings of the mail server whose URL the variable holds."""
    raw = _read(name, kind="URL", default=default, purpose=purpose)
    with _no_url_repeated(name):
        parts = urlsplit(raw)
        _ = parts.port
        if parts.scheme in _env.EMAIL_SCHEMES:
            return dict(_env.email_url_config(raw))
    raise ImproperlyConfigured(f"{name} must be a URL that starts with one of {', '.join(_env.EMAIL_SCHEMES)}")


@contextmanager
def _no_url_repeated(name: str) -> Iterator[None]:
    """What Python says of a URL that it cannot take apart quotes what it took for the port: half of a password."""
    try:
        yield
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} must be a URL such as scheme://user:password@host:1234/name, in which / ? # [ ] @ and % within "
            f"the password are percent-encoded (%2F %3F %23 %5B %5D %40 %25)"
        ) from None


def _read(name: str, *, kind: str, default: str | None, purpose: str) -> str:
    declared[name] = Variable(name=name, kind=kind, default=default, purpose=purpose)
    if file := _env.ENVIRON.get(f"{name}_FILE"):
        return _content(name, Path(file))
    if default is None and name not in _env.ENVIRON:
        raise ImproperlyConfigured(f"{name} is not set: {purpose}")
    return str(_env.str(name, default=default or ""))


def _content(name: str, file: Path) -> str:
    """What the file holds, less the line break at its end."""
    if _env.ENVIRON.get(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: set one of them")
    try:
        content = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE is {file}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{name}_FILE is {file}, which is no text in UTF-8") from None
    if not content:
        raise ImproperlyConfigured(f"{name}_FILE is {file}, which is empty")
    return content


def _malformed(name: str, raw: str, wanted: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} must be {wanted}, not {raw!r}")
