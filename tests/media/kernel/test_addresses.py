"""Addresses as packets have them."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.media.kernel.addresses import of_flow, pack, unpack
from tests.media.kernel.bench import FLOW


@pytest.mark.parametrize("address", [Address("192.0.2.1", 1), Address("2001:db8::1", 65_535)])
def test_addresses_are_kept_as_packets_have_them(address: Address) -> None:
    assert unpack(pack(address)) == address
    assert len(pack(address)) == 20


def test_a_name_is_no_address() -> None:
    with pytest.raises(OSError, match="illegal"):
        pack(Address("voice.example", 1))


def test_a_flow_s_four_stand_one_after_the_other() -> None:
    assert of_flow(FLOW) == b"".join(map(pack, (FLOW.local, FLOW.source, FLOW.out, FLOW.to)))
