"""What can be done next with what an operation answered: OpenAPI's links. Stateful tests walk a life along them."""

from typing import Any

from core.openapi.components import Json

_NEW_TOKEN: Json = {"header.Authorization": "Bearer {$response.body#/token}"}
_SAME_PASSWORD: Json = {"password": "$request.body#/password"}


def _to(operation: str, *, parameters: Json | None = None, body: Json | None = None) -> Json:
    brought = {"parameters": parameters, "requestBody": body}
    return {"operationId": operation, **{name: each for name, each in brought.items() if each}}


# By operation and status: what each link is called, and where it leads with what.
LINKS: dict[tuple[str, str], dict[str, Json]] = {
    ("users_create", "201"): {
        "LogIn": _to("auth_login", body={"email": "$request.body#/email", **_SAME_PASSWORD}),
        "AskForAnotherPassword": _to("auth_password_reset", body={"email": "$request.body#/email"}),
        "AskForVerification": _to("auth_verify_email", body={"email": "$request.body#/email"}),
        "RegisterAgain": _to("users_create", body={"email": "$request.body#/email"}),
    },
    ("auth_login", "200"): {
        "SeeYourself": _to("users_me_retrieve", parameters=_NEW_TOKEN),
        "ChangeParticulars": _to("users_me_partial_update", parameters=_NEW_TOKEN),
        "ChangePassword": _to(
            "users_me_password", parameters=_NEW_TOKEN, body={"old_password": "$request.body#/password"}
        ),
        "ChangeAddress": _to("users_me_email", parameters=_NEW_TOKEN, body=_SAME_PASSWORD),
        "ListSessions": _to("auth_sessions_list", parameters=_NEW_TOKEN),
        "ExchangeToken": _to("auth_rotate", parameters=_NEW_TOKEN),
        "LogOut": _to("auth_logout", parameters=_NEW_TOKEN),
        "LogOutEverywhere": _to("auth_logout_everywhere", parameters=_NEW_TOKEN),
        "SwitchOff": _to("users_me_deactivate", parameters=_NEW_TOKEN, body=_SAME_PASSWORD),
        "Delete": _to("users_me_delete", parameters=_NEW_TOKEN, body=_SAME_PASSWORD),
    },
    ("auth_rotate", "200"): {
        "SeeYourself": _to("users_me_retrieve", parameters=_NEW_TOKEN),
        "ListSessions": _to("auth_sessions_list", parameters=_NEW_TOKEN),
        "LogOut": _to("auth_logout", parameters=_NEW_TOKEN),
    },
    ("auth_sessions_list", "200"): {
        "EndTheFirst": _to("auth_sessions_destroy", parameters={"session_id": "$response.body#/results/0/id"}),
    },
    ("events_list", "200"): {
        "SeeTheFirst": _to("events_retrieve", parameters={"event_id": "$response.body#/results/0/event_id"}),
    },
    ("users_list", "200"): {
        "SeeTheFirst": _to("users_retrieve", parameters={"user_id": "$response.body#/results/0/id"}),
        "SwitchTheFirstOff": _to("users_deactivate", parameters={"user_id": "$response.body#/results/0/id"}),
        "SwitchTheFirstOn": _to("users_activate", parameters={"user_id": "$response.body#/results/0/id"}),
    },
}


def add_links(result: Json, **_: Any) -> Json:
    """drf-spectacular's hook: the document with its links."""
    operations = {each["operationId"]: each for path in result["paths"].values() for each in path.values()}
    for (operation, status), links in LINKS.items():
        operations[operation]["responses"][status]["links"] = links
    return result
