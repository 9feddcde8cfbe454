"""The application for a WSGI server, where there is no ASGI one."""

import os
from importlib import import_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from core.static_files import white_noise
from core.strangers import with_no_strangers_trace

application = white_noise(with_no_strangers_trace(get_wsgi_application()))
import_module(settings.ROOT_URLCONF)  # every view and the admin: not while somebody waits for the first answer
