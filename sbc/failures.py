"""What could not be reached, and what has come back: the core hears of it when it is done with what it is at."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.orders import Listener, Order


class Failures:
    """Peers without a connection, and datagrams that came back, in order. `carry_out` does what the core orders then;
    `fault` is told of a fault of ours in dealing with a datagram, since anybody can send what brings one back."""

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
        """Tell the core of all that waits."""
        while self._waiting:
            listener, peer, why, data = self._waiting.popleft()
            if data is None:
                self._carry_out(self._border.unreachable(listener, peer, why, self._seconds()))
                continue
            try:
                self._carry_out(self._border.bounced(listener, peer, data, why, self._seconds()))
            except Exception as fault:  # noqa: BLE001 - what else waits is to be told
                self._fault(f"a datagram that came back from {peer}", fault)
