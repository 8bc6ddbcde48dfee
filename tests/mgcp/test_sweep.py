"""No address of one side is seen by the other, wherever it stands."""

from __future__ import annotations

import pytest

from sbc.core.orders import Note
from tests.laws import assert_no_trace
from tests.mgcp_calls import AGENT, FAR, GATEWAY, PRIVATE, Line, mgcp_rig
from tests.mgcp_messages import command, crcx, created, response, rsip, sdp
from tests.rig import SBC_ACCESS, SBC_CORE, of

OF_GATEWAY = (PRIVATE, GATEWAY.host, SBC_ACCESS.host)
OF_CORE = (AGENT.host, SBC_CORE.host)


@pytest.mark.parametrize("host", OF_GATEWAY)
@pytest.mark.parametrize(
    "line", ["X-Vendor: at {0}", "; my address is {0}:2427", "X+Where: [{0}]:2427", "O: L/hd, x({0})", "PL/X:{0}"]
)
def test_a_gateways_addresses_stay_behind(line: str, host: str) -> None:
    rig = mgcp_rig()
    gateway = Line.register(rig)
    told = gateway.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", "X: 1F", line.format(host)))
    assert_no_trace(told, *OF_GATEWAY)
    assert line.split("{")[0].encode() in told and b"X: 1F\r\n" in told
    (swept,) = [each for each in of(Note, rig.log) if each.event == "swept"]
    assert swept.reason == (line.partition(":")[0].upper() if ":" in line[:9] else "a comment")


@pytest.mark.parametrize("host", OF_CORE)
def test_the_cores_stay_there(host: str) -> None:
    gateway = Line.register(mgcp_rig())
    heard = gateway.ask("RQNT", "X: 1F", f"X-Agent: {host}:2727", f"S: x({host})")
    assert_no_trace(heard, *OF_CORE)
    assert f"X-Agent: {SBC_ACCESS.host}:2727\r\n".encode() in heard


def test_what_is_said_in_words_and_in_failures_too() -> None:
    gateway = Line.register(mgcp_rig())
    heard = gateway.ask("RQNT", "X: 1F")
    told = gateway.told(response(400, heard, f"X-Why: {GATEWAY}", text=f"{PRIVATE} is busy"))
    assert_no_trace(told, *OF_GATEWAY)


def test_a_local_part_is_no_address_wherever_it_stands() -> None:
    """It is what both sides call the endpoint, in the first line and in Z alike."""
    gateway = Line.register(mgcp_rig())
    local = f"rtp/{PRIVATE}/1"
    assert gateway.told(command("NTFY", 5, f"{local}@[{PRIVATE}]", "X: 1")).split()[2] == gateway.at(local).encode()
    heard = gateway.ask("AUEP", "F: A", local="*")
    told = gateway.told(response(200, heard, f"Z: {local}@[{PRIVATE}], {local}/2@[{PRIVATE}]", f"X-At: {local}"))
    assert f"Z: {gateway.at(local)}, {gateway.at(local + '/2')}\r\nX-At: rtp/{SBC_CORE.host}/1\r\n".encode() in told


def test_call_agents_are_not_said_to_gateways() -> None:
    gateway = Line.register(mgcp_rig())
    heard = gateway.ask("RQNT", "X: 1", "N: ca@[198.51.100.3]:2727", "; or 198.51.100.3")
    assert_no_trace(heard, "198.51.100.3", *OF_CORE)
    gateway.says(response(200, heard))
    again = gateway.told(rsip(40, f"[{PRIVATE}]", "disconnected"))
    gateway.agent(response(200, again, "N: ca@[198.51.100.3]:2727"))
    heard = gateway.ask("RQNT", "X: 2", f"X-Agents: 198.51.100.3, {AGENT}")
    assert_no_trace(heard, "198.51.100.3", *OF_CORE)


def test_where_media_are_is_not_said_beside_the_description() -> None:
    gateway = Line.register(mgcp_rig())
    heard = gateway.asked(
        crcx(7, gateway.at(), described=sdp(FAR, 6000)).replace(b"M:", b"X-Remote: %b\r\nM:" % FAR.encode())
    )
    assert_no_trace(heard, FAR, *OF_CORE)
    told = gateway.told(created(heard, "1F", "192.168.1.77", 4000, "X-Local: 192.168.1.77:4000"))
    assert_no_trace(told, "192.168.1.77", *OF_GATEWAY)


def test_what_the_other_side_may_see_passes_untouched() -> None:
    gateway = Line.register(mgcp_rig())
    lines = ("X-Version: 1.2.3.4", "X-Other: 192.0.2.99", "R: L/hd(N), D/[0-9#*T](D)", "D: (0T|00T|[1-7]xxx)")
    heard = gateway.ask("RQNT", "X: 1F", *lines)
    assert all(line.encode() in heard for line in lines)


def test_a_comment_with_a_short_address_of_ipv6() -> None:
    gateway = Line.register(mgcp_rig(), domain="[fe80::1]")
    told = gateway.told(command("NTFY", 5, "aaln/1@[fe80::1]", "; at fe80::1", "X: 1F"))
    assert b"fe80::1" not in told and f"; at {SBC_CORE.host}\r\n".encode() in told


def test_descriptions_say_nothing_beside_their_slots() -> None:
    """Attributes of vendors and what is said in words; lines that are taken out may hold addresses, too."""
    gateway = Line.register(mgcp_rig())
    heard = gateway.asked(crcx(7, gateway.at()))
    more = b"a=X-at:192.168.1.10\r\na=candidate:1 1 TCP 1 192.168.1.10 9 typ host\r\na=ptime:20\r\n"
    described = sdp(PRIVATE, 4000).replace(b"s=-", b"s=at 192.168.1.10") + more
    told = gateway.told(response(200, heard, "I: 1F", described=(described,)))
    assert_no_trace(told, *OF_GATEWAY)
    assert f"a=X-at:{SBC_CORE.host}\r\na=ptime:20\r\n".encode() in told and b"candidate" not in told
    assert f"s=at {SBC_CORE.host}\r\n".encode() in told
