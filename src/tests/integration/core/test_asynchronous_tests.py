"""The suite's own promise: an asynchronous test has the database of its transaction, and leaves nothing in it."""

import pytest

from users.models import User


@pytest.mark.django_db
@pytest.mark.parametrize("time", [1, 2])
async def test_what_one_writes_the_next_does_not_see(time):
    assert not await User.objects.aexists()
    await User.objects.acreate(email="ada@example.com")
    assert await User.objects.aexists()
