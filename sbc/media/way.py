"""Whether a realm has the way that is configured for it: networks, marks and devices are only tried by setting them."""

from __future__ import annotations

import errno

from sbc.core.address import Address, unspecified_like
from sbc.core.multiplexed import shared_pair
from sbc.core.realm import Realm
from sbc.media.udp import open_udp, set_class


def way_fault(realm: Realm, at_address: bool = False) -> str:
    """What keeps sockets from being opened as the realm wants them, empty where nothing does. Its network, its
    mark and the priorities of its frames are tried; the media's address, too, if `at_address`: it may come to this host
    later."""
    media, label, priorities = realm.media, realm.network, realm.marks.priorities
    if not at_address and not label and not priorities:
        return ""
    host = media.address if at_address else unspecified_like(media.address)
    try:
        with open_udp(Address(host, 0), mark=label.mark, vpn=label.vpn) as sock:
            for priority in sorted(priorities):
                set_class(sock, 0, priority)
    except OSError as error:
        why = error.strerror or str(error)
        if why.startswith("priority "):
            return f"realms.{realm.name}.marks: {why}"
        if not why.startswith(("mark ", "device ", "namespace ")):
            return f"realms.{realm.name}.media.address = {media.address}: {why}"
        if label.vlan and error.errno == errno.ENODEV:
            made = f"ip link add link {label.device} name {label.vpn.device} type vlan id {label.vlan}"
            why += f" (a VLAN's own interface: {made})"
        return f"realms.{realm.name}.network: {why}"
    return ""


def shared_fault(realm: Realm) -> str:
    """What keeps the ports from being opened that the realm's streams are to share, empty where nothing does, or their
    address is not here yet. Not to be asked once any stream is open: they may be."""
    media = realm.media
    for address in shared_pair(media.address, media.multiplexed) if media.multiplexed else ():
        assert address is not None
        try:
            open_udp(address, mark=realm.network.mark, vpn=realm.vpn).close()
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                return (
                    f"realms.{realm.name}.media.multiplexed = {media.multiplexed}: {address}: {error.strerror or error}"
                )
    return ""
