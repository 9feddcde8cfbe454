"""The application less some of what stands around its views: BENCH_WITHOUT=logging,middleware,authentication,views."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
os.environ.setdefault("DATABASE_POOL_SIZE", "8")

from django.conf import settings

_without = os.environ["BENCH_WITHOUT"].split(",")
if "middleware" in _without:
    settings.MIDDLEWARE = []
if "authentication" in _without:
    somebody = {"DEFAULT_AUTHENTICATION_CLASSES": ["bench.bare.Somebody"]}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, **somebody}
if "views" in _without:
    settings.ROOT_URLCONF = "bench.bare"

from core.access import with_access_log  # noqa: E402 -- not before the settings are as they shall be
from core.asgi import limited  # noqa: E402
from core.lifespan import with_lifespan  # noqa: E402
from core.static_files import with_static_files  # noqa: E402

application = with_lifespan(
    limited if "logging" in _without else with_static_files(with_access_log(limited)),
)
