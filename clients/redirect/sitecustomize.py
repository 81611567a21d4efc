"""Resolve the services' host names to this machine.

Python runs this file at start, in every process of a client.

`CLIENTS_REDIRECT` is a JSON object of host names and the local ports that replace port 443. Other names, except that of
the loopback interface, are unknown, so that a client connects to no other machine.
"""

import json
import os
import socket
from typing import Any

_PORTS: dict[str, int] = json.loads(os.environ["CLIENTS_REDIRECT"])
_LOOPBACK = {None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", socket.gethostname()}  # noqa: S104
_real = socket.getaddrinfo


def _getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if name in _PORTS and port in (443, "443", "https"):
        return _real("127.0.0.1", _PORTS[name], *args, **kwargs)
    if name in _LOOPBACK:
        return _real(host, port, *args, **kwargs)
    raise socket.gaierror(socket.EAI_NONAME, f"{name} is not one of the local services")


socket.getaddrinfo = _getaddrinfo
