"""Whether a realm's media has the way that is configured for it: marks and devices are only tried by setting them."""

from __future__ import annotations

import errno

from sbc.core.address import Address
from sbc.core.multiplexed import shared_pair
from sbc.core.realm import Realm
from sbc.media.udp import open_udp


def way_fault(realm: Realm, at_address: bool = False) -> str:
    """What keeps sockets from being opened as the realm's media wants them, empty where nothing does. Their mark and
    device are tried; the address, too, if `at_address`: it may come to this host later."""
    media = realm.media
    if not at_address and not (media.mark or media.device):
        return ""
    host = media.address if at_address else "::" if ":" in media.address else "0.0.0.0"
    try:
        open_udp(Address(host, 0), mark=media.mark, device=media.device).close()
    except OSError as error:
        why = error.strerror or str(error)
        key, value = ("", "") if why.startswith(("mark ", "device ")) else (".address", f" = {media.address}")
        return f"realms.{realm.name}.media{key}{value}: {why}"
    return ""


def shared_fault(realm: Realm) -> str:
    """What keeps the ports from being opened that the realm's streams are to share, empty where nothing does, or their
    address is not here yet. Not to be asked once any stream is open: they may be."""
    media = realm.media
    for address in shared_pair(media.address, media.multiplexed) if media.multiplexed else ():
        assert address is not None
        try:
            open_udp(address).close()
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                return (
                    f"realms.{realm.name}.media.multiplexed = {media.multiplexed}: {address}: {error.strerror or error}"
                )
    return ""
