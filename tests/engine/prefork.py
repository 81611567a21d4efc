"""Start the engine's Python processes by forking one that has imported their packages already.

Each command starts a program and a plugin, and most of its CPU time is their imports: Pulumi's SDK, its gcp package,
ours. Here a process imports them once, and forks for each program and plugin. No state is shared between runs: the
imports read no variables, and each program or plugin is a process of its own.

Four things differ from a process that the engine starts itself. The order of sets depends on a hash seed, which is
that of the forking process; there are two, with different seeds, so that an order left to chance still changes between
runs. The process is no descendant of the engine: a front stands for it there, passes signals on, and ends as it does.
A killed front passes nothing on, so the process ends a moment later; `workspace.kill` ends it at once. And the process
ends without taking its modules apart, which would touch, and so copy, the memory that it shares: 0.1 s of CPU.
Tests of pages, of commands that need a process, and `make rehearse` use it too. What such a process starts as the local
services is forked as well.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import pkgutil
import runpy
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path

SEEDS = (1, 2)

#: Scripts of this folder are forked too.
TOOLS = Path(__file__).resolve().parents[2] / "tools"

#: Files for which every schema and a few services of the catalogue are read, as in most runs: 0.03 s of CPU.
EVERY_FIELD = TOOLS.with_name("tests") / "config" / "good" / "every_field"

#: The address of forking processes that all workers of a session share.
SHARED = "PREFORK_SHARED"

#: A file to which a process adds the modules that it imported itself.
IMPORTED_LATER = "PREFORK_IMPORTED_LATER"

#: What forked commands start in a process of its own, which is forked too.
SIMULATORS = "simulator.server"

#: What the engine asks `python` at every command.
_LISTING = ("-m", "pip", "list", "-v", "--format", "json")

#: What programs and plugins import.
ENGINE = (
    "encodings.utf_8_sig",
    "pulumi.runtime.proto.provider_pb2_grpc",
    "reconciler.fivetran.api.client",
    "reconciler.stack.program",
    "reconciler.sdk.speed",
    "reconciler.sdk.replacements",
    "reconciler.sdk.plugin",
    "google.cloud.bigquery",
    "grpc._server",
    "grpc._utilities",
    "httpcore",
    "netrc",
)

#: What the engine starts in place of `python`. It passes on what a process inherits and the signals that it gets, and
#: waits for the exit code. It imports little, since it runs twice in every command, and leaves no stream open. When it
#: is killed, the forked process is killed too.
_FRONT = """\
import _signal, _socket, os, struct, sys
_signal.signal(_signal.SIGINT, _signal.SIG_DFL)
server = _socket.socket(_socket.AF_UNIX)
server.connect(sys.argv[1])
parts = [b"%d %d" % (os.getpid(), len(sys.argv) - 2), os.getcwdb(), *map(os.fsencode, sys.argv[2:])]
parts += [name + b"=" + value for name, value in os.environb.items()]
message = b"\\0".join(parts)
streams = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("3i", 0, 1, 2))
server.sendmsg([b"%10d" % len(message)], [streams])
server.sendall(message)
for each in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
    _signal.signal(each, lambda number, _: server.send(bytes([number])))
for stream in range(3):
    os.close(stream)
