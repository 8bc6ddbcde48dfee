"""Proves the lab itself: what each NAT does, that captures tell the truth, that nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.netns import journal as journals
from tests.netns.journal import JOURNALS, NAMESPACES, occupants, started
from tests.netns.lab import ROOT, Lab, LabHost
from tests.netns.namespace import inside
from tests.netns.nat import Nat, NatKind
from tests.netns.topology import Host, Interface, Topology, flat, home, one_pair, two_pairs
from tests.netns.waiting import PATIENCE, wait_for

MakeLab = Callable[[Topology], Lab]
PORT = 5060
WAN = "203.0.113.11"
EIM = [NatKind.MASQUERADE, NatKind.PORT_RESTRICTED, NatKind.FULL_CONE]  # endpoint-independent mapping


def behind(*nats: Nat) -> Topology:
    """One phone behind NATs, and two public hosts."""
    return flat("east", "west") + home("a", WAN, nats=nats)


def heard(sock: socket.socket, timeout: float = PATIENCE) -> tuple[bytes, tuple[str, int]] | None:
    """What a socket gets, or None if it gets nothing in time."""
    sock.settimeout(timeout)
    try:
        data, source = sock.recvfrom(65535)
    except TimeoutError:
        return None
    return data, source


def mapping(phone: socket.socket, server: socket.socket) -> tuple[str, int]:
    """The source the server sees of a packet of the phone's."""
    phone.sendto(b"out", server.getsockname())
    got = heard(server)
    assert got is not None, "nothing came out of the NAT"
    return got[1]


def comes_in(server: socket.socket, outside: tuple[str, int], phone: socket.socket, timeout: float = 0.15) -> bool:
    """Whether a packet from the server to the outer address reaches the phone; where it should, give it time."""
    server.sendto(b"in", outside)
    return heard(phone, timeout) is not None


@pytest.mark.parametrize("kind", NatKind)
def test_nat_maps_the_port_as_its_kind_says(make_lab: MakeLab, kind: NatKind) -> None:
    lab = make_lab(behind(Nat(kind)))
    phone = lab.host("phone-a").udp(PORT)
    seen = [mapping(phone, lab.host(name).udp(port)) for name, port in (("east", 1), ("east", 2), ("west", 1))]
    assert {host for host, _ in seen} == {WAN}
    ports = {port for _, port in seen}
    assert len(ports) == (1 if kind in EIM else 3)
    assert (ports == {PORT}) is (kind in (NatKind.MASQUERADE, NatKind.FULL_CONE))


@pytest.mark.parametrize("kind", NatKind)
def test_nat_filters_as_its_kind_says(make_lab: MakeLab, kind: NatKind) -> None:
    lab = make_lab(behind(Nat(kind)))
    phone, east, west = lab.host("phone-a").udp(PORT), lab.host("east").udp(1), lab.host("west").udp(1)
    outside = mapping(phone, east)
    open_to_all = kind is NatKind.FULL_CONE
    patience = PATIENCE if open_to_all else 0.15
    assert comes_in(east, outside, phone, PATIENCE), "the host that was spoken to"
    assert comes_in(lab.host("east").udp(2), outside, phone, patience) is open_to_all, "its other port"
    assert comes_in(west, outside, phone, patience) is open_to_all, "another host"
    assert not comes_in(west, (WAN, outside[1] + 2), phone), "a port nobody sent from"


def test_masquerade_moves_the_port_when_the_far_end_comes_first(make_lab: MakeLab) -> None:
    """The trap real phones fall into on a router without a firewall; see `nat.py`."""
    lab = make_lab(behind(Nat(NatKind.MASQUERADE)))
    phone, east = lab.host("phone-a").udp(PORT), lab.host("east").udp(1)
    assert not comes_in(east, (WAN, PORT), phone)
    assert mapping(phone, east)[1] != PORT


