import pickle

from kit.errors import DomainError


class ShipSunk(DomainError):
    """The ship {name!r} has sunk.

    Choose another one.
    """


class Untold(DomainError):
    pass


def test_the_docstring_is_the_message():
    assert str(ShipSunk(name="Ada")) == "The ship 'Ada' has sunk.\n\nChoose another one."


def test_the_details_stay_readable():
    assert ShipSunk(name="Ada").details == {"name": "Ada"}


def test_values_with_braces_are_left_as_they_are():
    assert "{x}" in str(ShipSunk(name="{x}"))


def test_an_error_survives_a_change_of_process():
    error = pickle.loads(pickle.dumps(ShipSunk(name="Ada")))
    assert (type(error), str(error), error.details) == (ShipSunk, str(ShipSunk(name="Ada")), {"name": "Ada"})
