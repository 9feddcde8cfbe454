#!/bin/sh
# Give users.d/die-hard.xml the digests of the users' passwords, then start what the arguments say. ClickHouse writes
# its configuration to the disk, with the environment put in: so it gets digests, not passwords.
set -eu
secrets=${SECRETS:-/run/secrets}
digest() {
    password=$(cat "$secrets/$1")
    [ -n "$password" ] || { echo "start: the secret $1 is empty" >&2; exit 1; }
    printf %s "$password" | sha256sum | cut -d ' ' -f 1
}
CLICKHOUSE_OWNER_SHA256=$(digest clickhouse_owner_password)
CLICKHOUSE_APP_SHA256=$(digest clickhouse_app_password)
CLICKHOUSE_ANALYST_SHA256=$(digest clickhouse_analyst_password)
export CLICKHOUSE_OWNER_SHA256 CLICKHOUSE_APP_SHA256 CLICKHOUSE_ANALYST_SHA256
exec "$@"