@pytest.mark.parametrize("kind", [NatKind.PORT_RESTRICTED, NatKind.FULL_CONE])
def test_a_firewall_keeps_the_mapping_whatever_came_first(make_lab: MakeLab, kind: NatKind) -> None:
    lab = make_lab(behind(Nat(kind)))
    phone, east, west = lab.host("phone-a").udp(PORT), lab.host("east").udp(1), lab.host("west").udp(1)
    expected = mapping(phone, west)
    lab.host("nat-a").flush_nat()
    assert not comes_in(east, expected, phone)
    assert mapping(phone, east) == expected


def test_two_nats_translate_twice(make_lab: MakeLab) -> None:
    lab = make_lab(behind(Nat(NatKind.PORT_RESTRICTED), Nat(NatKind.SYMMETRIC)))
    inner, outer = lab.host("nat-a").capture("wan"), lab.host("nat2-a").capture("wan")
    phone, east, west = lab.host("phone-a").udp(PORT), lab.host("east").udp(1), lab.host("west").udp(1)
    outside = mapping(phone, east)
    assert mapping(phone, west)[1] != outside[1], "the outer NAT is symmetric"
    assert comes_in(east, outside, phone, PATIENCE)
    between = {p.src for p in inner.packets if p.protocol == "udp" and p.payload == b"out"}
    assert len(between) == 1, "the inner one is not"
    ((host, port),) = between
    assert host == "100.64.0.2"
    assert port != PORT
    assert {p.src[0] for p in outer.packets if p.payload == b"out"} == {WAN}


@pytest.mark.parametrize("kind", NatKind)
def test_mappings_live_as_long_as_set(make_lab: MakeLab, kind: NatKind) -> None:
    lab = make_lab(behind(Nat(kind, timeout=2, stream_timeout=2)))
    phone, east = lab.host("phone-a").udp(PORT), lab.host("east").udp(1)
    began = time.monotonic()
    outside = mapping(phone, east)
    wait_for(lambda: "udp" not in lab.host("nat-a").run(["conntrack", "-L"]), 20.0, "the mapping to expire", 0.1)
    assert time.monotonic() - began > 1.5, "and the kernel's own time would be 30 s"
    if kind is NatKind.FULL_CONE:  # its map has a clock of its own
        wait_for(lambda: "elements" not in lab.host("nat-a").run(["nft", "list", "map", "ip", "nat", "cone"]))
    assert not comes_in(east, outside, phone)


@pytest.mark.parametrize("kind", NatKind)
def test_flush_forgets_all_mappings(make_lab: MakeLab, kind: NatKind) -> None:
    lab = make_lab(behind(Nat(kind)))
    phone, east = lab.host("phone-a").udp(PORT), lab.host("east").udp(1)
    outside = mapping(phone, east)
    lab.host("nat-a").flush_nat()
    assert not comes_in(east, outside, phone)


def test_homes_overlap_and_do_not_meet(make_lab: MakeLab) -> None:
    lab = make_lab(two_pairs())
    phones = [lab.host(f"phone-{label}") for label in "abcd"]
    assert {phone.address() for phone in phones} == {"192.168.1.10"}
    sbc = lab.host("sbc")
    seen = [
        mapping(phone.udp(PORT), sbc.udp(100 + n, sbc.address("access" if n < 2 else "access2")))
        for n, phone in enumerate(phones)
    ]
    assert seen == [("203.0.113.11", PORT), ("203.0.113.12", PORT), ("192.0.2.11", PORT), ("192.0.2.12", PORT)]
    probe = phones[0].udp()
    probe.sendto(b"?", ("198.51.100.2", PORT))
    assert heard(lab.host("softswitch").udp(PORT), 0.15) is None, "the core must not be reached past the SBC"


def test_a_host_may_have_ipv6_alone(make_lab: MakeLab) -> None:
    hosts = tuple(Host(n, (Interface("v6", (f"2001:db8::{i}/64",)),)) for i, n in enumerate(("one", "two"), 1))
    lab = make_lab(Topology(hosts))
    capture = lab.host("two").capture()
    one, two = lab.host("one").udp(PORT), lab.host("two").udp(PORT)
    one.sendto(b"x" * 4000, two.getsockname())
    assert heard(two) == (b"x" * 4000, one.getsockname())
    assert [(p.src, p.payload) for p in capture.packets if p.protocol == "udp"] == [
        (("2001:db8::1", PORT), b"x" * 4000)
    ]


