"""Books what calls use on the accounts of those who pay in advance, and ends them when that is used up.

What counts are octets of whole IP packets between the SBC and the terminal, both ways, RTP and RTCP, as engines count
them (sbc.ledger.volume), and the seconds since the answer. Calls for help are free.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import attrs
from twisted.logger import Logger

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.call import Call, CallState
from sbc.core.orders import Note, Record
from sbc.ledger.volume import header_of, ip_octets
from sbc.media.counters import SideCounters, StreamCounters
from sbc.policy.quota import State, Whose

SPENT = "the account is used up"
"""The cause of a call that is ended for it."""


@attrs.define
class Charged:
    """A live call that is paid for: by whom, on which leg and with how large headers, and what was booked of it;
    `looked`: when its seconds were last looked at, on the steady clock."""

    whose: Whose
    leg: int
    header: int
    seconds: float = 0.0
    looked: float | None = None
    octets: dict[str, int] = attrs.field(factory=dict)  # by stream
    failed: bool = False  # a fault of ours was told


class Charger:
    """Hears orders as the runner carries them out. Everything on the reactor's thread.

    `counters` is the engine's, `tick` the core's clock, `say` is told what there is to say, `end` ends a call for a
    cause. `charges` is the engine's (see IMediaEngine). `steady` is a clock that nobody sets, as the core's may be;
    without it that counts. A call whose account is opened while it is live is not paid for.
    """

    _log = Logger()

    def __init__(
        self,
        border: Border,
        counters: Callable[[str], StreamCounters],
        tick: Callable[[], float],
        say: Callable[[Note], None],
        end: Callable[[str, str], None],
        charges: Any = None,
        steady: Callable[[], float] | None = None,
    ) -> None:
        self._registry = border.registry
        self._quotas = border.registry.gate.quota
        self._counters = counters
        self._tick = tick
        self._say = say
        self._end = end
        self._charges = charges
        self._steady = steady or tick
        self._round: deque[str] = deque()  # calls that have yet to be looked at in this round
        self._at_once = 0
        self._live: dict[str, Charged] = {}
        self._spent: dict[Whose, None] = {}

    def __len__(self) -> int:
        return len(self._live)

    def take(self, call: Call, since: float | None = None) -> None:
        """Charge a call from now on, if it is to be paid for. `since`: one that was charged until then in another
        process."""
        leg = call.leg_in(call.path.access)
        whose = (call.path.access, call.holder)
        if call.urgent or call.lifetime or not self._quotas.charges(call.path.access, leg == 1):
            return
        if whose in self._quotas.accounts:
            own: Address = call.legs[leg].listener.address
            self._live[call.id] = charged = Charged(whose, leg, header_of(own.host))
            if since is not None and call.answered_at is not None:
                charged.seconds = max(0.0, since - call.answered_at)

    def resume(self) -> None:
        """Charge the calls that have outlived another process, and what the kernel has carried of them since that has
        booked last. What the engine itself has counted until now is not booked: of some of it that has been done."""
        for call in list(self._registry.calls.values()):
            if call.id in self._live or call.state is CallState.CLOSED:
                continue
            try:
                self._take_up(call)
            except Exception:  # noqa: BLE001 - whatever it is, the others are to be charged
                self._log.failure("a fault in charging call {call}, which goes on for nothing", call=call.id)

    def _take_up(self, call: Call) -> None:
        account = self._quotas.accounts.get((call.path.access, call.holder))
        if account is None or call.opened_at < account.opened_at:
            return
        self.take(call, account.charged_at)
        charged = self._live.get(call.id)
        if charged is not None:
            owed = self._owed(call, charged)
            self._carried(call, charged)
            self._book(call.id, charged, owed, charged.seconds)

    def _owed(self, call: Call, charged: Charged) -> int:
        """Octets that nobody has booked: those of before this process, where something has forwarded without one."""
        if self._charges is None:
            return 0
        return sum(ip_octets(self._charges.owed(stream.id), charged.header) for stream in call.streams.values())

    def record(self, order: Record) -> None:
        """Something has happened to a call."""
        if order.event == "open":
            call = self._registry.calls.get(order.call)
            if call is not None:
                self.take(call)
        elif order.event == "close":
            charged = self._live.pop(order.call, None)
            seconds = order.fields["answered_for"]
            if charged is not None and seconds is not None:
                self._book(order.call, charged, 0, self._lasted(charged, seconds))

    def closed(self, stream: str, volume: StreamCounters) -> None:
        """A stream has been closed, having carried so much."""
        call = stream.partition("/")[0]
        charged = self._live.get(call)
        if charged is not None:
            self._book(call, charged, self._more(charged, stream, volume), charged.seconds)

    def look(self, parts: int = 1) -> None:
        """Book what live calls have used since each was looked at last, and end those of accounts that are used up.
        With `parts` it takes so many looks until each call has had one."""
        if not self._round:
            self._round.extend(self._live)
            self._at_once = -(-len(self._round) // parts)
        for _ in range(min(self._at_once, len(self._round))):
            id = self._round.popleft()
            call, charged = self._registry.calls.get(id), self._live.get(id)
            if call is not None and charged is not None and call.state is not CallState.CLOSED:
                since = call.answered_at
                seconds = charged.seconds if since is None else self._lasted(charged, self._tick() - since)
                self._book(id, charged, self._carried(call, charged), seconds)
        while self._spent:
            whose, _ = self._spent.popitem()
            self._end_all(whose)

    def _lasted(self, charged: Charged, since: float) -> float:
        """How long a call lasts, which was answered so long ago by the core's clock: that counts for its first look
        alone."""
        now, before = self._steady(), charged.looked
        charged.looked = now
        return max(since, charged.seconds) if before is None else charged.seconds + max(0.0, now - before)

    def _failed(self, call: str, charged: Charged) -> None:
        """A fault of ours has cost a look at a stream, or the end of a call; it is told once a call."""
        if not charged.failed:
            self._log.failure("a fault in charging call {call}", call=call)
        charged.failed = True

    def faults(self) -> list[str]:
        """What does not add up: calls that are charged, and are not there any more; for the auditor."""
        return [f"call {id} is charged, and over" for id in self._live if not self._registry.has_call(id)]

    def _carried(self, call: Call, charged: Charged) -> int:
        more = 0
        for stream in call.streams.values():
            try:
                more += self._more(charged, stream.id, self._counters(stream.id))
                if self._charges is not None:
                    self._charges.note(stream.id)
            except KeyError:  # its ports are not open: it is being given up
                continue
            except Exception:  # noqa: BLE001 - whatever it is, all else is to be charged
                self._failed(call.id, charged)
        return more

    def _more(self, charged: Charged, stream: str, counters: StreamCounters) -> int:
        """What a stream has carried besides what is booked of it."""
        before = charged.octets.get(stream, 0)
        charged.octets[stream] = now = octets_of(counters.sides[charged.leg], charged.header)
        return now - before

    def _book(self, call: str, charged: Charged, octets: int, seconds: float) -> None:
        more, charged.seconds = seconds - charged.seconds, seconds
        if not octets and not more:
            return
        state = self._quotas.spend(charged.whose, octets, more, self._tick())
        if state is State.LOW:
            self._say(Note("quota-low", f"account {self._quotas.accounts[charged.whose]} comes to its end", call))
        elif state is State.SPENT:
            self._spent[charged.whose] = None

    def _end_all(self, whose: Whose) -> None:
        account = self._quotas.accounts.get(whose)
        if account is None or not account.is_spent:  # it was closed meanwhile, or filled
            return
        self._say(Note("quota-spent", f"account {account} is used up"))
        for id, charged in [each for each in self._live.items() if each[1].whose == whose]:
            try:
                self._end(id, SPENT)
                self._quotas.cut[whose[0]] += 1
            except Exception:  # noqa: BLE001 - whatever it is, the others are to end
                self._failed(id, charged)


def octets_of(side: SideCounters, header: int) -> int:
    """Octets of the whole IP packets that have come from a side and gone to it."""
    return ip_octets(side.received, header) + ip_octets(side.sent, header)
