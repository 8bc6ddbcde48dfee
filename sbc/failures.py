"""What could not be reached, and what has come back: the core hears of it when it is done with what it is at."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.orders import Listener, Order


class Failures:
    """Peers without a connection, and datagrams that came back, in order. `carry_out` does what the core orders then;
    `fault` is told of a fault of ours in that, since anybody can bring it about."""

    def __init__(
        self,
        border: Border,
        seconds: Callable[[], float],
        carry_out: Callable[[list[Order]], None],
        fault: Callable[[str, Exception], None],
    ) -> None:
        self._border = border
        self._seconds = seconds
        self._carry_out = carry_out
        self._fault = fault
        self._waiting: deque[tuple[Listener, Address, str, bytes | None]] = deque()
        self._held = False
        self._telling = False

    def add(self, listener: Listener, peer: Address, why: str, data: bytes | None = None) -> None:
        """There is no connection to `peer`; or a datagram to it, which began with `data`, has come back."""
        self._waiting.append((listener, peer, why, data))
        if not self._held:
            self.tell()

    def hold(self) -> bool:
        """The core's orders are being carried out; False where they were already."""
        outermost, self._held = not self._held, True
        return outermost

    def let(self) -> None:
        """They are done: what waits may be told."""
        self._held = False

    def tell(self) -> None:
        """Tell the core of all that waits. Called by what the core orders meanwhile it does nothing: the first call
        comes to what has been added, however much it is."""
        if self._telling:
            return
        self._telling = True
        try:
            while self._waiting:
                self._tell(*self._waiting.popleft())
        finally:
            self._telling = False

    def _tell(self, listener: Listener, peer: Address, why: str, data: bytes | None) -> None:
        now = self._seconds()
        try:
            if data is None:
                self._carry_out(self._border.unreachable(listener, peer, why, now))
            else:
                self._carry_out(self._border.bounced(listener, peer, data, why, now))
        except Exception as fault:  # noqa: BLE001 - what else waits is to be told
            what = "a connection that is not there" if data is None else "a datagram that came back"
            self._fault(f"{what}, to {peer}", fault)
