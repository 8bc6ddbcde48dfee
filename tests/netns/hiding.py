"""Whether a border hides each network from the other: what both saw of each other's addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.netns.topology import FIRST, PHONE

if TYPE_CHECKING:
    from tests.netns.capture import Capture


def assert_hidden(core: Capture, access: Capture) -> None:
    """No packet of either network holds an address of the other, as text or packed. The captures are ended."""
    for hidden in (PHONE, f"{FIRST.access_net}.11", f"{FIRST.access_net}.12", FIRST.sbc_access):
        assert not core.contains(hidden.encode()), f"{hidden} in the core"
    for hidden in (FIRST.softswitch_address, FIRST.sbc_core):
        assert not access.contains(hidden.encode()), f"{hidden} in the access network"
