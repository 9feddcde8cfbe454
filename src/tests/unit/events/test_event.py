"""Event classes: names, versions, immutability, the catalogue."""

from typing import Any

import pytest
from pydantic import ValidationError

from events import event as module
from events.event import (
    Event,
    EventFieldReserved,
    EventNameInvalid,
    EventNameTaken,
    EventVersionInvalid,
    catalogue,
)


@pytest.fixture(autouse=True)
def _own_catalogue(monkeypatch):
    """Classes defined in a test vanish with it."""
    monkeypatch.setattr(module, "_catalogue", {})


def define(class_name: str = "Defined", *, annotations: dict[str, Any] | None = None, **arguments: Any) -> Any:
    body = {"__annotations__": annotations or {"user_id": int}, "__module__": __name__, "__qualname__": class_name}
    kind: Any = type(Event)
    return kind(class_name, (Event,), body, **arguments)


def test_defining_a_class_is_all_it_takes_to_be_in_the_catalogue():
    second = define("Second", name="user_renamed", version=2)
    first = define("First", name="user_renamed", version=1)
    other = define("Other", name="basket_filled")
    assert catalogue() == [other, first, second]


def test_a_version_is_1_unless_it_is_said():
    assert define(name="user_renamed").version == 1


def test_a_name_and_version_belong_to_one_class():
    define("First", name="user_renamed", version=1)
    with pytest.raises(EventNameTaken, match=r"Second is named 'user_renamed' version 1, which is First's"):
        define("Second", name="user_renamed", version=1)


def test_a_module_may_be_loaded_twice():
    define(name="user_renamed")
    again = define(name="user_renamed")
    assert catalogue() == [again]


@pytest.mark.parametrize(
    "name", ["", "UserRenamed", "user-renamed", "user renamed", "user.renamed", "ü", "x" * 101, "1st"]
)
def test_a_name_is_lower_case_ascii_words(name):
    with pytest.raises(EventNameInvalid):
        define(name=name)
    assert catalogue() == []


@pytest.mark.parametrize("version", [0, -1, 32_768])
def test_versions_fit_their_column(version):
    with pytest.raises(EventVersionInvalid):
        define(name="user_renamed", version=version)


@pytest.mark.parametrize("field", ["name", "version"])
def test_a_field_cannot_take_the_place_of_the_events_own(field):
    with pytest.raises(EventFieldReserved, match=f"user_{field}"):
        define(name="user_renamed", annotations={field: str})


def test_an_event_cannot_be_changed():
    event: Any = define(name="user_renamed")(user_id=1)
    with pytest.raises(ValidationError):
        event.user_id = 2


@pytest.mark.parametrize("fields", [{}, {"user_id": "1"}, {"user_id": 1, "more": 2}, {"user_id": None}])
def test_fields_are_validated_strictly(fields):
    with pytest.raises(ValidationError):
        define(name="user_renamed")(**fields)


def test_the_json_schema_bears_the_events_name_and_version():
    class UserRenamed(Event, name="user_renamed", version=3):
        """Somebody goes by another name."""

        user_id: int

    schema = UserRenamed.json_schema()
    assert schema["title"] == "user_renamed"
    assert schema["x-event-version"] == 3
    assert schema["description"] == "Somebody goes by another name."
    assert schema["properties"]["user_id"]["type"] == "integer"
    assert schema["required"] == ["user_id"]
