"""Play a newcomer: a person who types commands in a shell of their own clone, and waits."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

#: What the shell prints when it waits for the next command.
_PROMPT = re.compile(r"\r?\n?<<(\d+)>>ready ")
#: Seconds for one command on a busy machine.
_TIMEOUT_S = 1800


@dataclass(frozen=True)
class Step:
    """What the newcomer did or waited for, and how long it took."""

    what: str
    seconds: float
    is_typed: bool
    """Whether it is a command that the newcomer typed, and not a wait for a workflow."""
    printed: str = ""


@dataclass
class Newcomer:
    """A shell in a terminal, and what was typed so far."""

    terminal: int
    steps: list[Step] = field(default_factory=list)

    def type(self, command: str, **answers: str) -> str:
        """Type a command, answer its questions, and return what it printed.

        Args:
            command: The line.
            answers: What is typed when the command has printed a word, in the order of the questions.
        """
        began = time.monotonic()
        self._send(command)
        printed = ""
        for question, answer in answers.items():
            printed += self.read_until(re.compile(question))
            self._send(answer)
        printed += self.read_until(_PROMPT)
        found = _PROMPT.search(printed)
        assert found is not None
        assert found[1] == "0", printed
        text = printed[: found.start()].replace("\r\n", "\n")
        self.steps.append(Step(command, time.monotonic() - began, is_typed=True, printed=text))
        return text

    @contextmanager
    def waiting_for(self, what: str) -> Iterator[None]:
        """Count the time of the block as time that the newcomer waits."""
        began = time.monotonic()
        yield
        self.steps.append(Step(what, time.monotonic() - began, is_typed=False))

    @property
    def commands(self) -> list[str]:
        """The commands that the newcomer typed."""
        return [step.what for step in self.steps if step.is_typed]

    @property
    def transcript(self) -> str:
        """What the terminal showed, for the tutorial."""
        return "\n".join(f"$ {step.what}\n{step.printed}" for step in self.steps if step.is_typed)

    def report(self) -> str:
        """Return the commands and the waits, with their seconds."""
        rows = [f"{step.seconds:7.1f}  {'$ ' if step.is_typed else '  '}{step.what}" for step in self.steps]
        total = sum(step.seconds for step in self.steps)
        return "\n".join([*rows, f"{total:7.1f}  {len(self.commands)} commands, and the seconds waited for us"])

    def read_until(self, wanted: re.Pattern[str]) -> str:
        """Return what the terminal shows until this text appears."""
        found, deadline = b"", time.monotonic() + _TIMEOUT_S
        while not wanted.search(text := found.decode("utf-8", "replace")):
            assert time.monotonic() < deadline, text
            if select.select([self.terminal], [], [], 1)[0]:
                found += os.read(self.terminal, 65536)
        return text

    def _send(self, line: str) -> None:
        os.write(self.terminal, f"{line}\n".encode())


@contextmanager
def shell(folder: Path, variables: Mapping[str, str]) -> Iterator[Newcomer]:
    """Start a shell in a terminal of its own, with these variables alone."""
    side, terminal = pty.openpty()
    environment = {**variables, "PS1": r"<<$?>>ready ", "PS2": "", "TERM": "dumb", "COLUMNS": "140"}
    command = ["bash", "--noprofile", "--norc", "--noediting", "-i"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    ) as process:
        try:
            newcomer = Newcomer(side)
            newcomer.read_until(_PROMPT)
            newcomer.type("stty -echo")
            newcomer.steps.clear()
            yield newcomer
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            os.close(terminal)
            os.close(side)
