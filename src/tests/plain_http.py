"""HTTP to servers that come and go, for looks that are taken twenty times a second."""

import httpx

# A client of httpx's loads the certificates of the world, 40 ms for each `httpx.get`, unless it need not check any. A
# kept connection would be that of a server which may have gone.
PLAIN = httpx.Client(verify=False, limits=httpx.Limits(max_keepalive_connections=0), timeout=10)