def test_capture_puts_fragments_together_and_finds_addresses(make_lab: MakeLab) -> None:
    lab = make_lab(flat("east", "west"))
    capture = lab.host("west").capture()
    east, west = lab.host("east").udp(1), lab.host("west").udp(1)
    big = b"a" * 2500 + b"192.168.1.10" + b"b" * 2500
    packed = b"a" * 50 + socket.inet_aton("192.168.1.77") + b"b"
    for data in (big, packed, b"x 192.168.1.101 y"):
        east.sendto(data, west.getsockname())
        assert heard(west) is not None
    assert [p.payload for p in capture.packets if p.protocol == "udp"] == [big, packed, b"x 192.168.1.101 y"]
    assert [p.payload for p in capture.find(b"192.168.1.10")] == [big]
    assert [p.payload for p in capture.find(b"192.168.1.77")] == [packed]
    assert capture.contains(b"203.0.113.1"), "it stands in the IP headers"
    assert not capture.contains(b"192.168.1.1")
    assert capture.hosts() == {"203.0.113.1", "203.0.113.2"}


def test_a_capture_that_was_held_up_is_whole(make_lab: MakeLab) -> None:
    """tcpdump has had no time to read anything when it is told to end."""
    lab = make_lab(flat("east", "west"))
    capture = lab.host("west").capture()
    capture.process.send_signal(signal.SIGSTOP)
    east, west = lab.host("east").udp(1), lab.host("west").udp(1)
    sent = [bytes([number]) for number in range(100)]
    for data in sent:
        east.sendto(data, west.getsockname())
        assert heard(west) is not None
    assert capture.so_far() == []
    going_on = threading.Timer(0.3, capture.process.send_signal, [signal.SIGCONT])  # after the file has seemed at rest
    going_on.start()
    assert [p.payload for p in capture.packets if p.protocol == "udp"] == sent
    going_on.join()


def test_capture_reads_sip_over_tcp(make_lab: MakeLab) -> None:
    lab = make_lab(flat("east", "west"))
    capture = lab.host("west").capture()
    one = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nCSeq: 1 OPTIONS\r\nl: 3\r\n\r\nabc"
    two = b"SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    listener = inside(lab.host("west").netns, lambda: socket.create_server(("203.0.113.2", 5060)))
    lab.sockets.append(listener)
    connection = lab.host("east").tcp("203.0.113.2", 5060)
    accepted, _ = listener.accept()
    lab.sockets.append(accepted)
    accepted.settimeout(PATIENCE)
    for part in (one + b"\r\n\r\n" + two[:20], two[20:]):
        connection.sendall(part)
        got = b""
        while len(got) < len(part):
            got += accepted.recv(65_535)
    assert [m.data for m in capture.sip_messages(src="203.0.113.1")] == [one, two]


def test_programs_run_where_they_should_and_failures_say_why(make_lab: MakeLab) -> None:
    lab = make_lab(one_pair())
    assert "192.168.1.10/24" in lab.host("phone-b").run(["ip", "-4", "addr", "show", "lan-b"])
    with pytest.raises(RuntimeError, match=r"nat-a: ls /nowhere ended with 2[^/]*/nowhere"):
        lab.host("nat-a").run(["ls", "/nowhere"])
    with pytest.raises(RuntimeError, match=r"did not come to listen on 9[\s\S]*too early"):
        lab.host("sbc").wait_bound(9, by=lab.host("sbc").popen(["sh", "-c", "echo too early"]))
    with pytest.raises(TimeoutError, match=r"in vain for: sbc to listen on udp :9"):
        lab.host("sbc").wait_bound(9, timeout=0.05)
    talker = lab.host("sbc").popen(["sh", "-c", "echo ready; sleep 60"])
    assert talker.wait_output("^ready$")
    assert "ready" in lab.logs()


