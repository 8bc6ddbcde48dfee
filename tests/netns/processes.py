"""A program that runs inside a lab: its log, its end, and what to show when it did wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.netns.waiting import PATIENCE, wait_for


class LabProcess:
    """A child process that leads its own session (so that its whole group can be ended) and writes one log file."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.popen = popen
        self.log = log

    def __repr__(self) -> str:
        state = "runs" if self.running else f"ended {self.popen.returncode}"
        return f"<{self.name} pid {self.popen.pid} {state}>"

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def output(self) -> str:
        """All the program has written so far, standard error included."""
        return self.log.read_text(errors="replace")

    def tail(self, lines: int = 40) -> str:
        return "\n".join([line for line in self.output().splitlines() if line.strip()][-lines:])

    def wait_output(self, pattern: str, timeout: float = PATIENCE) -> re.Match[str]:
        """Wait until the log matches `pattern` (multi-line). TimeoutError, with the log's tail, if it does not or
        the program ends."""

        def look() -> re.Match[str] | bool:
            ended = not self.running  # asked first: what a program wrote before its end is in the log by then
            found = re.search(pattern, self.output(), re.MULTILINE)
            return found or ended

        try:
            found = wait_for(look, timeout, f"{self.name} to write {pattern!r}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.tail()}") from None
        if not isinstance(found, re.Match):
            raise TimeoutError(
                f"{self.name} ended ({self.popen.returncode}) without writing {pattern!r}\n{self.tail()}"
            )
        return found

    def wait_exit(self, timeout: float = 60.0) -> int:
        """Wait for the program's own end and return its exit code."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs after {timeout:g} s\n{self.tail()}") from None

    def check_exit(self, timeout: float = 60.0) -> None:
        """Wait for the program's end; RuntimeError, with the log's tail, unless it is 0."""
        code = self.wait_exit(timeout)
        if code != 0:
            raise RuntimeError(f"{self.name} ended with {code}\n{self.tail()}")

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the program's whole process group."""
        if self.running:
            os.killpg(self.popen.pid, number)

    def stop(self, how: signal.Signals = signal.SIGTERM, patience: float = 3.0) -> int:
        """End the program, by SIGKILL if it has not ended in `patience` seconds; its exit code."""
        self.send_signal(how)
        try:
            return self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
            return self.popen.wait()
