from django.urls import path

from users.api.views import LoginView, MeView, UsersView

urlpatterns = [
    path("users/", UsersView.as_view(), name="users"),
    path("users/me/", MeView.as_view(), name="me"),
    path("auth/login/", LoginView.as_view(), name="login"),
]
