"""What the thread that writes a file has to say, said in the log by the reactor's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

_log = Logger()


def teller(reactor: Any, name: str, what: str) -> Callable[[str, dict[str, Any]], None]:
    """The `tell` of a sbc.ledger.writer.Writer: `name` is the file's, `what` it has in it, as many of them."""

    def say(event: str, fields: dict[str, Any]) -> None:
        if event == "failing":
            _log.error("{name} cannot be written: {error}; {waiting} {what} wait", name=name, what=what, **fields)
        elif event == "lost":
            _log.critical("{name}: {count} {what} are lost, {all} in all", name=name, what=what, **fields)
        else:
            _log.warn("{name} is written again; {waiting} {what} still wait", name=name, what=what, **fields)

    return lambda event, fields: reactor.callFromThread(say, event, fields)
