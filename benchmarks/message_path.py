"""What one message costs on its way through the border: microseconds by kind of message, octets by kind of thing.

    .venv/bin/python -m benchmarks.message_path [--calls N] [--live N ...] [--memory | --flat]

All in memory: the border with SIP as its dialect gets what a phone behind a NAT and a softswitch would send; time is
what the benchmark says it is. So no socket, log, record or kernel is measured; benchmarks/sip_calls.py measures all.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tracemalloc
from collections import defaultdict
from collections.abc import Callable
from time import process_time_ns

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.orders import Order, Send
from sbc.core.realm import Keepalive, Limits, Registrations
from sbc.core.registry import Arrival
from sbc.sip.dialect import SipDialect
from tests import sip_messages as sip
from tests.rig import PHONE, SECRET, SOFTSWITCH, make_plan

SOFTSWITCH_HOST = SOFTSWITCH.host
MOST = 1_000_000
LIMITS = Limits(calls=MOST, bindings=MOST, exchanges=MOST, exchanges_per_source=MOST, dialogues=MOST)
PACE = 0.01  # seconds between two calls
BATCH = 100  # calls whose cost is one sample


class Bench:
    """A border, what it sent last, and what each kind of message has cost."""

    def __init__(self) -> None:
        plan = make_plan("sip", LIMITS, ports=40_000, registrations=Registrations(), keepalive=Keepalive())
        self.border = Border(plan, {"sip": SipDialect()}, Mint(SECRET))
        self.access, self.core = (realm.listeners[0] for realm in plan.realms.values())
        self.now = 1000.0
        self.spent: defaultdict[str, list[int]] = defaultdict(list)

    def access_says(self, kind: str, data: bytes, source: Address) -> list[bytes]:
        """What the border sends into the core because of `data`."""
        return self._take(kind, Arrival(self.access, source, data, self.now), "core")

    def core_says(self, kind: str, data: bytes) -> list[bytes]:
        """What the border sends to the phone because of `data`."""
        return self._take(kind, Arrival(self.core, SOFTSWITCH, data, self.now), "access")

    def _take(self, kind: str, arrival: Arrival, realm: str) -> list[bytes]:
        began = process_time_ns()
        orders = [order for part in self.border.parts(arrival) for order in self.border.receive(part)]
        self.spent[kind].append(process_time_ns() - began)
        return _sent(orders, realm)

    def wait(self, seconds: float) -> None:
        """Let time pass, with all that is due in it; terminals that are asked whether they live say so."""
        until = self.now + seconds
        while (at := self.border.registry.timers.next()) is not None and at <= until:
            self.now = max(self.now, at)
            began = process_time_ns()
            orders = self.border.wake(self.now)
            self.spent["(timers)"].append(process_time_ns() - began)
            for order in orders:
                if isinstance(order, Send) and order.data.startswith(b"OPTIONS"):
                    self.access_says("200 to OPTIONS", sip.plain_answer(order.data, b"200 OK"), order.to)
        self.now = until


def _sent(orders: list[Order], realm: str) -> list[bytes]:
    return [order.data for order in orders if isinstance(order, Send) and order.listener.realm == realm]


def source_of(number: int) -> Address:
    """Where the NAT of a user's home is seen."""
    return Address(f"203.0.{113 + number % 100}.{10 + number // 100 % 200}", 20_000 + number % 40_000)


def begin(bench: Bench, number: int, user: int) -> Callable[[], None]:
    """A call of seven messages as far as it is up. What is returned ends it."""
    name, source = b"call-%d" % number, source_of(user)
    invite = sip.invite(PHONE, name).replace(b"alice", b"user%d" % user)
    (asked,) = bench.access_says("INVITE", invite, source)
    bench.core_says("180", sip.answer(asked, SOFTSWITCH_HOST, b"180 Ringing", body=b""))
    (answer,) = bench.core_says("200 to INVITE", sip.answer(asked, SOFTSWITCH_HOST))
    bench.access_says("ACK", sip.inside(invite, answer, b"ACK", 1), source)

    def end() -> None:
        (bye,) = bench.access_says("BYE", sip.inside(invite, answer, b"BYE", 2), source)
        bench.core_says("200 to BYE", sip.plain_answer(bye, b"200 OK"))

    return end


