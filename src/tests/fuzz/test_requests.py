"""Some two hundred requests that nobody would write by hand. `make fuzz` sends thousands."""

import pytest

from tests.fuzz.run import fuzz, served


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    with served(tmp_path_factory.mktemp("fuzz")) as running:
        yield running


@pytest.fixture(scope="module")
def run(application):
    return fuzz(application, seed=1, examples=4, phases="examples,fuzzing,stateful", deterministic=True)


def test_whatever_is_sent_the_answer_is_what_the_document_says(application, run):
    assert run.failures == 0, run.output
    assert run.cases >= 200
    assert run.report["operations"]["tested"] == run.report["operations"]["total"] >= 20
    assert "Traceback" not in application.log("web")


def test_the_requests_get_past_the_doors(run):
    """Otherwise nothing but refusals would be tested."""
    accepted = {
        operation
        for operation, phases in run.report["valid_rates"].items()
        if any(outcomes["accepted"] for outcomes in phases.values())
    }
    assert {"GET /api/users/me/", "PATCH /api/users/me/", "GET /api/users/", "POST /api/auth/rotate/"} <= accepted
    assert "GET /api/events/" in accepted
