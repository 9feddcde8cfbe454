"""The application for Uvicorn."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
os.environ.setdefault("DATABASE_POOL_SIZE", "8")

from django.core.asgi import get_asgi_application

from core.lifespan import with_lifespan

application = with_lifespan(get_asgi_application())