def register(bench: Bench, user: int, seq: int = 1) -> None:
    """A user's registration, the registrar's yes included where it is asked."""
    data = sip.register(PHONE, call=b"reg-%d" % user, seq=seq, user=b"user%d" % user, expires=3600)
    for asked in bench.access_says("REGISTER" if seq == 1 else "REGISTER absorbed", data, source_of(user)):
        bench.core_says("200 to REGISTER", sip.registered(asked))


def speed(calls: int, live: int) -> float:
    """Print what messages cost while `live` other calls stand; microseconds a call."""
    bench = Bench()
    for user in range(1000):
        register(bench, user)
    for user in range(1000):
        register(bench, user, 2)
    for number in range(live):
        begin(bench, number, number % 1000)
    registers = {kind: spent for kind, spent in bench.spent.items() if "REGISTER" in kind}
    gc.collect()
    gc.freeze()
    bench.spent.clear()
    samples = []
    for batch in range(calls // BATCH):
        for number in range(batch * BATCH, (batch + 1) * BATCH):
            begin(bench, live + number, number % 1000)()
            bench.wait(PACE)
        samples.append(sum(sum(each[-BATCH:]) for each in bench.spent.values()) / BATCH / 1000)
    whole = statistics.median(samples)
    print(f"with {live} live calls: {whole:.0f} us a call (best {min(samples):.0f}, worst {max(samples):.0f})")
    for kind, spent in (bench.spent | registers).items():
        print(f"  {kind:20} {statistics.median(spent) / 1000:7.1f} us")
    gc.unfreeze()
    return whole


def flatness(standing: list[int], calls: int = 150, turns: int = 7) -> None:
    """Print what a call costs beside so many live ones, in parts of what it costs beside none.

    Both are measured in turns, so that a busy machine does not matter.
    """
    empty, full = Bench(), Bench()
    for bench in (empty, full):
        for user in range(200):
            register(bench, user)
    begun = ended = 0
    for live in sorted(standing):
        while begun < live:
            begin(full, begun, begun % 200)
            begun += 1
        ratios = []
        for _ in range(turns):
            ended += calls
            ratios.append(_cost(full, MOST + ended, calls) / _cost(empty, MOST + ended, calls))
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"beside {live} live calls one costs {statistics.median(ratios):.2f} of one beside none ({spread})")


def _cost(bench: Bench, first: int, calls: int) -> float:
    began = process_time_ns()
    for number in range(first, first + calls):
        begin(bench, number, number % 200)()
        bench.wait(PACE)
    return (process_time_ns() - began) / calls


def memory(calls: int = 1000) -> None:
    """Print how many octets a registration, a live call and an ended one hold."""
    bench = Bench()
    for user in range(10):
        register(bench, user)
    begin(bench, 0, 0)()
    tracemalloc.start()
    began = _held()
    for user in range(10, 10 + calls):
        register(bench, user)
    young = _held()
    bench.wait(40)
    bound = _held()
    print(f"{(bound - began) / calls:8.0f} octets a binding ({(young - began) / calls:.0f} while its exchange lingers)")
    ends = [begin(bench, number, 10 + number % calls) for number in range(1, calls + 1)]
    fresh = _held()
    bench.wait(40)
    live = _held()
    print(f"{(live - bound) / calls:8.0f} octets a live call ({(fresh - bound) / calls:.0f} in its first 32 s)")
    for end in ends:
        end()
    ends.clear()
    ended = _held()
    print(f"{(ended - bound) / calls:8.0f} octets a call that has ended, for 32 s more")
    bench.wait(40)
    bench.wait(40)
    print(f"{(_held() - bound) / calls:8.0f} octets a call that is forgotten")
    tracemalloc.stop()


def _held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=3000, help="calls to measure")
    parser.add_argument("--live", type=int, nargs="*", default=[10, 1000, 10_000], help="other calls that stand")
    parser.add_argument("--memory", action="store_true", help="memory only")
    parser.add_argument("--flat", action="store_true", help="only whether a call costs the same beside other live ones")
    asked = parser.parse_args()
    if asked.flat:
        flatness(asked.live)
        return
    if not asked.memory:
        for live in asked.live:
            speed(asked.calls, live)
    memory()


if __name__ == "__main__":
    main()