def left_behind(lab: str) -> list[str]:
    """What still exists of a lab."""
    names = [p.name for p in NAMESPACES.iterdir() if p.name.startswith(f"sl-{lab}-")] if NAMESPACES.is_dir() else []
    directories = [p.name for p in Path(tempfile.gettempdir()).glob(f"sbc-lab-{lab}-*")]
    journal = [str(JOURNALS / lab)] if (JOURNALS / lab).exists() else []
    return names + directories + journal + [str(pid) for pid in occupants(names)]


def with_sleepers(lab: Lab) -> list[int]:
    """Start programs that do not want to end; their pids."""
    stubborn = [
        "python3",
        "-c",
        "import signal,time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(999)",
    ]
    hosts: list[LabHost] = [lab.host("phone-a"), lab.host("nat-a")]
    processes = [host.popen(stubborn) for host in hosts]
    processes.append(hosts[0].popen(["sh", "-c", "sleep 998 & setsid sleep 997 & echo on; wait"]))
    for process in processes:
        process.wait_output("on")
    return [process.pid for process in processes] + occupants(host.netns for host in hosts)


def test_two_labs_stand_side_by_side_and_go_without_trace() -> None:
    with Lab(one_pair()) as first, Lab(one_pair()) as second:
        assert {h.netns for h in first.hosts.values()}.isdisjoint(h.netns for h in second.hosts.values())
        pids = with_sleepers(first)
        first.close()
        assert not left_behind(first.id)
        wait_for(lambda: not [pid for pid in pids if started(pid)], what="its programs to be gone")
        assert second.host("phone-a").run(["ping", "-c1", "-w", "20", "203.0.113.1"])
    assert not left_behind(second.id)


def test_a_failed_test_and_a_failed_start_leave_nothing() -> None:
    with pytest.raises(KeyboardInterrupt), Lab(one_pair()) as lab:
        pids = with_sleepers(lab)
        raise KeyboardInterrupt
    assert not left_behind(lab.id)
    wait_for(lambda: not [pid for pid in pids if started(pid)], what="its programs to be gone")
    before = set(NAMESPACES.iterdir())
    with pytest.raises(RuntimeError, match="Error"):
        Lab(Topology((Host("odd", (Interface("x", ("no address",)),)),)))
    assert [p.name for p in set(NAMESPACES.iterdir()) - before if p.name.startswith(f"sl-{os.getpid():x}")] == []


OWNER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs this in the background lets it ignore that
from tests.netns.lab import Lab
from tests.netns.topology import one_pair
from tests.netns.test_lab import with_sleepers
lab = Lab(one_pair())
print(lab.id, lab._warden.pid, *with_sleepers(lab), flush=True)
time.sleep(999)
"""


def owner() -> tuple[subprocess.Popen[str], str, int, list[int]]:
    """Another process with a lab: it, the lab's id, its warden's pid, its programs' pids."""
    process = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    lab, warden, *pids = process.stdout.readline().split()
    process.stdout.close()
    assert left_behind(lab)
    return process, lab, int(warden), [int(pid) for pid in pids]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_the_warden_cleans_up_after_a_killed_owner(number: signal.Signals) -> None:
    process, lab, _, pids = owner()
    process.send_signal(number)
    try:
        assert process.wait(PATIENCE) != 0
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not left_behind(lab), what="the warden to remove the lab")
    wait_for(lambda: not [pid for pid in pids if started(pid)], what="its programs to be gone")


def test_the_next_lab_cleans_up_when_warden_and_owner_are_both_gone() -> None:
    process, lab, warden, pids = owner()
    os.kill(warden, signal.SIGKILL)
    process.kill()
    process.wait()
    assert left_behind(lab)
    journals.remove_stale()
    assert not left_behind(lab)
    wait_for(lambda: not [pid for pid in pids if started(pid)], what="its programs to be gone")
