"""Where a program of Python spends its time: the stack of its main thread, looked at whenever it has used so much more.

    .venv/bin/python -m benchmarks.hot FILE PROGRAM [ARGUMENT ...]

runs PROGRAM; from a SIGUSR2 on it is looked at, and at its end FILE has the places and how often each was met. What is
compiled leaves no trace on the stack: it counts for who has called it.
"""

from __future__ import annotations

import atexit
import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

PACE = 0.001  # seconds of processor time between two looks; the kernel may have it less often
PLACES = {
    ("sbc/sip/dialect.py", "SipDialect.decode"): "reading messages: lines and names",
    ("sbc/sip/dialect.py", "SipDialect.describe"): "describing messages: who, what, of which call",
    ("sbc/sip/dialect.py", "SipDialect.slots"): "finding addresses in messages",
    ("sbc/sip/dialect.py", "SipDialect.fill"): "writing addresses into messages",
    ("sbc/sip/dialect.py", "SipDialect.stamp"): "stamping our hop on messages, hiding the other side",
    ("sbc/sip/dialect.py", "SipDialect.encode"): "putting messages together",
    ("sbc/core/taking.py", "take_request"): "taking requests: calls, exchanges, ways",
    ("sbc/core/taking.py", "take_reply"): "taking answers: calls, exchanges",
    ("sbc/core/border.py", "cross"): "the rest of taking messages across",
    ("sbc/core/border.py", "Border.wake"): "what is due",
    ("sbc/policy/", ""): "policies",
    ("sbc/journal.py", ""): "the log",
    ("sbc/admin/log.py", ""): "the log",
    ("sbc/ledger/", ""): "records of calls",
    ("sbc/media/udp.py", "Port._send"): "sending",
    ("sbc/media/udp.py", "Port.doRead"): "reading from sockets",
    ("sbc/media/", ""): "media",
    ("sbc/core/audit.py", ""): "looking over the books",
    ("sbc/runner.py", ""): "carrying orders out, remembering",
    ("twisted/", ""): "the reactor",
}
"""By a part of a file's path, and a function there, if not all of it: what the innermost one on a stack is called."""


def place_of(frame: FrameType | None) -> str:
    """The place that a stack is at."""
    while frame is not None:
        file, function = frame.f_code.co_filename, frame.f_code.co_qualname
        for (part, name), words in PLACES.items():
            if part in file and name in ("", function):
                return words
        frame = frame.f_back
    return "all else"


def watch(file: Path) -> None:
    """Look at the main thread of this process from a SIGUSR2 on, and write down what was found at its end."""
    met: Counter[str] = Counter()

    def begin(_number: int, _frame: FrameType | None) -> None:
        met.clear()
        signal.setitimer(signal.ITIMER_PROF, PACE, PACE)

    def look(_number: int, frame: FrameType | None) -> None:
        met[place_of(frame)] += 1

    def end() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        file.write_text(json.dumps(met))

    signal.signal(signal.SIGPROF, look)
    signal.signal(signal.SIGUSR2, begin)
    atexit.register(end)


def hottest(file: Path, most: int = 3) -> list[str]:
    """What was found, the place that was met most often first: its part of all looks, and what it is called."""
    met: Counter[str] = Counter(json.loads(file.read_text()))
    return [f"{count / met.total():5.0%}  {words}" for words, count in met.most_common(most)]


def main() -> None:
    file, program = Path(sys.argv[1]), sys.argv[2]
    del sys.argv[:2]
    watch(file)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
