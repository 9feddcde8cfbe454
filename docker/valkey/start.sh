#!/bin/sh
# Valkey with its configuration and the password from its file, which stands neither in the arguments nor on the disk.
set -eu
folder=$(dirname "$0")
password=$(cat "${SECRETS:-/run/secrets}/valkey_password")
[ -n "$password" ] || { echo "start: the secret valkey_password is empty" >&2; exit 1; }
exec valkey-server - "$@" <<CONFIGURATION
$(cat "$folder/valkey.conf")
requirepass "$(printf %s "$password" | sed 's/[\\"]/\\&/g')"
CONFIGURATION
