#!/bin/sh
# Start Caddy by the arguments, unless the application would take everybody for one client (one address in the records,
# one share of every limit), or send its cookies in clear.
set -eu
case "${TRUSTED_PROXIES:-0}" in
0)
    echo "start: set TRUSTED_PROXIES=1 in .env, or everybody behind this proxy counts as one client" >&2
    exit 1
    ;;
esac
case "${HTTPS_ONLY:-false}" in
[Ff][Aa][Ll][Ss][Ee] | [Nn][Oo] | [Oo][Ff][Ff] | 0)
    echo "start: set HTTPS_ONLY=true in .env: this proxy speaks TLS, and the application would not insist on it" >&2
    exit 1
    ;;
esac
exec "$@"
