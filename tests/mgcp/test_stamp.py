"""What is our own on each hop."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from tests.laws import assert_no_trace
from tests.mgcp_calls import AGENT, GATEWAY, OTHER, PRIVATE, Line, mgcp_rig, sent
from tests.mgcp_messages import command, crcx, number_of, response, rsip, value
from tests.rig import SBC_ACCESS, SBC_CORE, Rig

US = f"[{SBC_ACCESS.host}]:2727"


def ended(rig: Rig) -> tuple[bytes, bytes]:
    """What gateway and agent hear of it that the SBC ends the one call there is."""
    (call,) = rig.border.registry.calls.values()
    orders = rig._take(rig.border.end_call(call.id, "kicked", rig.now))
    (gateway,), (agent,) = sent(orders, "access"), sent(orders, "core")
    return gateway.data, agent.data


def test_transactions_have_numbers_of_our_own_and_come_back_as_they_were() -> None:
    line = Line.register(mgcp_rig())
    heard = line.asked(b"auep 0007 " + line.at().encode() + b" mgcp 1.0 NCS 1.0\n")
    assert 1 <= number_of(heard) <= 999_999_999 and number_of(heard) != 7
    assert heard.startswith(b"auep ") and heard.endswith(b"mgcp 1.0 NCS 1.0\n")
    assert line.told(response(200, heard)) == b"200 0007 OK\r\n"


@pytest.mark.parametrize(
    "domain", [f"[{PRIVATE}]:2427", f"{PRIVATE}:2428", "[192.168.001.010]", f"{PRIVATE}.", "[2001:db8::10]:2427"]
)
def test_no_way_to_write_an_address_is_a_name(domain: str) -> None:
    rig = mgcp_rig()
    line, other = Line.register(rig, domain=domain), Line.register(rig, OTHER, domain, 32)
    assert line.port != other.port and line.name == other.name == f"[{SBC_CORE.host}]"
    told = line.told(command("NTFY", 5, f"aaln/1@{domain}", "X: 1", f"Z: aaln/2@{domain}"))
    assert_no_trace(told, PRIVATE, "2001:db8::10")
    assert b"192." not in told
    line.agent(response(200, told))
    heard = line.asked(crcx(7, line.at()))
    assert heard.split()[2] == f"aaln/1@{domain}".encode(), "as it calls itself"
    told = line.told(response(200, heard, f"Z: aaln/1@{domain}", "I: 1"))
    assert_no_trace(told, PRIVATE, "2001:db8::10")
    assert b"192." not in told
    (gateway, agent) = ended(rig)
    assert gateway.split()[2] == f"aaln/1@{domain}".encode() and agent.split()[2] == line.at().encode()


@pytest.mark.parametrize("domain", ["#192.168.1.10", "gw-192.168.1.10.lan", "[fe80::1%eth0]"])
def test_what_holds_an_address_and_is_none_is_refused(domain: str) -> None:
    rig = mgcp_rig()
    orders = rig.from_access(rsip(31, domain), GATEWAY)
    assert not sent(orders, "core") and [each.data[:7] for each in sent(orders, "access")] == [b"500 31 "]


def test_nobody_speaks_in_the_name_of_another_gateway() -> None:
    rig = mgcp_rig()
    first = Line.register(rig, domain="gw1.example")
    second = Line.register(rig, OTHER, "gw2.example", 32)
    plain = Line.register(rig, Address("203.0.113.13", 2427), number=33)
    for line in (second, plain):
        orders = line.says(command("NTFY", 5, "aaln/1@gw1.example", "X: 1", "O: L/hd"))
        assert not sent(orders, "core")
        assert [each.data[:6] for each in sent(orders, "access")] == [b"500 5 "]
    for line, name in ((first, "GW1.example"), (first, "gw1.example."), (second, "gw2.example")):
        assert line.told(command("NTFY", line.next(), f"aaln/1@{name}", "X: 1")).split()[2] == f"aaln/1@{name}".encode()
    assert second.told(command("DLCX", 8, "aaln/1", "C: 1")).split()[2] == b"aaln/1"


def test_a_name_that_becomes_too_long_is_not_sent() -> None:
    rig = mgcp_rig()
    orders = rig.from_access(b"RSIP 5 " + b"a" * 503 + b"@1.2.3.4 MGCP 1.0\r\nRM: restart\r\n", GATEWAY)
    assert not sent(orders, "core") and [each.data[:6] for each in sent(orders, "access")] == [b"507 5 "]


@pytest.mark.parametrize("domain", [f"[{PRIVATE}]", PRIVATE, "[2001:db8::10]", "gw44.example"])
def test_an_endpoint_is_called_as_each_side_calls_it(domain: str) -> None:
    line = Line.register(mgcp_rig(), domain=domain)
    bare = "[" not in domain and domain != "gw44.example"
    ours = domain if domain == "gw44.example" else SBC_CORE.host if bare else f"[{SBC_CORE.host}]"
    told = line.told(command("NTFY", 5, f"aaln/1@{domain}", "X: 1"))
    assert told.split()[2] == f"aaln/1@{ours}".encode()
    line.agent(response(200, told))
    heard = line.asked(command("CRCX", 7, f"aaln/$@{ours}", "C: 1", f"Z2: aaln/2@{ours}", "M: sendrecv"))
    assert heard.split()[2] == f"aaln/$@{domain}".encode() and value(heard, "Z2") == f"aaln/2@{domain}"
    told = line.told(response(200, heard, f"Z: aaln/1@{domain}", "I: 1"))
    assert value(told, "Z") == f"aaln/1@{ours}"


def test_an_audit_of_all_lists_them_as_the_agent_calls_them() -> None:
    line = Line.register(mgcp_rig())
    heard = line.ask("AUEP", local="*")
    told = line.told(response(200, heard, f"Z: a/1@[{PRIVATE}], a/2@[{PRIVATE}]", f"Z: a/3@[{PRIVATE}]"))
    ours = f"[{SBC_CORE.host}]"
    assert told.endswith(f"Z: a/1@{ours}, a/2@{ours}\r\nZ: a/3@{ours}\r\n".encode())


@pytest.mark.parametrize("entity", ["ca@[198.51.100.2]:2727", "ca@ca1.example:2728", "[198.51.100.2]", "CA@other"])
def test_a_gateway_turns_to_us_and_the_agent_reads_what_it_wrote(entity: str) -> None:
    line = Line.register(mgcp_rig())
    heard = line.ask("RQNT", "X: 1", f"N: {entity}")
    own = entity.rpartition("@")[0] + "@" if "@" in entity else ""
    assert value(heard, "N") == own + US
    line.told(response(200, heard))
    told = line.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", f"N: {own}{US}", "X: 1"))
    assert value(told, "N") == entity


@pytest.mark.parametrize(
    "line",
    [
        "N: ca@[198.51.100.2]:2727, ca2@[198.51.100.3]:2727",
        "N: ca1.core.example:2727;x",
        'N: "ca"@[198.51.100.2]x',
        "RED/NL: ca1@[198.51.100.2]:2727, ca2@ca.example",
        "nl: ca1@[198.51.100.2]:2727",
    ],
)
def test_what_cannot_be_read_leads_to_us_too(line: str) -> None:
    gateway = Line.register(mgcp_rig())
    name = line.partition(":")[0]
    assert f"\r\n{name}: {US}\r\n".encode() in gateway.ask("RQNT", "X: 1", line, "R: L/hd")
    told = gateway.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", f"{name}: {US}", "X: 1"))
    assert SBC_ACCESS.host.encode() not in told


def test_no_other_entity_is_said_where_there_is_none() -> None:
    assert b"\r\nN:\r\n" in Line.register(mgcp_rig()).ask("RQNT", "N:", "X: 1")


def test_what_a_gateway_was_configured_with_is_the_agent_itself() -> None:
    line = Line.register(mgcp_rig())
    told = line.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", f"N: ca@{SBC_ACCESS.host}:2727", "X: 1"))
    assert value(told, "N") == f"ca@[{AGENT.host}]:2727"


def test_who_is_redirected_turns_to_us_all_the_same() -> None:
    line = Line.register(mgcp_rig())
    told = line.told(rsip(9, f"[{PRIVATE}]", "disconnected"))
    (back,) = sent(line.agent(response(200, told, "N: ca@[198.51.100.3]:2727")), "access")
    assert value(back.data, "N") == f"ca@{US}"


@pytest.mark.parametrize("first", ["X: 1", "; a comment", "K: 1"])
def test_what_was_forgiven_goes_on_without(first: str) -> None:
    line = Line.register(mgcp_rig())
    data = command("NTFY", 5, f"aaln/1@[{PRIVATE}]", " \t" + first, "O: L/hd")
    told = line.told(b"\r\n" + data + b"\0")
    rest = "O: L/hd\r\n" if first == "K: 1" else f"{first}\r\nO: L/hd\r\n"
    assert told.startswith(b"NTFY ") and told.endswith(f"MGCP 1.0\r\n{rest}".encode())


@pytest.mark.parametrize("acks", ["K: 1-20", "k: 3, 5-7\r\nK: 9"])
def test_acknowledgements_are_between_neighbours(acks: str) -> None:
    line = Line.register(mgcp_rig())
    assert b"K:" not in line.ask("AUEP", acks).upper()
    told = line.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", acks, "X: 1"))
    assert told.endswith(b"MGCP 1.0\r\nX: 1\r\n")