code = server.recv(1)
os._exit(code[0] if code else 1)
"""


def put_python(folder: Path, *, before: str = "") -> Path:
    """Write a directory for PATH, with a `python3` that answers by itself what the engine asks at every command.

    That is the version and `pip list`, which take a tenth of what a command takes and never change. A `git` beside it
    answers what the engine asks of the checkout for a log of runs: that it has no changes.

    Args:
        folder: The directory.
        before: Shell commands that run first, with the arguments in `"$@"`.
    """
    folder.mkdir()
    python, packages = shlex.quote(sys.executable), folder / "packages.json"
    packages.write_bytes(_list_packages())
    script = (
        "#!/bin/sh\n"
        f"{before}"
        'case "$*" in\n'
        f"  --version) exec echo Python {sys.version.split()[0]} ;;\n"
        f'  "{" ".join(_LISTING)}") exec cat {shlex.quote(str(packages))} ;;\n'
        "esac\n"
        f'exec {python} "$@"\n'
    )
    for name in ("python", "python3"):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    if git := shutil.which("git"):
        script = f'#!/bin/sh\n[ "$*" = "status --porcelain -z" ] || exec {shlex.quote(git)} "$@"\n'
        (folder / "git").write_text(script)
        (folder / "git").chmod(0o755)
    return folder


@cache
def _list_packages() -> bytes:
    return subprocess.run([sys.executable, *_LISTING], check=True, capture_output=True).stdout


@contextlib.contextmanager
def preforked_python(folder: Path) -> Iterator[Path]:
    """Start the forking processes for as long as the block lasts.

    Yields:
        A directory for PATH with a `python3`, and with a `reconciler` that is forked as well.
    """
    with contextlib.ExitStack() as stack:
        address = os.environ.get(SHARED) or stack.enter_context(forking_processes())
        front = f"exec {shlex.join(_front(address))}$(($$ % {len(SEEDS)}))"
        put_python(
            folder,
            before=(
                'case "$*" in\n'
                f'  "-u -m pulumi.dynamic "* | *pulumi-language-python-exec" "* | "{TOOLS}/"*) {front} "$@" ;;\n'
                "esac\n"
            ),
        )
        command = folder / "reconciler"
        command.write_text(f'#!/bin/sh\n{front} -c "from reconciler.cli.main import main; main()" "$@"\n')
        command.chmod(0o755)
        yield folder


@contextlib.contextmanager
def forking_processes() -> Iterator[str]:
    """Start the forking processes for as long as the block lasts; yield their address, to which each adds its number.

    They import when they are first used, so that those of a session cost little where no test needs them.
    """
    modules = (*ENGINE, *modules_of_commands(), "psutil", "reconciler.google.storage")
    with _address() as address, contextlib.ExitStack() as stack:
        for number, seed in enumerate(SEEDS):
            stack.enter_context(_forking_process(f"{address}{number}", seed, modules))
        yield address


@contextlib.contextmanager
def forking_simulators() -> Iterator[None]:
    """Fork the simulators that start while the block lasts, where workers share a forking process."""
    own, shared = sys.executable, os.environ.get(SHARED)
    sys.executable = str(_python(f"{shared}0")) if shared else own
    try:
        yield
    finally:
        sys.executable = own


def modules_of_commands() -> list[str]:
    """The modules that commands of `reconciler` import."""
    from reconciler.cli.main import COMMANDS  # not in the forking process, in which this file is the program

    return [*sorted({module for module, _ in COMMANDS.values()}), "reconciler.secrets.secret_manager", SIMULATORS]


@contextlib.contextmanager
def shared_or_preforked(*modules: str) -> Iterator[list[str]]:
    """Yield what to write in place of `python`, forked by a process of the session, or by one with these modules."""
    with contextlib.ExitStack() as stack:
        shared = os.environ.get(SHARED)
        yield _front(f"{shared}0") if shared else stack.enter_context(preforked(*modules))


@contextlib.contextmanager
def preforked(*modules: str) -> Iterator[list[str]]:
    """Start a process that has imported these modules; yield what to write in place of `python` in a command line."""
    with _address() as address, _forking_process(address, SEEDS[0], modules):
        yield _front(address)


@contextlib.contextmanager
def _address() -> Iterator[str]:
    # Not in a folder of pytest's: the address of a socket has at most 104 characters.
    with tempfile.TemporaryDirectory(prefix="prefork-") as name:
        (Path(name) / "front.py").write_text(_FRONT)
        yield f"{name}/at"


def _front(address: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(Path(address).with_name("front.py")), address]


def _python(address: str) -> Path:
    """The `sys.executable` of forked processes, with which they fork the simulators."""
    return Path(f"{address}-python")


@contextlib.contextmanager
def _forking_process(address: str, seed: int, modules: Sequence[str]) -> Iterator[None]:
    _python(address).write_text(
        f'#!/bin/sh\n[ "$1 $2" != "-m {SIMULATORS}" ] || exec {shlex.join(_front(address))} "$@"\n'
        f'exec {shlex.quote(sys.executable)} "$@"\n'
    )
    _python(address).chmod(0o755)
    with subprocess.Popen(
        [sys.executable, __file__, address, *modules],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
        process.communicate()  # It ends when its stdin does.


@cache
def import_modules(names: tuple[str, ...]) -> None:
    """Import what the forked processes import, and let it read the schemas, once."""
    for name in names:
        pkgutil.resolve_name(name)
    if "reconciler.config" in sys.modules:
        sys.modules["reconciler.config"].load(EVERY_FIELD, EVERY_FIELD.parent, date(2026, 12, 1))
    gc.freeze()


def serve(address: str, modules: tuple[str, ...]) -> list[str]:
    """Fork for each program and plugin until stdin ends. Return in the forked processes, with their arguments.

    The modules are imported before the first fork.
    """
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    fronts: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for each in (sys.stdin, woken, listening):
            selector.register(each, selectors.EVENT_READ)
        print("ready", flush=True)  # noqa: T201
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    for pid in fronts:
                        os.kill(pid, signal.SIGKILL)
                    os._exit(0)
                elif key.fileobj == woken:
                    os.read(woken, 1024)
                    _answer_ended(fronts)
                elif key.fileobj is listening:
                    import_modules(modules)
                    front, _ = listening.accept()
                    header, streams, *_ = socket.recv_fds(front, 10, 3)
                    message = front.recv(int(header), socket.MSG_WAITALL)
                    pid = os.fork()
                    if pid == 0:
                        for each in (listening, front, *fronts.values()):
                            each.close()
                        sys.executable = str(_python(address))
                        return _take_over(message, streams)
                    fronts[pid] = front
                    selector.register(os.dup(front.fileno()), selectors.EVENT_READ, pid)
                    for stream in streams:
                        os.close(stream)
                else:
                    signals = _read(key.fd)
                    # Without one the front has ended: because it has its exit code, or because the engine killed it.
                    _pass_on(signals or [signal.SIGKILL], key.data, fronts)
                    if not signals:
                        selector.unregister(key.fileobj)
                        os.close(key.fd)


def _pass_on(signals: Iterable[int], pid: int, running: Container[int]) -> None:
    for number in signals:
        if pid in running:
            os.kill(pid, number)


def _read(stream: int) -> bytes:
    try:
        return os.read(stream, 64)
    except ConnectionError:
        return b""


def _answer_ended(fronts: dict[int, socket.socket]) -> None:
    """Send the fronts of processes that have ended their exit codes."""
    for pid in list(fronts):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            with fronts.pop(pid) as front, contextlib.suppress(OSError):
                front.send(bytes([code if code >= 0 else 128 - code]))


def _take_over(message: bytes, streams: list[int]) -> list[str]:
    """Attach to what the front inherited from the engine; return its arguments."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    numbers, folder, *rest = message.split(b"\0")
    front, count = map(int, numbers.split())
    with contextlib.suppress(OSError):  # where there is no /proc
        Path("/proc/self/comm").write_text(forked_for(front))
    os.chdir(folder)
    tempfile.tempdir = None  # what an import may have asked for, by the variables of the forking process
    os.environ.clear()
    os.environb.update(dict(each.split(b"=", 1) for each in rest[count:]))
    return [os.fsdecode(each) for each in rest[:count]]


