#!/usr/bin/env python
"""Django's command line."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    if sys.argv[1:2] == ["runserver"]:
        os.environ.setdefault("DATABASE_POOL_SIZE", "8")  # it serves ASGI, see core.settings.database
        if "--noreload" not in sys.argv and os.environ.get("RUN_MAIN") != "true":
            # The outer process only restarts the inner one; without Django it is there in half the time.
            from core import reloading

            sys.exit(reloading.supervise())

    from core.commandline import execute

    execute()
