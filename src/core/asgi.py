"""The application for Uvicorn."""

import os
from typing import cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
os.environ.setdefault("DATABASE_POOL_SIZE", "8")

from django.conf import settings
from django.core.asgi import get_asgi_application

from core.body_limit import with_body_limit
from core.lifespan import Application, with_lifespan
from core.observability import metrics

metrics.plug_in()  # before the middleware, which asks whether there is anything to measure for
django = cast("Application", get_asgi_application())  # Django's types know scopes as dicts only
application = with_lifespan(with_body_limit(django, most_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
