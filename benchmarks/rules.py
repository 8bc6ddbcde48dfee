"""What rules cost: of many prefixes beside few, and of the gate in a call.

    .venv/bin/python -m benchmarks.rules [--prefixes N] [--rounds N]

All in memory. Times are of this process alone; what is compared is measured in turns, so that a busy machine does not
matter. Who asks is on no list: what is dropped costs less than what is read.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_network
from time import process_time_ns

from benchmarks.message_path import Bench, _cost, register
from sbc.core import gating
from sbc.core.address import Address
from sbc.core.message import Intent, Kind, Phase
from sbc.core.registry import Arrival
from sbc.policy.events import Standing
from sbc.policy.prefixes import Prefixes
from sbc.policy.rule import Action, PrefixList, Rule
from sbc.policy.rules import Rules
from tests import sip_messages as sip
from tests.rig import PHONE, SOFTSWITCH, make_plan

SEED = 7
HOSTS = 20_000
MESSAGES = 200
FEW = 10


def random_networks(count: int) -> PrefixList:
    """So many different prefixes, of the lengths that lists of the Internet have."""
    chance, found = random.Random(SEED), dict[object, None]()
    while len(found) < count:
        length = chance.choice((16, 20, 22, 24, 24, 24, 28, 32))
        found[ip_network((chance.randrange(1 << 24, 223 << 24) >> (32 - length) << (32 - length), length))] = None
    return PrefixList(tuple(found))  # type: ignore[arg-type]


def random_sources(count: int, listed: Prefixes) -> list[Address]:
    """So many hosts that are on no list."""
    chance, found = random.Random(SEED + 1), list[Address]()
    while len(found) < count:
        host = ".".join(str(chance.randrange(1, 223)) for _ in range(4))
        if not listed.search(host):
            found.append(Address(host, 5060))
    return found


def guarded(listed: PrefixList) -> Rules:
    """Rules that drop what comes from these prefixes."""
    found = Rules()
    found.replan({"access": (Rule("listed", Action.DROP, sources=listed),)}, None)
    return found


def knocks(guard: Rules, sources: Sequence[Address], own: object) -> float:
    """Nanoseconds a knock."""
    began = process_time_ns()
    for source in sources:
        guard.knock(own, source, Standing.STRANGER, "", 0.0)  # type: ignore[arg-type]
    return (process_time_ns() - began) / len(sources)


def compare(few: Callable[[], float], many: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """The medians of both, and of their ratio, measured in turns."""
    pairs = [(few(), many()) for _ in range(rounds)]
    return (
        statistics.median(each[0] for each in pairs),
        statistics.median(each[1] for each in pairs),
        statistics.median(each[1] / each[0] for each in pairs),
    )


def of_prefixes(most: int, rounds: int) -> None:
    """Print what a knock, and what a whole message costs beside 10 prefixes and beside very many."""
    own = make_plan("sip").realms["access"].listeners[0]
    listed = random_networks(most)
    few, many = guarded(PrefixList(listed.networks[:FEW])), guarded(listed)
    sources = random_sources(HOSTS, Prefixes((each, 1) for each in listed.networks))
    again = sources[:1000] * (HOSTS // 1000)

    def anew(guard: Rules) -> Callable[[], float]:
        def run() -> float:
            for each in guard.tables.values():
                each._hosts.clear()
            return knocks(guard, sources, own)

        return run

    def message(guard: Rules) -> Callable[[], float]:
        bench = Bench()
        bench.border.registry.gate.rules = guard
        strangers, data = iter(sources), sip.invite(PHONE)

        def run() -> float:
            began = process_time_ns()
            for number in range(MESSAGES):
                source = next(strangers)
                bench.border.knock(own, source, len(data), "", bench.now)
                asked = data.replace(b"Call-ID: ", b"Call-ID: %d" % number)
                bench.border.receive(Arrival(own, source, asked, bench.now))
            return (process_time_ns() - began) / MESSAGES

        return run

    def told(what: str, found: tuple[float, float, float]) -> None:
        print(
            f"{what}: {found[0]:.0f} ns beside {FEW} prefixes, {found[1]:.0f} beside {most}: {found[2]:.2f} times that"
        )

    known = compare(partial(knocks, few, again, own), partial(knocks, many, again, own), rounds)
    told("a knock of a host that comes again", known)
    told("a knock of a host that is new", compare(anew(few), anew(many), rounds))
    told("an INVITE of a host that is new", compare(message(few), message(many), min(rounds, HOSTS // MESSAGES)))


def of_calls(rounds: int, calls: int = 150) -> None:
    """Print which part of a SIP call all questions to the gate are, asked by themselves as often as a call has them."""
    bench = Bench()
    for user in range(200):
        register(bench, user)
    whole = min(_cost(bench, 1_000_000 + number * calls, calls) for number in range(rounds))
    registry, now = bench.border.registry, bench.now
    source = next(iter(registry.bindings.values())).seen
    intent = Intent(Kind.OPEN, Phase.REQUEST, b"c", b"e", method="INVITE")
    arrival = Arrival(bench.access, source, b"", now)

    def asked() -> float:
        began = process_time_ns()
        for _ in range(2_000):
            for own, peer in ((bench.access, source), (bench.core, SOFTSWITCH)) * 3:  # INVITE, 180, ACK, 200, BYE, 200
                gating.knock(registry, own, peer, 800, "", now)
            gating.ask(registry, intent, arrival)
        return (process_time_ns() - began) / 2_000

    gate = min(asked() for _ in range(rounds))
    share = 100 * gate / whole
    print(f"a call costs {whole / 1000:.0f} us; six knocks and a question {gate / 1000:.1f} us of it, {share:.2f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prefixes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    of_prefixes(options.prefixes, options.rounds)
    of_calls(options.rounds)


if __name__ == "__main__":
    main()
