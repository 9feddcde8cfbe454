"""What an event is: a class with a name and a version. Defining the class is all it takes to add one."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from kit.errors import DomainError

_catalogue: dict[tuple[str, int], type["Event"]] = {}


class Event(BaseModel):
    """A fact in the past tense, immutable and validated.

        class UserRegistered(Event, name="user_registered", version=1):
            user_id: int

    The name is explicit because it outlives the class's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: ClassVar[str]
    version: ClassVar[int]

    @classmethod
    def __pydantic_init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not _is_name(name):
            raise EventNameInvalid(event=cls.__qualname__, name=name)
        namesake = _catalogue.setdefault((name, version), cls)
        if (namesake.__module__, namesake.__qualname__) != (cls.__module__, cls.__qualname__):
            raise EventNameTaken(event=cls.__qualname__, name=name, version=version, namesake=namesake.__qualname__)
        _catalogue[name, version] = cls
        cls.name, cls.version = name, version


def catalogue() -> list[type[Event]]:
    """Every event class that has been imported, by name and version."""
    return [_catalogue[key] for key in sorted(_catalogue)]


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier() and name == name.lower() and len(name) <= 100


class EventNameInvalid(DomainError):
    """{event} needs a name such as name="user_registered" (lower case, ASCII, words joined by _), not {name!r}."""


class EventNameTaken(DomainError):
    """{event} is named {name!r} version {version}, which is {namesake}'s already: choose another name or version."""
