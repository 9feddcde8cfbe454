"""What tests leave in Django's tables is removed as quickly as it can be, for there are many tests."""

from collections.abc import Iterator
from functools import cache

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

# `migrate` fills them, once; no test changes them.
_KEPT = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    """Django would truncate every table after a test that commits, and make content types and permissions anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: _empty_tables())
        yield


def _empty_tables() -> None:
    with transaction.atomic(), connection.cursor() as cursor:  # foreign keys are looked at in the end
        cursor.execute(_deletion())


@cache
def _deletion() -> str:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return "".join(f"DELETE FROM {connection.ops.quote_name(table)};" for table in sorted(set(tables) - _KEPT))
