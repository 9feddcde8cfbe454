"""What schemathesis cannot know from the document: who asks, and what a good password and address look like."""

import os
from uuid import uuid4

import httpx
import schemathesis
from hypothesis import strategies as st
from schemathesis import AuthContext, Case, HookContext, Response

_PASSWORD = "a long way down"
_ADMINISTRATOR = {name.lower(): os.environ[f"DJANGO_SUPERUSER_{name}"] for name in ("EMAIL", "PASSWORD")}
_SERVER = httpx.Client(base_url=os.environ["FUZZ_URL"], timeout=30)

# Django's rules for passwords (not common, not like the address, not only digits) are beyond JSON Schema, and so is
# which of the addresses that RFC 5321 allows Django takes for one: valid requests are made of values that pass both.
_LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
schemathesis.openapi.format("password", st.text(_LETTERS, min_size=1, max_size=40).map("7-Lakes ".__add__))
schemathesis.openapi.format("email", st.uuids().map("Ada.{}@example.com".format))


_granted: set[str] = set()


@schemathesis.hook
def after_call(_context: HookContext, case: Case, response: Response) -> None:
    """Remember the tokens that logins answer."""
    if response.status_code == httpx.codes.OK and (token := _token_in(response)):
        _granted.add(f"Bearer {token}")


@schemathesis.auth(refresh_interval=None).apply_to(lambda context: "security" in context.operation.definition.raw)
class Person:
    """Somebody with an account, the same until they have lost their token (logged out, deleted themselves …).

    Where a permission is needed, three times out of four it is somebody who has it.
    """

    def __init__(self) -> None:
        self._tokens = {"anybody": "", "administrator": ""}
        self._asked = 0

    def get(self, _case: Case, context: AuthContext) -> str:
        self._asked += 1
        needs_permission = any(permissions for scheme in _security(context) for permissions in scheme.values())
        who = "administrator" if needs_permission and self._asked % 4 else "anybody"
        if not self._tokens[who] or _me(self._tokens[who]).status_code != httpx.codes.OK:
            self._tokens[who] = _log_in(_ADMINISTRATOR if who == "administrator" else _new_person())
        return self._tokens[who]

    def set(self, case: Case, token: str, _context: AuthContext) -> None:
        # A link may have brought the token of the person whose life this is; then it stays, be it still good or not.
        if case.headers.get("Authorization") not in _granted:
            case.headers["Authorization"] = f"Bearer {token}"


def _security(context: AuthContext) -> list[dict[str, list[str]]]:
    required: list[dict[str, list[str]]] = context.operation.definition.raw.get("security", [])
    return required


def _token_in(response: Response) -> object:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer.get("token") if isinstance(answer, dict) else None


def _me(token: str) -> httpx.Response:
    return _SERVER.get("/api/users/me/", headers={"Authorization": f"Bearer {token}"})


def _new_person() -> dict[str, str]:
    credentials = {"email": f"Ada.{uuid4()}@example.com", "password": _PASSWORD}
    _SERVER.post("/api/users/", json=credentials).raise_for_status()
    return credentials


def _log_in(credentials: dict[str, str]) -> str:
    token: str = _SERVER.post("/api/auth/login/", json=credentials).raise_for_status().json()["token"]
    return token
