"""Several names and registrations of one H.323 terminal: added, taken away by name, told apart by their identifiers."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.h323.codec import build_ras
from tests.calls.test_h323_calls import only
from tests.h323_calls import (
    GATEKEEPER,
    PROTOCOL,
    TERMINAL_CALLS,
    h323_rig,
    ip,
    keepalive,
    plain,
    rcf,
    read,
    registered,
    rrq,
    to,
    urq,
)
from tests.rig import NAT

CAROL = [("h323-ID", "carol")]
NEIGHBOUR = Address("198.51.100.77", 1719)


def additive(number: int, name: str = "17_endp") -> bytes:
    return rrq(number, endpointIdentifier=name, additiveRegistration=0, terminalAlias=CAROL)


def test_further_names_are_those_of_the_terminal_at_its_own_port() -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(additive(20)), "core"))
    assert sent.listener == own, "no other port: the gatekeeper would see another endpoint"
    assert read(sent).value["endpointIdentifier"] == "17_endp" and "additiveRegistration" in read(sent).value
    rig.from_core(rcf(sent.data), GATEKEEPER, at=own)
    binding = only(list(rig.border.registry.bindings.values()))
    assert (binding.state, binding.user) == (BindingState.BOUND, b"h323-ID:alice")
    back = only(to(rig.from_access(keepalive(21)), "access"))
    assert read(back).value["requestSeqNum"] == 21, "its keepalives end at the SBC as before"
    assert len(to(rig.from_access(rrq(22)), "core")) == 1, "what replaces all names goes on"


def test_names_that_the_gatekeeper_does_not_add_change_nothing() -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(additive(20)), "core"))
    said = {"protocolIdentifier": PROTOCOL, "rejectReason": ("duplicateAlias", CAROL)}
    rig.from_core(plain("registrationReject", sent.data, **said), GATEKEEPER, at=own)
    assert only(list(rig.border.registry.bindings.values())).state is BindingState.BOUND
    assert to(rig.from_access(rrq(22)), "access"), "nothing has changed"


def test_names_that_are_taken_away_leave_the_terminal_registered_as_long_as_it_has_its_first() -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(urq(30, endpointAlias=CAROL)), "core"))
    assert sent.listener == own
    assert to(rig.from_core(plain("unregistrationConfirm", sent.data), GATEKEEPER, at=own), "access")
    assert only(list(rig.border.registry.bindings.values())).state is BindingState.BOUND
    all_names = [("h323-ID", "alice"), ("dialledDigits", "100")]
    sent = only(to(rig.from_access(urq(31, endpointAlias=all_names)), "core"))
    rig.from_core(plain("unregistrationConfirm", sent.data), GATEKEEPER, at=own)
    assert not rig.border.registry.bindings


def test_the_gatekeeper_takes_names_away_likewise() -> None:
    rig = h323_rig()
    own = registered(rig)
    for names, left in ((CAROL, 1), ([("h323-ID", "alice")], 0)):
        down = only(
            to(rig.from_core(urq(900 + left, calls=own.address, endpointAlias=names), GATEKEEPER, at=own), "access")
        )
        rig.from_access(plain("unregistrationConfirm", down.data))
        assert len(rig.border.registry.bindings) == left


def test_two_registrations_of_one_terminal_are_two_and_known_by_what_the_gatekeeper_calls_them() -> None:
    rig = h323_rig()
    one = registered(rig)
    two = registered(rig, name="18_endp", number=7, terminalAlias=[("h323-ID", "gateway")])
    assert one != two and len(rig.border.registry.bindings) == 2
    for name, number in (("17_endp", 40), ("18_endp", 41)):
        assert read(only(to(rig.from_access(keepalive(number, name)), "access"))).value["endpointIdentifier"] == name
    sent = only(to(rig.from_access(urq(50, "18_endp")), "core"))
    assert sent.listener == two
    rig.from_core(plain("unregistrationConfirm", sent.data), GATEKEEPER, at=two)
    assert only(list(rig.border.registry.bindings.values())).handle == b"17_endp"


def lrq(number: int) -> bytes:
    said = {"requestSeqNum": number, "destinationInfo": [("dialledDigits", "100")], "replyAddress": ip(NEIGHBOUR)}
    return build_ras("locationRequest", said)


def test_other_gatekeepers_learn_of_no_terminal() -> None:
    """Who is where the gatekeeper says: at the port that all share nobody is, and strangers are nowhere heard."""
    rig = h323_rig()
    own = registered(rig)
    for source in (NEIGHBOUR, GATEKEEPER):
        said = read(only(to(rig.from_core(lrq(60), source), "core")))
        assert (said.name, said.value["rejectReason"][0]) == ("locationReject", "requestDenied")
    said = read(only(to(rig.from_core(lrq(61), NEIGHBOUR, at=own), "core")))
    assert said.name == "locationReject" and not to(rig.from_core(lrq(61), NEIGHBOUR, at=own), "access")
    down = only(to(rig.from_core(lrq(62), GATEKEEPER, at=own), "access"))
    assert (down.to, read(down).name) == (NAT, "locationRequest"), "its own may ask the terminal"


def test_resources_are_told_and_confirmed() -> None:
    rig = h323_rig()
    own = registered(rig)
    said = {
        "requestSeqNum": 70, "protocolIdentifier": PROTOCOL, "endpointIdentifier": "17_endp",
        "protocols": [], "almostOutOfResources": True,
    }  # fmt: skip
    up = only(to(rig.from_access(build_ras("resourcesAvailableIndicate", said)), "core"))
    assert (up.listener, read(up).value["almostOutOfResources"]) == (own, True)
    back = plain("resourcesAvailableConfirm", up.data, protocolIdentifier=PROTOCOL)
    assert read(only(to(rig.from_core(back, GATEKEEPER, at=own), "access"))).value["requestSeqNum"] == 70


ANEW = Address("192.168.1.10", 30011)
ELSEWHERE = Address("203.0.113.11", 41234)


def test_a_terminal_that_begins_anew_at_another_port_is_the_same_to_the_gatekeeper() -> None:
    """Many take any port for RAS at each start; the gatekeeper would find the name at two endpoints."""
    rig = h323_rig()
    own = registered(rig)
    (before,) = rig.border.registry.bindings.values()
    sent = only(to(rig.from_access(rrq(20, ras=ANEW), ELSEWHERE), "core"))
    assert sent.listener == own
    rig.from_core(rcf(sent.data, "19_endp"), GATEKEEPER, at=own)
    after = only(list(rig.border.registry.bindings.values()))
    assert after is not before and (after.seen, after.onward, after.handle) == (ELSEWHERE, own, b"19_endp")
    asked = build_ras("infoRequest", {"requestSeqNum": 901, "callReferenceValue": 0})
    assert only(to(rig.from_core(asked, GATEKEEPER, at=own), "access")).to == ELSEWHERE
    rig.wait(61.0)
    assert read(only(to(rig.from_access(keepalive(22, "19_endp"), ELSEWHERE), "access"))).name == "registrationConfirm"


def test_if_the_gatekeeper_will_not_have_it_all_stays_as_it_was() -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(rrq(20, ras=ANEW), ELSEWHERE), "core"))
    said = {"protocolIdentifier": PROTOCOL, "rejectReason": ("securityDenial", 0)}
    rig.from_core(plain("registrationReject", sent.data, **said), GATEKEEPER, at=own)
    rig.wait(15.0)
    assert only(list(rig.border.registry.bindings.values())).seen == NAT
    asked = build_ras("infoRequest", {"requestSeqNum": 901, "callReferenceValue": 0})
    assert only(to(rig.from_core(asked, GATEKEEPER, at=own), "access")).to == NAT


def test_another_host_or_another_call_address_is_another_terminal() -> None:
    rig = h323_rig()
    own = registered(rig)
    for source, calls in ((Address("203.0.113.12", 41234), TERMINAL_CALLS), (ELSEWHERE, ANEW)):
        sent = only(to(rig.from_access(rrq(20, ras=ANEW, calls=calls), source), "core"))
        assert sent.listener != own
