"""A phone of the lab that does what its command line says, step by step, and reports in JSON."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.netns.waiting import wait_for


@dataclass
class Script(ABC):
    """What all phones can do: dial, expect a call, sleep, talk, and the `plain` methods of a call. `agent` is the
    phone, `call` the call that its steps are about."""

    plain: ClassVar[frozenset[str]]
    agent: Any
    call: Any = None
    calls: int = 0
    batch: int = 0

    def play(self, steps: Sequence[str]) -> int:
        """Do all steps, print the report and close the phone; the exit code."""
        failed = ""
        try:
            for step in steps:
                name, _, value = step.partition(":")
                self.step(name, value)
        except (RuntimeError, TimeoutError) as error:
            failed = str(error)
        print(json.dumps({**self.agent.report(), "failed": failed}, indent=1))
        self.agent.close()
        return 1 if failed else 0

    def step(self, name: str, value: str) -> None:
        """Do one step. RuntimeError or TimeoutError if it does not come about."""
        if name == "dial":
            self.call = self.agent.dial(value)
            self.calls = len(self.agent.calls)
        elif name == "expect":
            self.call = self.agent.wait_call(self.calls, float(value or 30))
            self.calls += 1
        elif name == "sleep":
            time.sleep(float(value))
        elif self.registers(name, value):
            return
        elif self.call is None:
            raise RuntimeError(f"{name}: there is no call")
        elif name == "talk":
            self.batch += 1
            self.call.send_batch(self.batch, int(value or 50), 2)
            wait_for(lambda: self.call.media.idle, 600, "everything to be sent")
        elif name in self.plain:
            getattr(self.call, name)()
        elif not self.in_call(name, value):
            raise RuntimeError(f"no such step: {name}")

    @abstractmethod
    def registers(self, name: str, value: str) -> bool:
        """Do a step that is about no call; False where it is none."""

    @abstractmethod
    def in_call(self, name: str, value: str) -> bool:
        """Do a step of `call` that takes a value; False where it is none."""
