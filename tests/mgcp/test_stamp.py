"""What is our own on each hop."""

from __future__ import annotations

import pytest

from tests.mgcp_calls import AGENT, PRIVATE, Line, mgcp_rig, sent
from tests.mgcp_messages import command, number_of, response, rsip, value
from tests.rig import SBC_ACCESS, SBC_CORE

US = f"[{SBC_ACCESS.host}]:2727"


def test_transactions_have_numbers_of_our_own_and_come_back_as_they_were() -> None:
    line = Line.register(mgcp_rig())
    heard = line.asked(b"auep 0007 " + line.at().encode() + b" mgcp 1.0 NCS 1.0\n")
    assert 1 <= number_of(heard) <= 999_999_999 and number_of(heard) != 7
    assert heard.startswith(b"auep ") and heard.endswith(b"mgcp 1.0 NCS 1.0\n")
    assert line.told(response(200, heard)) == b"200 0007 OK\r\n"


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


def test_what_a_gateway_was_configured_with_is_the_agent_itself() -> None:
    line = Line.register(mgcp_rig())
    told = line.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", f"N: ca@{SBC_ACCESS.host}:2727", "X: 1"))
    assert value(told, "N") == f"ca@[{AGENT.host}]:2727"


def test_who_is_redirected_turns_to_us_all_the_same() -> None:
    line = Line.register(mgcp_rig())
    told = line.told(rsip(9, f"[{PRIVATE}]", "disconnected"))
    (back,) = sent(line.agent(response(200, told, "N: ca@[198.51.100.3]:2727")), "access")
    assert value(back.data, "N") == f"ca@{US}"


@pytest.mark.parametrize("acks", ["K: 1-20", "k: 3, 5-7\r\nK: 9"])
def test_acknowledgements_are_between_neighbours(acks: str) -> None:
    line = Line.register(mgcp_rig())
    assert b"K:" not in line.ask("AUEP", acks).upper()
    told = line.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", acks, "X: 1"))
    assert told.endswith(b"MGCP 1.0\r\nX: 1\r\n")
