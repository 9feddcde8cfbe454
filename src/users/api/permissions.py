"""What administrators may do over the API is what they may do in the admin."""

from guards.staff import StaffPermission


class MayViewUsers(StaffPermission):
    """To see accounts."""

    permission = "users.view_user"


class MayChangeUsers(StaffPermission):
    """To change them."""

    permission = "users.change_user"
