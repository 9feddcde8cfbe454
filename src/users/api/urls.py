from django.urls import path

from users.api.views import letters, me, sessions, users

urlpatterns = [
    path("users/", users.UsersView.as_view(), name="users"),
    path("users/<int:user_id>/", users.UserView.as_view(), name="user"),
    path("users/<int:user_id>/activate/", users.ActivationView.as_view(), name="activate-user"),
    path("users/<int:user_id>/deactivate/", users.DeactivationView.as_view(), name="deactivate-user"),
    path("users/me/", me.MeView.as_view(), name="me"),
    path("users/me/password/", me.PasswordView.as_view(), name="my-password"),
    path("users/me/email/", me.EmailView.as_view(), name="my-email"),
    path("users/me/deactivate/", me.OwnDeactivationView.as_view(), name="deactivate-me"),
    path("users/me/delete/", me.OwnDeletionView.as_view(), name="delete-me"),
    path("auth/login/", sessions.LoginView.as_view(), name="login"),
    path("auth/logout/", sessions.LogoutView.as_view(), name="logout"),
    path("auth/logout-everywhere/", sessions.LogoutEverywhereView.as_view(), name="logout-everywhere"),
    path("auth/rotate/", sessions.RotationView.as_view(), name="rotate"),
    path("auth/sessions/", sessions.SessionsView.as_view(), name="sessions"),
    path("auth/sessions/<slug:session_id>/", sessions.SessionView.as_view(), name="session"),
    path("auth/password-reset/", letters.PasswordResetView.as_view(), name="password-reset"),
    path(
        "auth/password-reset/confirm/", letters.PasswordResetConfirmationView.as_view(), name="confirm-password-reset"
    ),
    path("auth/verify-email/", letters.EmailVerificationView.as_view(), name="verify-email"),
    path(
        "auth/verify-email/confirm/", letters.EmailVerificationConfirmationView.as_view(), name="confirm-verify-email"
    ),
    path("auth/email-change/confirm/", letters.EmailChangeConfirmationView.as_view(), name="confirm-email-change"),
]
