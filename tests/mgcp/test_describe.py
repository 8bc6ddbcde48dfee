"""What messages of MGCP mean to the core."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage, Elsewhere, Ending, Intent, Kind, Phase
from sbc.mgcp.codec import BadMgcp, decode
from sbc.mgcp.describe import describe, remember
from tests.mgcp_messages import command, crcx, dlcx, mdcx, response, rsip


def said(data: bytes, asked: bytes | None = None) -> Intent:
    message = decode(data)
    if asked is not None:
        message.asked = remember(decode(asked))
    return describe(message)


def test_a_create_connection_opens_a_call_that_gathers() -> None:
    intent = said(crcx(12, "AALN/1@gw", "2a"))
    assert (intent.kind, intent.phase, intent.method) == (Kind.OPEN, Phase.REQUEST, "CRCX")
    assert (intent.call, intent.label, intent.exchange, intent.callee) == (b"2A", b"2a", b"12", b"aaln/1"), (
        "octets in any case"
    )
    assert intent.local and intent.gathers and intent.frank and not intent.within


def test_who_modifies_names_a_call_that_lives() -> None:
    intent = said(mdcx(13, "aaln/1@gw", "1f"))
    assert (intent.kind, intent.within, intent.member) == (Kind.MODIFY, True, b"aaln/1 1F")


@pytest.mark.parametrize("missing", ["C", "I"])
def test_what_a_modify_connection_must_say(missing: str) -> None:
    lines = [line for line in ("C: 2a", "I: 1f") if not line.startswith(missing)]
    with pytest.raises(BadMgcp, match=missing) as raised:
        said(command("MDCX", 13, "aaln/1@gw", *lines))
    assert (raised.value.number, raised.value.code) == (b"13", 510)


@pytest.mark.parametrize("name", ["10.0.0.1", "a b", "x" * 65, "[::1]"])
def test_no_identifier_holds_an_address(name: str) -> None:
    with pytest.raises(BadMessage, match="C: is no identifier"):
        said(crcx(12, "aaln/1@gw", name))
    with pytest.raises(BadMessage, match="I: is no identifier"):
        said(response(200, 12, f"I: {name}"), crcx(12, "aaln/1@gw"))


@pytest.mark.parametrize(
    ("endpoint", "call", "connection", "leaves"),
    [
        ("aaln/1@gw", "2a", "1f", (b"2A", b"aaln/1 1F")),
        ("aaln/1@gw", "2a", "", (b"2A", b"aaln/1 *")),
        ("aaln/1@gw", "", "", (b"*", b"aaln/1 *")),
        ("aaln/*@gw", "2a", "", (b"2A", b"aaln/*")),
        ("*@gw", "", "", (b"*", b"*")),
    ],
)
@pytest.mark.parametrize("code", [250, 200, 515])
def test_who_leaves_by_a_delete_connection(
    endpoint: str, call: str, connection: str, leaves: tuple[bytes, bytes], code: int
) -> None:
    asked = dlcx(14, endpoint, call, connection)
    intent = said(asked)
    assert intent.kind is (Kind.MODIFY if call else Kind.OTHER) and not intent.within and not intent.leaves
    answer = said(response(code, 14), asked)
    assert answer.leaves == (leaves,) and answer.kind is intent.kind and answer.gone == (code == 515)
    assert said(response(400, 14), asked).leaves == ()


@pytest.mark.parametrize(
    ("code", "leaves"), [(515, ((b"2A", b"aaln/1 1F"),)), (516, ((b"2A", b"aaln/1 *"),)), (510, ()), (200, ())]
)
def test_what_a_gateway_says_is_gone_has_left(code: int, leaves: Any) -> None:
    assert said(response(code, 14), mdcx(14, "aaln/1@gw", "1f")).leaves == leaves
    audit = command("AUCX", 14, "aaln/1@gw", "C: 2a", "I: 1f")
    assert said(response(code, 14), audit).leaves == leaves


@pytest.mark.parametrize("endpoint", ["*@#192.168.1.10", "aaln/1@gw-192.168.1.10.lan", "*@[fe80::1%eth0]"])
def test_no_domain_holds_an_address(endpoint: str) -> None:
    for data in (rsip(9, endpoint.partition("@")[2]), command("NTFY", 9, endpoint, "X: 1")):
        with pytest.raises(BadMgcp) as raised:
            said(data)
        assert (raised.value.number, raised.value.code) == (b"9", 500)


def test_who_joins_by_a_create_connection() -> None:
    asked = crcx(15, "aaln/$@gw")
    answer = said(response(200, 15, "Z: AALN/2@gw", "I: fde2"), asked)
    assert (answer.kind, answer.call, answer.joins) == (Kind.OPEN, b"2A", (b"aaln/2 FDE2",))
    assert said(response(200, 15, "I: 1"), asked).joins == (b"aaln/$ 1",)
    two = said(response(200, 15, "Z: a@gw", "I: 1", "Z2: b@gw", "I2: 2"), asked)
    assert two.joins == (b"a 1", b"b 2")
    assert said(response(100, 15, "I: 1"), asked).joins == ()


def test_what_a_gateway_has_counted() -> None:
    counted = "P: PS=1245, OS=62345, PR=780, OR=45123, PL=-3, JI=27, LA=48, X-k=1"
    words = (
        ("packets_sent", "1245"), ("octets_sent", "62345"), ("packets_received", "780"), ("octets_received", "45123"),
        ("packets_lost", "-3"), ("jitter", "27"), ("delay", "48"), ("X-k", "1"),
    )  # fmt: skip
    asked = dlcx(16, "aaln/1@gw", "2a", "1f")
    assert said(response(250, 16, counted), asked).reported == ((b"aaln/1 1F", words),)
    by_itself = dlcx(16, "aaln/1@gw", "2a", "1f", counted)
    assert said(by_itself).reported == () and said(response(200, 16), by_itself).reported == ((b"aaln/1 1F", words),)
    assert said(response(250, 16, "P: nonsense"), asked).reported == ()
    assert said(response(250, 16, counted), dlcx(16, "aaln/1@gw", "2a")).reported == ()


@pytest.mark.parametrize(
    ("method", "local", "leaves", "expires"),
    [
        ("restart", "*", ((b"*", b"*"),), None),
        ("Restart", "aaln/1", ((b"*", b"aaln/1 *"),), None),
        ("forced", "aaln/*", ((b"*", b"aaln/*"),), None),
        ("restart", "aaln/[1-2]", ((b"*", b"aaln/1 *"), (b"*", b"aaln/2 *")), None),
        ("restart", "*/1", ((b"*", b"*/1"),), None),
        ("forced", "*", ((b"*", b"*"),), 0),
        ("graceful", "*", (), None),
        ("disconnected", "*", (), None),
        ("cancel-graceful", "aaln/1", (), None),
        ("x-strange", "*", (), None),
    ],
)
def test_a_restart_binds(method: str, local: str, leaves: Any, expires: int | None) -> None:
    asked = rsip(17, "[192.168.1.10]", method, local)
    intent = said(asked)
    assert (intent.kind, intent.lasting, intent.leaves, intent.expires) == (Kind.BIND, True, leaves, expires)
    assert (intent.user, intent.claimed, intent.label) == (b"192.168.1.10", Address("192.168.1.10", 2427), b"")
    answer = said(response(200, 17, "N: ca@[198.51.100.3]:2728"), asked)
    assert answer.kind is Kind.BIND and answer.grants and answer.route is not None
    assert answer.route.first == Address("198.51.100.3", 2728) and answer.route.hops == (b"ca@[198.51.100.3]:2728",)


def test_a_gateway_of_a_name_is_known_by_it() -> None:
    intent = said(rsip(18, "GW44.example"))
    assert (intent.user, intent.label, intent.claimed) == (b"gw44.example", b"gw44.example", None)


@pytest.mark.parametrize("data", [command("RSIP", 1, "*@gw"), command("RSIP", 1, "*", "RM: restart")])
def test_a_restart_that_says_too_little(data: bytes) -> None:
    with pytest.raises(BadMgcp):
        said(data)


def test_whom_a_gateway_is_to_turn_to() -> None:
    route = said(command("RQNT", 19, "aaln/1@gw", "N: ca@ca2.example:2728", "X: 1")).route
    assert route is not None and route.first is None and route.hops == (b"ca@ca2.example:2728",)
    assert said(command("RQNT", 19, "aaln/1@gw", "N:", "X: 1")).route is None
    assert said(command("NTFY", 19, "aaln/1@gw", "N: ca@[192.0.2.1]", "X: 1")).route is None


def test_what_else_is_said() -> None:
    notify = said(command("NTFY", 20, "aaln/1@[192.168.1.10]", "X: 1", "O: L/hd"))
    assert (notify.kind, notify.user, notify.local) == (Kind.OTHER, b"192.168.1.10", True)
    assert not notify.probe and said(command("NTFY", 20, "sbc@gw", "X: 0", "O:")).probe
    assert said(command("AUEP", 21, "*@gw")).probe and not said(command("AUEP", 21, "*@gw", "F: A")).probe
    audit = said(command("AUCX", 22, "aaln/1@gw", "I: 1f", "F: RC"))
    assert (audit.kind, audit.call, audit.member) == (Kind.MODIFY, b"", b"aaln/1 1F")
    assert remember(decode(command("AUCX", 22, "aaln/1@gw", "I: 1f", "F: RC, M"))).remote_only
    assert not remember(decode(command("AUCX", 22, "aaln/1@gw", "I: 1f", "F: LC,rc"))).remote_only
    assert said(command("MESG", 23, "aaln/1@gw")).kind is Kind.OTHER


def test_responses() -> None:
    assert said(response(100, 7)).phase is Phase.PROVISIONAL and not said(response(100, 7, "K:")).receipt
    assert said(response(200, 7)).phase is Phase.SUCCESS and said(response(250, 7, "K:")).receipt
    assert not said(response(200, 7, "K: 3-5")).receipt
    failure = said(response(521, 7, text="go there"))
    assert (failure.phase, failure.cause, failure.elsewhere) == (Phase.FAILURE, "521 go there", Elsewhere.UNAVAILABLE)
    assert said(response(403, 7)).ending is Ending.CONGESTION and said(response(516, 7)).gone
    assert said(response(899, 7)).phase is Phase.FAILURE
    ack = said(response(0, 7, text=""))
    assert (ack.phase, ack.exchange, ack.within) == (Phase.CONFIRM, b"7", True)
