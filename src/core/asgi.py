"""The application for Uvicorn."""

import os
from importlib import import_module
from typing import cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
os.environ.setdefault("DATABASE_POOL_SIZE", "8")

from django.conf import settings
from django.core.asgi import get_asgi_application

from core.access import with_access_log
from core.body_limit import with_body_limit
from core.lifespan import Application, with_lifespan
from core.observability import metrics
from core.static_files import with_static_files

metrics.plug_in()
django = cast("Application", get_asgi_application())  # Django's types know scopes as dicts only
import_module(settings.ROOT_URLCONF)  # every view and the admin: not while somebody waits for the first answer
limited = with_body_limit(django, most_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
application = with_lifespan(with_access_log(with_static_files(limited)))
