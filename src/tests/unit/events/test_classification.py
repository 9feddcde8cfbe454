"""What a failure of ClickHouse, asynch or the network means: wait, mend the deployment, or set the data aside."""

import socket
from typing import Any

import pytest
from asynch import errors

from events.store import StoreMisconfigured, StoreRefused, StoreUnavailable
from events.stores.clickhouse import codes
from events.stores.clickhouse.errors import classify

ASYNCH: Any = errors


@pytest.mark.parametrize("code", [159, 160, 202, 209, 210, 241, 242, 252, 285, 319, 999, 1002, 123456])
def test_what_may_pass_and_what_nobody_knows_is_unavailable(code):
    for appending in (True, False):
        assert type(classify(ASYNCH.ServerException("x", code), appending=appending)) is StoreUnavailable


@pytest.mark.parametrize("code", [16, 60, 81, 164, 192, 193, 497, 516, *codes.FAULT_OF_DEPLOYMENT])
def test_a_fault_of_the_deployment_is_misconfigured(code):
    for appending in (True, False):
        assert type(classify(ASYNCH.ServerException("x", code), appending=appending)) is StoreMisconfigured


@pytest.mark.parametrize("code", sorted(codes.REFUSAL_OF_DATA))
def test_what_is_about_the_data_is_refused_when_appending_and_unavailable_when_reading(code):
    assert type(classify(ASYNCH.ServerException("x", code), appending=True)) is StoreRefused
    assert type(classify(ASYNCH.ServerException("x", code), appending=False)) is StoreUnavailable


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError("gone"),
        OSError(113, "No route to host"),
        EOFError(),
        socket.gaierror(-2, "Name or service not known"),
        ASYNCH.NetworkError("All hosts are unreachable"),
        ASYNCH.OperationalError("Failed to read data from socket"),
        ASYNCH.UnexpectedPacketFromServerError("what?"),
        IndexError("a cut stream"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "garbage on the wire"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_network_is_unavailable(error):
    assert type(classify(error, appending=True)) is StoreUnavailable


@pytest.mark.parametrize(
    "error",
    [
        ASYNCH.ColumnTypeMismatchException("x"),
        ASYNCH.StructPackException("x"),
        OverflowError("unsigned short is greater than maximum"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_value_that_does_not_fit_its_column_is_refused(error):
    assert type(classify(error, appending=True)) is StoreRefused


def test_a_reason_is_short_and_holds_neither_secrets_nor_stack_traces():
    message = f"DB::Exception: hunter2 is wrong\0 \ud800 {'x' * 9000}. Stack trace: 0. main.cpp"
    reason = str(classify(ASYNCH.ServerException(message, 516), appending=True, secret="hunter2").details["reason"])
    assert reason.startswith("ClickHouse error 516: DB::Exception: *** is wrong ? xxx")
    assert len(reason) <= 500
    short = classify(ASYNCH.ServerException("No. Stack trace: main.cpp", 1), appending=True)
    assert short.details["reason"] == "ClickHouse error 1: No"


@pytest.mark.parametrize("code", [12, 36, 43, 53])
def test_what_a_wrong_view_or_column_raises_as_well_is_not_taken_for_a_refusal(code):
    assert type(classify(ASYNCH.ServerException("x", code), appending=True)) is StoreUnavailable


@pytest.mark.parametrize(
    ("code", "message", "left"),
    [
        (469, "Constraint `c` is violated at row 3. Expression: (a != '2'). Column values: a = 'CANARY', b = 'CANARY'",
         "Constraint `c` is violated at row 3. Expression: (a != '…')"),
        (6, "Cannot parse string 'CANARY' as UInt8: at 'CANARY'. (CANNOT_PARSE_TEXT)",
         "Cannot parse string '…' as UInt8: at '…'. (CANNOT_PARSE_TEXT)"),
        (6, r"Cannot parse string 'it\'s a CANARY\\' as UInt8", "Cannot parse string '…' as UInt8"),
        (6, "Cannot parse string 'it's a CANARY' as UInt8", "Cannot parse string '…' as UInt8"),
        (6, 'Cannot parse string "the \\"CANARY\\" itself" as UInt8', "Cannot parse string '…' as UInt8"),
        (27, "expected ',' before: 'a CANARY of which the end is", "expected '…' before: '…'"),
        (376, "Cannot parse uuid a: CANARY s: Cannot parse UUID from String: while executing 'FUNCTION f('CANARY'_S)'.",
         "Cannot parse uuid …: Cannot parse UUID from String: while executing '…'"),
        (675, "Cannot parse IPv4 CANARY", "Cannot parse IPv4 …"),
        (117, 'Cannot parse JSON object here: {"a": CANARY, "b: while c": "it is}: while executing',
         "Cannot parse JSON object here: …: while executing"),
        (117, "Invalid base64Decode value (CAN)ARY$), cannot be decoded",
         "Invalid base64Decode value …, cannot be decoded"),
    ],
)  # fmt: skip
def test_a_refusal_does_not_repeat_the_data(code, message, left):
    refused = classify(ASYNCH.ServerException(f"DB::Exception: {message}", code), appending=True)
    assert refused.details["reason"] == f"ClickHouse error {code}: DB::Exception: {left}"


def test_what_asynch_says_of_a_value_is_not_repeated():
    error = ASYNCH.TypeMismatchError("Type mismatch: <class 'str'>: CANARY for column x")
    error.__cause__ = ASYNCH.ColumnTypeMismatchException("CANARY")
    assert "CANARY" not in str(classify(error, appending=True))
    assert "CANARY" not in str(classify(error, appending=False))


def test_no_code_has_two_meanings():
    assert not codes.REFUSAL_OF_DATA.keys() & codes.FAULT_OF_DEPLOYMENT.keys()
