"""A key server in HashiCorp Vault's protocol, for the stacks of tests.

Pulumi derives a key from a passphrase in a million rounds, once or twice in each command: 0.25 s of CPU each time. A
real stack has its key in Google's KMS, which Pulumi uses with the same code as Vault. The stacks of the demo, of
one chain of pages, `reconciler simulate`, `make clients` and `make rehearse` have passphrases.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.fernet import Fernet

#: What the stack's settings name.
PROVIDER = "hashivault://tests"
_PREFIX = "vault:v1:"


@contextlib.contextmanager
def running_keeper() -> Iterator[dict[str, str]]:
    """Run the server in a thread while the block lasts; yield the variables by which Pulumi finds it."""
    key = Fernet(Fernet.generate_key())

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/v1/transit/encrypt/tests":
                data = {"ciphertext": _PREFIX + key.encrypt(base64.b64decode(body["plaintext"])).decode()}
            else:
                plain = key.decrypt(body["ciphertext"].removeprefix(_PREFIX))
                data = {"plaintext": base64.b64encode(plain).decode()}
            answer = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield {"VAULT_ADDR": f"http://127.0.0.1:{server.server_port}", "VAULT_TOKEN": "for tests"}
        finally:
            server.shutdown()
            thread.join()
