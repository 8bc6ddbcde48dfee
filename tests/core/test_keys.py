"""Keys: a name means what it means where it was said."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.keys import answer_key, bound_key, call_key, far_key, line_of, near_key
from sbc.core.orders import Listener
from tests.rig import NAT, SOFTSWITCH, make_plan

OTHER = Address("203.0.113.66", 5060)


def test_a_key_of_the_near_side_belongs_to_its_source_and_of_the_far_side_to_us() -> None:
    assert near_key("access", NAT, b"x") != near_key("access", OTHER, b"x")
    assert near_key("access", NAT, b"x") != near_key("access", Address(NAT.host, 1), b"x")
    assert near_key("access", NAT, b"x") != near_key("core", NAT, b"x")
    assert far_key("core", SOFTSWITCH.host, b"x") != near_key("core", SOFTSWITCH, b"x")
    assert far_key("core", SOFTSWITCH.host, b"x") != far_key("access", SOFTSWITCH.host, b"x")


def test_what_means_its_connection_belongs_to_both_ends_of_it() -> None:
    one = make_plan("toy").realms["core"].listeners[0]
    other = attrs.evolve(one, address=one.address._replace(port=41001))
    for listener in (other, attrs.evolve(one, lane="1"), attrs.evolve(one, transport="tcp")):
        assert near_key("core", SOFTSWITCH, b"x", one) != near_key("core", SOFTSWITCH, b"x", listener)
        assert bound_key(one, SOFTSWITCH, b"x", False) != bound_key(listener, SOFTSWITCH, b"x", False)


def test_a_terminals_name_of_a_call_is_its_own_and_a_core_hosts_is_all_core_hosts() -> None:
    realms = make_plan("toy").realms
    access, core = realms["access"], realms["core"]
    assert call_key(access, NAT, b"x") == call_key(access, Address(NAT.host, 1), b"x")
    assert call_key(access, NAT, b"x") != call_key(access, OTHER, b"x")
    assert call_key(core, NAT, b"x") == call_key(core, OTHER, b"x")
    assert call_key(core, NAT, b"x") != call_key(core, NAT, b"y")


def test_both_ends_of_a_connection_name_their_calls() -> None:
    one = make_plan("toy").realms["core"].listeners[0]
    assert bound_key(one, SOFTSWITCH, b"1", False) != bound_key(one, SOFTSWITCH, b"1", True)


def test_what_goes_by_a_connection_is_told_from_what_goes_by_another_to_the_same_host() -> None:
    one = make_plan("toy").realms["core"].listeners[0]
    other = SOFTSWITCH._replace(port=1)
    assert line_of(one, SOFTSWITCH, True) != line_of(one, other, True)
    assert line_of(one, SOFTSWITCH, False) == line_of(one, other, False) == ""
    assert line_of(attrs.evolve(one, lane="1"), SOFTSWITCH, True) == "1"


def test_an_answer_is_found_by_who_was_asked_and_by_the_connection_where_that_is_meant() -> None:
    udp = Listener("core", "toy", "udp", SOFTSWITCH, SOFTSWITCH)
    assert answer_key(udp, SOFTSWITCH, b"x", False) == far_key("core", SOFTSWITCH.host, b"x")
    by_one, by_other = (answer_key(udp, SOFTSWITCH._replace(port=port), b"x", True) for port in (1, 2))
    assert by_one != by_other
    assert answer_key(udp, SOFTSWITCH._replace(port=1), b"x", False) == far_key("core", SOFTSWITCH.host, b"x")
