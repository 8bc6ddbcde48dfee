"""A watch is begun for the first who needs it and over with the last."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.realm import Keepalive, Probing
from tests.rig import NAT, PHONE, SBC_ACCESS
from tests.toy_calls import bound, toy_rig

EVERY_20 = Keepalive(Probing.PROBE)


def test_it_is_found_by_the_mapping_it_keeps() -> None:
    made = toy_rig(keepalive=EVERY_20)
    bound(made, life=1000)
    ((key, watch),) = made.border.registry.watches.items()
    assert key == watch.key == ("access", SBC_ACCESS, NAT, False)
    (binding,) = made.border.registry.bindings.values()
    assert binding.watch is watch and list(watch.owners) == [binding]
    assert str(NAT) in repr(watch)


def test_it_lasts_as_long_as_anybody_needs_it() -> None:
    made = toy_rig(keepalive=EVERY_20)
    bound(made, life=1000)
    bound(made, life=1000, exchange=2, user=b"carol")
    (watch,) = made.border.registry.watches.values()
    alice, carol = watch.owners
    made.border.registry.leave(alice, made.now)
    assert list(watch.owners) == [carol] and made.border.registry.watches
    made.border.registry.leave(carol, made.now)
    assert not made.border.registry.watches and watch.due is None
    made.border.registry.leave(carol, made.now)  # who needs none needs none


def test_another_port_of_one_host_is_another_mapping() -> None:
    made = toy_rig(keepalive=EVERY_20)
    bound(made, life=1000)
    bound(made, Address(PHONE.host, 5062), Address(NAT.host, 40002), exchange=2, life=1000)
    assert len(made.border.registry.watches) == 2
