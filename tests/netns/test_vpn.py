"""Four customers at once whose networks are the same to the last address: two are in namespaces, where the SBC has one
address in both, too; two are told apart by marks, for which routing rules have tables. Nothing of one is ever seen by
another."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.netns.lab import Lab
from tests.netns.sbc_process import SbcProcess
from tests.netns.topology import Host, Topology
from tests.netns.vpn_customer import Customer, End, Line, bound_everywhere, ends, take_lines, uri_of
from tests.netns.waiting import wait_for

RED, BLUE = (Customer(name, "", f"vpn-{name}") for name in ("red", "blue"))
GOLD, GREY = Customer("gold", "mark = 101"), Customer("grey", "mark = 102", access="203.0.113.2", core="198.51.100.3")
CUSTOMERS = (RED, BLUE, GOLD, GREY)
_LOOSE = {f"net.ipv4.conf.{each}.rp_filter": 0 for each in ("all", "default")}


def topology() -> Topology:
    hosts = [Host("sbc", (*GOLD.feet(), *GREY.feet()), sysctls=_LOOSE)]
    hosts += [Host(each.beside, each.feet()) for each in (RED, BLUE)]
    return sum((each.topology() for each in CUSTOMERS), Topology(tuple(hosts)))


@attrs.define
class Stage:
    lab: Lab
    phones: list[End]
    switches: list[End]
    sbc: SbcProcess | None = None

    def start(self, engine: str, transport: str) -> SbcProcess:
        """An SBC with that media engine, whose terminals come by that transport."""
        control = self.lab.directory / "control"
        text = f'[media]\nengine = "{engine}"\n[media.kernel]\ndirectory = "/sys/fs/bpf/sbc-{self.lab.id}"\n'
        text += f'[timers]\naudit = 1.0\n[drain]\nlimit = 0.0\n[control]\nsocket = "{control}"\n'
        text += "".join(self.labelled(each).toml(transport) for each in CUSTOMERS)
        self.sbc = SbcProcess.start(self.lab.host("sbc"), text)
        bound_everywhere(self.lab, CUSTOMERS, transport)
        return self.sbc

    def labelled(self, customer: Customer) -> Customer:
        if customer.beside == "sbc":
            return customer
        netns = self.lab.host(customer.beside).netns
        return Customer(customer.name, f'namespace = "{netns}"', customer.beside)

    def forwarder(self, call: str) -> tuple[str, str]:
        """Who forwards the stream of a call, and why nobody faster."""
        (stream,) = self.told("call", call)["media"]  # type: ignore[call-overload]
        return stream["engine"], stream["engine_why"]

    def told(self, *words: str) -> list[dict[str, object]]:
        """What the SBC's console says."""
        argv = [str(Path(sys.executable).with_name("sbc")), "ctl", "--config", str(self.lab.directory / "sbc.toml")]
        done = subprocess.run([*argv, "--json", *words], capture_output=True, text=True, timeout=60, check=True)
        said: list[dict[str, object]] = json.loads(done.stdout)
        return said


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Lab(topology()) as lab:
        for each, table in ((GOLD, 101), (GREY, 102)):
            for foot in each.feet():
                net = foot.addresses[0].rpartition(".")[0] + ".0/24"
                lab.host("sbc").run(["ip", "route", "add", net, "dev", foot.device, "table", str(table)])
            lab.host("sbc").run(["ip", "rule", "add", "fwmark", str(table), "lookup", str(table)])
        both = [ends(lab, each) for each in CUSTOMERS]
        yield Stage(lab, [phone for phone, _ in both], [switch for _, switch in both])


@pytest.fixture(autouse=True)
def ended(stage: Stage) -> Iterator[None]:
    """No SBC outlives its test, whatever has become of that."""
    before = list(stage.lab.processes)
    yield
    for process in stage.lab.processes:
        if process not in before:
            process.stop()


@pytest.mark.parametrize(("engine", "transport"), [("kernel", "udp"), ("native", "tcp"), ("twisted", "udp")])
def test_what_is_said_in_one_network_is_heard_in_no_other(stage: Stage, engine: str, transport: str) -> None:
    sbc, doors = stage.start(engine, transport), take_lines(stage.switches)
    phones, switches = stage.phones, stage.switches
    for phone in phones:
        at = (phone.customer.access, 5060)
        line = Line(phone.host.udp(5060), at) if transport == "udp" else Line(phone.host.tcp(*at))
        line.sock.settimeout(30.0)
        phone.line = line
    # all say the same at the same time, each step of it
    for phone in phones:
        phone.says(phone.request("REGISTER", "sip:voice.example", 1))
    contacts = []
    for switch, door in zip(switches, doors, strict=True):  # by a connection that the SBC has made
        sock, _ = door.accept()
        sock.settimeout(30.0)
        stage.lab.sockets.append(sock)
        switch.line = Line(sock)
        asked = switch.hears("REGISTER")
        contacts.append(uri_of(asked))
        switch.says(switch.answer(asked))
    for phone in phones:
        phone.hears("REGISTER", 200)
    assert len(set(contacts)) == 4 and [contact.partition("@")[2].partition(":")[0] for contact in contacts] == [
        each.core for each in CUSTOMERS
    ]
    _each(phones, switches, lambda phone: phone.request("INVITE", "sip:bob@voice.example", 2, body=True))
    for talkers, listeners in ((phones, switches), (switches, phones)):
        for end in talkers:
            end.speak()
        for end in listeners:
            end.listen()
    if engine == "kernel":
        _see_to_the_kernel(stage)
    # and the way back: a request to what each phone is called on its core side
    for switch, contact in zip(switches, contacts, strict=True):
        switch.says(switch.request("MESSAGE", contact, 3))
    for phone in phones:
        phone.says(phone.answer(phone.hears("MESSAGE")))
    for switch in switches:
        switch.hears("MESSAGE", 200)
    for end in (*phones, *switches):
        seen, own = end.seen(), end.customer.sign
        assert seen.count(own.encode()) > 20, "the wire was looked at"
        strangers = [each.name for each in CUSTOMERS if each.sign != own and each.sign.encode() in seen]
        assert not strangers, f"{end.host} has seen something of {strangers}"
    sbc.stop()
    for sock in (*doors, *(end.line.sock for end in (*phones, *switches) if end.line is not None)):
        sock.close()


def _see_to_the_kernel(stage: Stage) -> None:
    """Its programs see to the host's own network alone; and what the console tells of networks."""
    rows = stage.told("realms")
    assert all(row["network"] for row in rows) and len({str(row["network"]) for row in rows}) == 4
    assert [row["realm"] for row in stage.told("bindings")] == [f"access-{each.name}" for each in CUSTOMERS]
    marked = [each for each in CUSTOMERS if each.beside == "sbc"]
    calls = stage.told("calls")
    assert len(calls) == 4
    for row in calls:
        why = "mark" if any(f"access-{each.name}" in str(row) for each in marked) else "vpn"
        wait_for(lambda row=row, why=why: stage.forwarder(str(row["id"])) == ("native", why), what=f"{why} of {row}")


def _each(phones: list[End], switches: list[End], request: Callable[[End], object]) -> None:
    """A call of every phone, answered by its softswitch."""
    for phone in phones:
        phone.says(request(phone))  # type: ignore[arg-type]
    for switch in switches:
        switch.says(switch.answer(switch.hears("INVITE"), body=True))
    for phone in phones:
        phone.says(phone.ack(phone.hears("INVITE", 200)))
    for switch in switches:
        switch.hears("ACK")