def forked_for(front: int) -> str:
    """Return the name of the process that stands behind a front, by the front's process id."""
    return f"for-{front}"


def run(arguments: list[str]) -> None:
    """Do what `python` does with these arguments."""
    # `sys.argv` stays the same list: what was imported may have it as a default.
    if arguments[0] == "-c":
        sys.argv[:] = ["-c", *arguments[2:]]
        sys.path[0] = ""
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    elif arguments[:2] == ["-u", "-m"]:
        sys.stdout = io.TextIOWrapper(open(1, "wb", 0, closefd=False), write_through=True)  # noqa: SIM115
        sys.argv[:] = arguments[2:]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(arguments[2], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-m":
        sys.argv[:] = arguments[1:]
        sys.path[0] = str(Path.cwd())
        sys.modules.pop(arguments[1])  # else runpy warns that it is imported
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = arguments
        sys.path[0] = str(Path(arguments[0]).parent)
        runpy.run_path(arguments[0], run_name="__main__")


class _Exit:
    """Ends the process as Python does, short of taking its modules apart."""

    def __init__(self) -> None:
        """Come last: what is registered later runs before."""
        self._code: int | None = None
        atexit.register(self._end)

    def __enter__(self) -> None:
        """Do nothing yet."""

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        """Keep the exit code. What is printed for another error, Python prints first."""
        if error is None:
            self._code = 0
        elif isinstance(error, SystemExit) and isinstance(error.code, int | None):
            self._code = error.code or 0

    def _end(self) -> None:
        if self._code is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._code)


if __name__ == "__main__":
    quick = _Exit()
    arguments = serve(sys.argv[1], tuple(sys.argv[2:]))
    imported = set(sys.modules)
    with quick:
        try:
            run(arguments)
        finally:
            if file := os.environ.get(IMPORTED_LATER):
                with Path(file).open("a") as late:
                    late.writelines(f"{name}\n" for name in set(sys.modules) - imported)
