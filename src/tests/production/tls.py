"""TLS in front of servers that speak none here: each connection is deciphered and passed on."""

import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# What libpq sends first, in clear, to ask for TLS: length and code.
_SSL_REQUEST = struct.pack("!II", 8, 80877103)


def make_certificate(folder: Path, *, name: str) -> Path:
    """A certificate for this name, signed by itself, and its key beside it."""
    certificate = folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", certificate.with_suffix(".key"),
         "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate


@contextmanager
def front(*, host: str, port: int, certificate: Path, postgres: bool = False) -> Iterator[int]:
    """The port of a listener with this certificate in front of the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        def serve(client: socket.socket) -> None:
            with suppress(OSError), client:
                if postgres:
                    if client.recv(8, socket.MSG_WAITALL) != _SSL_REQUEST:
                        return
                    client.sendall(b"S")
                with (
                    context.wrap_socket(client, server_side=True) as deciphered,
                    socket.create_connection((host, port)) as server,
                ):
                    back = threading.Thread(target=pump, args=(server, deciphered), daemon=True)
                    back.start()
                    pump(deciphered, server)
                    back.join()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
