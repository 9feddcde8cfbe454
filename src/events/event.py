"""What an event is: a class with a name and a version. Defining the class is all it takes to add one."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from kit.errors import DomainError

# What the outbox and the store keep a version in is a smallint.
MAX_VERSION = 32_767
MAX_NAME_LENGTH = 100

_catalogue: dict[tuple[str, int], type["Event"]] = {}


class Event(BaseModel):
    """A fact in the past tense, immutable and validated.

        class UserRegistered(Event, name="user_registered", version=1):
            user_id: int

    The name is explicit because it outlives the class's own. Secrets (`SecretStr`) travel masked, never in clear.
    """

    # Pydantic's default turns NaN into null without a word; as constants the envelope finds and refuses them.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")

    name: ClassVar[str]
    version: ClassVar[int]

    def __init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: Any) -> None:
        """Take the class's own arguments, which Pydantic hands to both hooks; the next one uses them."""
        super().__init_subclass__(**kwargs)

    @classmethod
    def __pydantic_init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        _check(cls, name=name, version=version)
        namesake = _catalogue.setdefault((name, version), cls)
        if (namesake.__module__, namesake.__qualname__) != (cls.__module__, cls.__qualname__):
            raise EventNameTaken(event=cls.__qualname__, name=name, version=version, namesake=namesake.__qualname__)
        _catalogue[name, version] = cls
        cls.name, cls.version = name, version

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of the event's context as it is stored, titled with the event's name."""
        schema = cls.model_json_schema(mode="serialization")
        return schema | {"title": cls.name, "x-event-version": cls.version}


def catalogue() -> list[type[Event]]:
    """Every event class that has been imported, by name and version."""
    return [_catalogue[key] for key in sorted(_catalogue)]


def _check(cls: type[Event], *, name: str, version: int) -> None:
    if not (name.isascii() and name.isidentifier() and name == name.lower() and len(name) <= MAX_NAME_LENGTH):
        raise EventNameInvalid(event=cls.__qualname__, name=name)
    if not 1 <= version <= MAX_VERSION:
        raise EventVersionInvalid(event=cls.__qualname__, version=version)
    if reserved := {"name", "version"} & cls.__annotations__.keys():
        raise EventFieldReserved(event=cls.__qualname__, field=min(reserved))


class EventNameInvalid(DomainError):
    """{event} needs a name such as name="user_registered" (lower case, ASCII, words joined by _), not {name!r}."""


class EventVersionInvalid(DomainError):
    """{event} has version {version}: versions count from 1 to 32767."""


class EventNameTaken(DomainError):
    """{event} is named {name!r} version {version}, which is {namesake}'s already: choose another name or version."""


class EventFieldReserved(DomainError):
    """{event} has a field {field!r}, which is the event's own {field}: say whose it is, as in `user_{field}`."""
