"""What can only be wrong between values: each such mistake is found, named where it stands, and named once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from sbc.config.faults import ConfigError, Fault
from sbc.config.load import load_table

PROTOCOLS = {"sip": ("udp", "tcp", "tls", "ws", "wss"), "mgcp": ("udp",)}


def realm(side: str, host: str, **more: Any) -> dict[str, Any]:
    listener = {"protocol": "sip", "transport": "udp", "address": host, "port": 5060}
    return {"side": side, "listeners": [listener], "media": {"address": host, "ports": "20000-29999"}, **more}


def document() -> dict[str, Any]:
    path = {"name": "p", "access": "a", "core": "c", "next_hops": ["198.51.100.9:5060"]}
    return {"realms": {"a": realm("access", "192.0.2.1"), "c": realm("core", "198.51.100.1")}, "paths": [path]}


def faults(table: dict[str, Any]) -> list[Fault]:
    try:
        load_table(deepcopy(table), "x.toml", PROTOCOLS)
    except ConfigError as error:
        return list(error.faults)
    return []


def the_fault(table: dict[str, Any]) -> Fault:
    (fault,) = faults(table)
    return fault


def test_the_document_these_tests_spoil_is_right() -> None:
    assert not faults(document())


@pytest.mark.parametrize("end", ["access", "core"])
def test_a_path_names_realms_that_exist(end: str) -> None:
    table = document()
    table["paths"][0][end] = "nowhere"
    found = {fault.key: fault for fault in faults(table)}
    assert found[f"paths[0].{end}"].problem == "is no realm"
    assert ("realms.a" in found) == (end == "access")  # which then has no path


@pytest.mark.parametrize(("end", "other"), [("access", "c"), ("core", "a")])
def test_a_path_names_realms_of_the_right_side(end: str, other: str) -> None:
    table = document()
    table["paths"][0][end] = other
    fault = next(each for each in faults(table) if each.key == f"paths[0].{end}")
    assert "side" in fault.problem
    assert f'side = "{end}"' in fault.allowed


def test_an_access_realm_without_a_path_is_a_fault() -> None:
    table = document()
    table["realms"]["b"] = realm("access", "192.0.2.2")
    assert (the_fault(table).key, the_fault(table).problem) == ("realms.b", "has no path")


def test_an_access_realm_with_two_paths_is_a_fault() -> None:
    table = document()
    table["paths"].append({**table["paths"][0], "name": "q"})
    fault = the_fault(table)
    assert fault.key == "paths[1].access"
    assert "paths[0]" in fault.problem


def test_two_access_realms_may_share_a_core_realm() -> None:
    table = document()
    table["realms"]["b"] = realm("access", "192.0.2.2")
    table["paths"].append({**table["paths"][0], "name": "q", "access": "b"})
    assert not faults(table)


def test_two_paths_of_one_name_are_a_fault() -> None:
    table = document()
    table["realms"]["b"] = realm("access", "192.0.2.2")
    table["paths"].append({**table["paths"][0], "access": "b"})
    assert the_fault(table).key == "paths[1].name"


@pytest.mark.parametrize("broken", ["a", "c"])
def test_a_realm_broken_in_itself_makes_no_further_faults(broken: str) -> None:
    table = document()
    del table["realms"][broken]["media"]
    assert the_fault(table).key == f"realms.{broken}.media"


def test_two_listeners_on_one_port_are_a_fault() -> None:
    table = document()
    table["realms"]["a"]["listeners"].append(dict(table["realms"]["a"]["listeners"][0]))
    fault = the_fault(table)
    assert fault.key == "realms.a.listeners[1].port"
    assert "realms.a.listeners[0].port = 192.0.2.1:5060" in fault.problem


def test_listeners_of_different_transports_do_not_meet() -> None:
    table = document()
    table["realms"]["a"]["listeners"].append({**table["realms"]["a"]["listeners"][0], "transport": "tcp"})
    assert not faults(table)


def both_in_core() -> dict[str, Any]:
    table = document()
    table["realms"]["c"]["listeners"].append({**table["realms"]["c"]["listeners"][0], "transport": "tcp"})
    return table


@pytest.mark.parametrize("transports", [["tls"], ["tcp"]])
def test_ports_of_terminals_for_connections_are_taken_secured_or_not(transports: list[str]) -> None:
    table = both_in_core()
    table["realms"]["c"]["listeners"][1] |= {"transport": transports[0], "port": 7005}
    ports = {"signaling": "port-per-terminal", "signaling_ports": "7000-7999", "signaling_transports": transports}
    table["paths"][0] |= ports
    found = [fault for fault in faults(table) if "7000-7999" in str(fault.value)]
    assert [fault.key for fault in found] == ["paths[0].signaling_ports"], faults(table)


def test_a_path_is_taken_by_a_listener_of_its_core_realm() -> None:
    table = both_in_core()
    table["paths"][0]["transport"] = "tcp"
    assert not faults(table)
    table["realms"]["c"]["listeners"].pop()
    fault = the_fault(table)
    assert fault.key == "paths[0].transport"
    assert fault.allowed == 'one of "udp"'


def test_ports_of_terminals_may_be_open_over_what_the_core_realm_has() -> None:
    table = both_in_core()
    ports = {"signaling": "port-per-terminal", "signaling_ports": "7000-7999", "signaling_transports": ["tcp"]}
    table["paths"][0] |= ports
    assert not faults(table)
    table["paths"][0]["next_hops"] = [{"to": "192.0.2.9:5060"}, {"to": "192.0.2.9:5061", "transport": "tcp"}]
    assert not faults(table)
    table["paths"][0]["signaling_transports"] = ["tls"]
    assert [fault.key for fault in faults(table)] == [
        "paths[0].next_hops[1].transport",
        "paths[0].signaling_transports[0]",
    ]


def test_ports_of_terminals_are_for_datagrams() -> None:
    table = both_in_core()
    table["paths"][0] |= {"signaling": "port-per-terminal", "signaling_ports": "7000-7999"}
    assert not faults(table)
    table["paths"][0]["transport"] = "tcp"
    assert the_fault(table).key == "paths[0].signaling"
    del table["paths"][0]["transport"]
    table["realms"]["c"]["listeners"].reverse()
    assert the_fault(table).key == "paths[0].signaling"
    table["paths"][0]["transport"] = "udp"
    assert not faults(table)


def test_a_wildcard_listener_meets_every_other_on_its_port() -> None:
    table = document()
    table["realms"]["a"]["listeners"][0].update(address="0.0.0.0", advertised="192.0.2.1")
    assert the_fault(table).key == "realms.c.listeners[0].port"


def test_a_listener_at_any_address_must_say_what_peers_are_told() -> None:
    table = document()
    table["realms"]["a"]["listeners"][0].update(address="0.0.0.0", port=5062)
    fault = the_fault(table)
    assert fault.key == "realms.a.listeners[0].address"
    assert "advertised" in fault.problem
    table["realms"]["a"]["listeners"][0]["advertised"] = "203.0.113.1"
    assert not faults(table)


def test_media_cannot_be_at_any_address_even_with_another_advertised() -> None:
    table = document()
    table["realms"]["a"]["media"].update(address="0.0.0.0", advertised="203.0.113.1")
    assert the_fault(table).key == "realms.a.media.address"


@pytest.mark.parametrize("key", ["media", "listeners"])
def test_advertised_must_be_a_literal(key: str) -> None:
    table = document()
    place = table["realms"]["a"][key]
    (place if key == "media" else place[0])["advertised"] = "sbc.example.net"
    assert "names are not looked up" in the_fault(table).problem


def test_shared_ports_are_nobody_elses_and_for_terminals() -> None:
    table = document()
    table["realms"]["a"]["media"]["multiplexed"] = 2776
    assert not faults(table)
    table["realms"]["a"]["media"]["multiplexed"] = 29_998
    fault = the_fault(table)
    assert (fault.key, fault.problem) == (
        "realms.a.media.multiplexed",
        "is in the way of realms.a.media.ports = 20000-29999 at 192.0.2.1",
    )
    table["realms"]["a"]["media"]["multiplexed"] = 2777
    assert "odd" in the_fault(table).problem
    table["realms"]["a"]["media"]["multiplexed"] = 0
    table["realms"]["c"]["media"]["multiplexed"] = 2776
    assert the_fault(table).problem == "is for terminals"


def test_media_ranges_of_two_realms_at_one_address_must_not_overlap() -> None:
    table = document()
    table["realms"]["c"]["media"] = {"address": "192.0.2.1", "ports": "29998-30001"}
    fault = the_fault(table)
    assert fault.key == "realms.c.media.ports"
    assert "realms.a.media.ports" in fault.problem
    table["realms"]["c"]["media"]["ports"] = "30000-30001"
    assert not faults(table)


def test_a_listener_in_a_media_range_is_a_fault() -> None:
    table = document()
    table["realms"]["a"]["listeners"][0]["port"] = 20000
    assert the_fault(table).key == "realms.a.media.ports"


@pytest.mark.parametrize(("ports", "in_the_way"), [("5000-5100", True), ("29999-30100", True), ("7000-7999", False)])
def test_ports_for_terminals_must_be_free_at_the_core_realms_listener(ports: str, in_the_way: bool) -> None:
    table = document()
    table["paths"][0].update(signaling="port-per-terminal", signaling_ports=ports)
    assert [fault.key for fault in faults(table)] == ["paths[0].signaling_ports"] * in_the_way


def test_two_paths_need_ports_for_terminals_apart() -> None:
    table = document()
    table["paths"][0].update(signaling="port-per-terminal", signaling_ports="7000-7999")
    table["realms"]["b"] = realm("access", "192.0.2.2")
    table["paths"].append({**table["paths"][0], "name": "q", "access": "b"})
    assert the_fault(table).key == "paths[1].signaling_ports"


def test_a_port_for_each_terminal_needs_ports() -> None:
    table = document()
    table["paths"][0]["signaling"] = "port-per-terminal"
    assert (the_fault(table).key, the_fault(table).problem) == ("paths[0].signaling_ports", "missing")


def test_a_realm_is_of_one_ip_version() -> None:
    table = document()
    table["realms"]["a"]["listeners"][0]["address"] = "2001:db8::1"
    fault = the_fault(table)
    assert fault.key == "realms.a.listeners[0].address"
    assert "is IPv6, but realms.a.media.address is IPv4" in fault.problem


@pytest.mark.parametrize("place", ["media", "listeners"])
def test_what_is_advertised_is_of_the_realms_ip_version(place: str) -> None:
    table = document()
    where = table["realms"]["a"][place]
    (where if place == "media" else where[0])["advertised"] = "2001:db8::1"
    assert "is IPv6" in the_fault(table).problem


def test_a_next_hop_is_of_the_core_realms_ip_version() -> None:
    table = document()
    table["paths"][0]["next_hops"] = ["198.51.100.9:5060", "[2001:db8::9]:5060"]
    assert the_fault(table).key == "paths[0].next_hops[1]"


@pytest.mark.parametrize("hop", ["198.51.100.1:5060", "192.0.2.1:5060", "203.0.113.5:5060"])
def test_a_next_hop_is_not_the_sbc_itself(hop: str) -> None:
    table = document()
    table["realms"]["c"]["listeners"][0]["advertised"] = "203.0.113.5"
    table["paths"][0]["next_hops"] = [hop]
    fault = the_fault(table)
    assert fault.key == "paths[0].next_hops[0]"
    assert "the SBC itself" in fault.problem


def test_a_core_realm_speaks_what_its_access_realm_speaks() -> None:
    table = document()
    listener = {"protocol": "mgcp", "transport": "udp", "address": "192.0.2.1", "port": 2427}
    table["realms"]["a"]["listeners"].append(listener)
    fault = the_fault(table)
    assert fault.key == "paths[0].core"
    assert "mgcp" in fault.problem


@pytest.mark.parametrize("listen", ["0.0.0.0:2222", "192.0.2.1:2222", "[::]:2222"])
def test_the_console_is_for_this_machine_unless_said_otherwise(listen: str) -> None:
    table = document()
    table["console"] = {"listen": listen, "host_key": "k", "password_file": "p"}
    assert the_fault(table).key == "console.listen"
    table["console"]["allow_remote"] = True
    assert not faults(table)


def test_the_console_must_not_take_a_listeners_port() -> None:
    table = document()
    table["realms"]["a"]["listeners"][0]["transport"] = "tcp"
    table["console"] = {"listen": "192.0.2.1:5060", "host_key": "k", "password_file": "p", "allow_remote": True}
    assert the_fault(table).key == "console.listen"


@pytest.mark.parametrize("key", ["behind_nat", "direct"])
def test_nobody_is_registered_for_longer_than_the_registrar_is_asked_for(key: str) -> None:
    table = document()
    table["realms"]["a"]["registrations"] = {"core": 600, key: 601}
    fault = the_fault(table)
    assert fault.key == f"realms.a.registrations.{key}"
    table["realms"]["a"]["registrations"]["front"] = False
    assert not faults(table)


@pytest.mark.parametrize(
    ("cdr", "key"),
    [
        ({"sync": "end"}, "cdr.json"),
        ({"json": "same", "sqlite": "same"}, "cdr.sqlite"),
        ({"json": "log"}, "cdr.json"),
        ({"sqlite": "log"}, "cdr.sqlite"),
        ({"json": "x", "rotate_size": -1}, "cdr.rotate_size"),
    ],
)
def test_records_go_to_files_of_their_own(cdr: dict[str, Any], key: str) -> None:
    table = document()
    table["log"] = {"file": "log"}
    table["cdr"] = cdr
    assert the_fault(table).key == key


def test_records_in_both_kinds_of_file() -> None:
    table = document()
    table["cdr"] = {"json": "a", "sqlite": "b"}
    assert not faults(table)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("answer_within", {"period": 5, "answer_within": 5}),
        ("longest", {"mode": "adaptive", "longest": 15}),
    ],
)
def test_keepalive_leaves_time_to_answer_and_room_to_grow(key: str, values: dict[str, Any]) -> None:
    table = document()
    table["realms"]["a"]["keepalive"] = values
    assert the_fault(table).key == f"realms.a.keepalive.{key}"
    table["realms"]["a"]["keepalive"] = {**values, "mode": "off"}
    assert not faults(table)


def test_keepalives_that_nobody_answers_are_refused_with_the_reason() -> None:
    table = document()
    table["realms"]["a"]["keepalive"] = {"mode": "crlf"}
    assert "elicits no answer over UDP" in the_fault(table).problem


def with_hops(*hops: Any, **path: Any) -> dict[str, Any]:
    table = document()
    table["paths"][0] |= {"next_hops": list(hops), **path}
    return table


def test_next_hops_are_addresses_or_tables_or_names() -> None:
    assert not faults(with_hops("198.51.100.9:5060", "softswitch.example.net", "other.example.net:5062"))
    assert not faults(with_hops({"to": "198.51.100.9:5060", "priority": 0, "weight": 3}, {"to": "example.net"}))
    assert the_fault(with_hops("198.51.100.9")).key == "paths[0].next_hops"
    assert the_fault(with_hops()).key == "paths[0].next_hops"
    assert the_fault(with_hops({"to": "198.51.100.9:5060"}, {"priority": 1})).key == "paths[0].next_hops[1].to"


def test_each_next_hop_stands_there_once() -> None:
    once = {"to": "198.51.100.9:5060"}
    fault = the_fault(with_hops(once, {**once, "priority": 1}))
    assert fault.key == "paths[0].next_hops[1]" and "twice" in fault.problem


def test_a_next_hop_is_reached_by_a_listener_of_its_realm() -> None:
    hop = {"to": "198.51.100.9:5060", "transport": "udp"}
    assert not faults(with_hops(hop))
    assert the_fault(with_hops({**hop, "transport": "tcp"})).key == "paths[0].next_hops[0].transport"
    table = with_hops({**hop, "transport": "tcp"}, signaling="port-per-terminal", signaling_ports="7000-7999")
    fault = the_fault(table)
    assert fault.key == "paths[0].next_hops[0].transport" and "UDP ports" in fault.problem


def test_a_next_hop_answers_before_it_is_asked_again() -> None:
    fault = the_fault(with_hops("198.51.100.9:5060", probing={"period": 3, "answer_within": 3}))
    assert fault.key == "paths[0].probing.answer_within"
    assert not faults(with_hops("198.51.100.9:5060", probing={"mode": "off", "period": 3, "answer_within": 3}))


def test_who_is_trusted_by_an_address_stands_in_a_core_realm() -> None:
    table = document()
    table["realms"]["c"]["peers"] = ["198.51.100.0/24", "198.51.100.7", "0.0.0.0/0"]
    assert not faults(table)
    table["realms"]["c"]["peers"].append("2001:db8::/32")
    assert (the_fault(table).key, "IPv6" in the_fault(table).problem) == ("realms.c.peers[3]", True)
    table = document()
    table["realms"]["a"]["peers"] = ["192.0.2.0/24"]
    assert (the_fault(table).key, "access" in the_fault(table).problem) == ("realms.a.peers[0]", True)


@pytest.mark.parametrize(
    ("realm", "alternates", "fault"),
    [
        ("a", ["192.0.2.77:1719"], ""),
        ("c", ["198.51.100.77:1719"], "core realm"),
        ("a", ["[2001:db8::7]:1719"], "IP version"),
        ("a", ["192.0.2.77:1719", "OWN"], "listener of this SBC"),
        ("a", [f"192.0.2.{host}:1719" for host in range(70, 79)], "more than 8"),
    ],
)
def test_others_that_terminals_may_turn_to_are_others_and_few(realm: str, alternates: list[str], fault: str) -> None:
    table = document()
    own = table["realms"]["a"]["listeners"][0]
    said = [f"{own['address']}:{own['port']}" if each == "OWN" else each for each in alternates]
    table["realms"][realm]["alternates"] = said
    found = faults(table)
    assert [fault in each.problem for each in found] == [True] * bool(fault)


@pytest.mark.parametrize(
    ("stream", "whole", "fits"), [(100, 0, True), (0, 100, True), (100, 100, True), (101, 100, False)]
)
def test_a_stream_may_not_have_more_than_all(stream: int, whole: int, fits: bool) -> None:
    table = document()
    table["realms"]["a"]["media"] |= {"stream_rate": stream, "realm_rate": whole}
    assert [fault.key for fault in faults(table)] == ["realms.a.media.stream_rate"] * (not fits)
