"""Drive the YAML language server as an editor does, over its standard input and output.

`python -m clients.editor.server` opens each unit file of the repository and prints times, for docs/benchmarks.md.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clients.environments import node_packages

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def program() -> list[str]:
    """Return the server's command. A changed lock installs it anew, with npm."""
    node = shutil.which("node")
    if node is None:
        raise RuntimeError("node is not on PATH. Install Node.js 20 or newer.")
    return [node, str(node_packages("editor") / "yaml-language-server" / "bin" / "yaml-language-server"), "--stdio"]


def read_settings() -> dict[str, Any]:
    """Read `.vscode/settings.json` as the sections that an editor sends: `{"yaml": {"schemas": …}}`."""
    sections: dict[str, Any] = {}
    for key, value in json.loads((ROOT / ".vscode" / "settings.json").read_text()).items():
        *path, name = key.split(".")
        node = sections
        for step in path:
            node = node.setdefault(step, {})
        node[name] = value
    return sections


class Server:
    """A running server of YAML, with the settings of the repository."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input, self._output = process.stdin, process.stdout
        self._numbers = itertools.count(1)
        self._settings = read_settings()
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        content = {
            "completion": {"completionItem": {"snippetSupport": True}},
            "hover": {"contentFormat": ["plaintext"]},
        }
        folder = {"uri": ROOT.as_uri(), "name": ROOT.name}
        capabilities = {"textDocument": content, "workspace": {"configuration": True, "workspaceFolders": True}}
        parameters = {"processId": None, "rootUri": folder["uri"], "workspaceFolders": [folder]}
        self._call("initialize", {**parameters, "capabilities": capabilities})
        self._send("initialized", {})
        self._send("workspace/didChangeConfiguration", {"settings": self._settings})

    def open(self, name: str, text: str) -> list[tuple[int, int, str]]:
        """Open a text as a file of the repository.

        Returns line, column (from 1) and message of each diagnostic.
        """
        uri = _uri(name)
        self._diagnostics.pop(uri, None)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send("textDocument/didOpen", {"textDocument": document})
        while uri not in self._diagnostics:
            self._receive()
        starts = ((each["range"]["start"], each["message"]) for each in self._diagnostics[uri])
        return sorted((start["line"] + 1, start["character"] + 1, message) for start, message in starts)

    def cpu_seconds(self) -> float:
        """Return the processor time that the server has used. Linux only."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def complete(self, name: str, line: int, column: int) -> list[str]:
        """Return the labels of the completions at a place of an open file."""
        found = self._call("textDocument/completion", _place(name, line, column))
        return [item["label"] for item in (found["items"] if isinstance(found, dict) else found)]

    def hover(self, name: str, line: int, column: int) -> str:
        """Return the text of the hover at a place of an open file; empty without one."""
        found = self._call("textDocument/hover", _place(name, line, column))
        return str(found["contents"]["value"]) if found else ""

    def _send(self, method: str, parameters: Mapping[str, Any], **more: Any) -> None:
        self._write({"method": method, "params": parameters, **more})

    def _write(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._input.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._input.flush()

    def _call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        number = next(self._numbers)
        self._send(method, parameters, id=number)
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]

    def _receive(self) -> dict[str, Any]:
        """Read a message, and answer a request of the server."""
        length = 0
        while header := self._output.readline().strip():
            if found := re.fullmatch(rb"content-length: *(\d+)", header, re.IGNORECASE):
                length = int(found[1])
        if not length:
            raise RuntimeError("the server ended")
        message: dict[str, Any] = json.loads(self._output.read(length))
        parameters = message.get("params", {})
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[parameters["uri"]] = parameters["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            answers = [self._settings.get(item.get("section"), {}) for item in parameters["items"]]
            self._write({"id": message["id"], "result": answers})
        elif "method" in message and "id" in message:
            self._write({"id": message["id"], "result": None})
        return message


@contextmanager
def running() -> Iterator[Server]:
    """Run a server while the block lasts."""
    with subprocess.Popen(program(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def unit_files() -> list[Path]:
    """Return every unit file of the repository."""
    return [file for file in sorted((ROOT / "connectors").glob("*/*.yaml")) if file.stem != "environment"]


def _uri(name: str) -> str:
    return (ROOT / name).as_uri()


def _place(name: str, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": _uri(name)}, "position": {"line": line - 1, "character": column - 1}}


def main() -> None:
    """Print the times to open each unit file, and to complete inside a config."""
    with running() as server:
        times = []
        cpu_before = server.cpu_seconds()
        for file in unit_files():
            began = time.monotonic()
            server.open(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"))
            times.append(time.monotonic() - began)
            if len(times) == 1:
                cpu_of_first = server.cpu_seconds() - cpu_before
        name = "connectors/dev/measured.yaml"
        server.open(name, "connector:\n  service: stripe\n  config:\n    \n")
        began = time.monotonic()
        server.complete(name, 4, 5)
        took = time.monotonic() - began
    print(f"editor: the server started with {cpu_before:.2f} s of CPU")
    print(f"first open {times[0]:.2f} s ({cpu_of_first:.2f} s of CPU), then at most {max(times[1:]):.2f} s")
    print(f"a completion {took:.2f} s")


if __name__ == "__main__":
    main()
