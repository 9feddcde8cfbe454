"""PostgreSQL as Compose starts it: its configuration, and its roles made by docker/postgres/roles.sql."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import override
from urllib.parse import quote

from devstack.ports import HOST
from devstack.postgres import DATABASE, Postgres
from tests.production.paths import DOCKER, SERVICES

SUPERUSER = "postgres"
PASSWORDS = {
    "postgres_owner_password": 'the owner\'s \\ "one" %41',
    "postgres_app_password": "the app's :'one'",
    "postgres_reader_password": "the reader's",
}


@dataclass(frozen=True, kw_only=True)
class ComposePostgres(Postgres):
    """The wheel's server with the image's superuser, without its entrypoint."""

    @override
    def _initdb(self, folder: Path) -> list[str]:
        return [f"--username={SUPERUSER}" if part == "--username=app" else part for part in super()._initdb(folder)]

    @override
    def _our_password(self) -> str:
        return f"ALTER ROLE {SUPERUSER} PASSWORD '{self.password}';\n"

    @override
    def _options(self) -> list[str]:
        # What else is set here is where it runs, and that it is thrown away.
        options = {
            "config_file": str(self.folder / "postgresql.conf"), "hba_file": str(self.data / "pg_hba.conf"),
            "listen_addresses": HOST, "unix_socket_directories": "", "fsync": "off",
        }  # fmt: skip
        (self.folder / "postgresql.conf").write_text((DOCKER / "postgres" / "postgresql.conf").read_text())
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def url(self, role: str = SUPERUSER, password: str = "") -> str:
        return f"postgres://{role}:{quote(password or self.password, safe='')}@{HOST}:{self.port}/{DATABASE}"

    def make_roles(self, secrets: Path) -> None:
        """What the image does with a file in docker-entrypoint-initdb.d."""
        for name in SERVICES["postgres"]["secrets"]:
            (secrets / name).write_text(PASSWORDS.get(name, self.password) + "\n")
        subprocess.run(
            [self.programs / "psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-f", DOCKER / "postgres" / "roles.sql",
             self.url()],
            env={"PATH": os.environ["PATH"], "SECRETS": str(secrets)}, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
