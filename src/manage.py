#!/usr/bin/env python
"""Django's command line."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    if sys.argv[1:2] == ["runserver"]:
        os.environ.setdefault("DATABASE_POOL_SIZE", "8")  # it serves ASGI, see core.settings.database

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
