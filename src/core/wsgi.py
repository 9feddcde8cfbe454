"""The application for a WSGI server, where there is no ASGI one."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

from django.core.wsgi import get_wsgi_application

from core.static_files import white_noise
from core.strangers import with_no_strangers_trace

application = white_noise(with_no_strangers_trace(get_wsgi_application()))
