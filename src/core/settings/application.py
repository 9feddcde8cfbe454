"""What the Django project is made of."""

from core.settings.environment import SOURCE, text, zone

ENVIRONMENT = text("ENVIRONMENT", default="production", purpose="where this runs; it is written into every event")
TIME_ZONE = zone("TIME_ZONE", default="UTC", purpose="time zone of the admin and of dates shown to people")
USE_TZ = True
USE_I18N = False

INSTALLED_APPS = [
    "core",  # before staticfiles: its runserver serves ASGI
    "core.admin_app.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "adrf",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "outbox",
    "guards",
    "users",
    "event_log",
]

MIDDLEWARE = [
    "core.middleware.request_context",  # first, so that everything below has the request's id
    "core.headers.secure_headers",
    "corsheaders.middleware.CorsMiddleware",  # outside of what makes errors, so that pages may read those as well
    "core.errors.problem_details",
    "core.health.probes",  # before anything that asks for the host
    "core.transport.https_demanded",
    "core.in_loop.SecurityMiddleware",
    "core.admin_only.SessionMiddleware",
    "core.in_loop.CommonMiddleware",
    "core.in_loop.CsrfViewMiddleware",
    "core.admin_only.AuthenticationMiddleware",
    "core.middleware.session_actor",
    "core.admin_only.MessageMiddleware",
    "core.in_loop.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "core.urls"
ASGI_APPLICATION = "core.asgi.application"
WSGI_APPLICATION = "core.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = SOURCE.parent / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "core.static_files.HashedStorage"},
}
APPEND_SLASH = False
