"""``[realms.NAME.network]``: which of several networks a realm is in, and by what its packets are known there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.config import kinds
from sbc.config.faults import Findings, Unfit, joined
from sbc.config.keys import Key, read_keys
from sbc.core.vpn import VpnLabel

MOVED = ("device", "mark")
"""What stood in ``[realms.NAME.media]`` when it was for media alone."""
_DEVICE_SIZE = 15  # octets of an interface's name on Linux


def _namespace() -> kinds.Kind:
    """The name of a network namespace (as ip-netns(8) allows it), or an absolute path."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value.isprintable() or value in ("", ".", ".."):
            raise Unfit
        if "/" in value and not value.startswith("/"):
            raise Unfit("is a relative path")
        if len(value.encode()) > (255 if "/" not in value else 4095):
            raise Unfit("is too long")
        return value

    return kinds.Kind("the name of a network namespace, or its absolute path", read)


TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.network": (
        Key("device", kinds.device()),
        Key("vlan", kinds.integer(1, 4_094)),
        Key("mark", kinds.integer(0, 0xFFFFFFFF)),
        Key("namespace", _namespace()),
        Key("dns", kinds.many(kinds.ip_maybe_port(), 1, "servers")),
    )
}


def read(table: Mapping[str, Any], media: Mapping[str, Any], at: str, findings: Findings) -> VpnLabel:
    """The label of the realm at `at`, by its table for that. `media` is its table for media: what stood there once is
    said to have moved."""
    spot = joined(at, "network")
    for name in MOVED:
        if name in media:
            problem = "is for signalling, too, and stands in a table of its own now"
            findings.add(f"{at}.media.{name}", media[name], problem, f"{name} in [{spot}]")
    values = read_keys(table, spot, TABLES["realms.NAME.network"], findings)
    if "dns" in values:
        values["dns"] = tuple((host, port or 0) for host, port in values["dns"])
    label = VpnLabel(**values)
    if label.vlan and not label.device:
        findings.missing(f"{spot}.device", "the interface that the VLAN is on, beside vlan")
    elif label.vlan and len(label.vpn.device.encode()) > _DEVICE_SIZE:
        problem = f"makes {label.vpn.device}, which is too long for the name of an interface"
        findings.add(f"{spot}.vlan", label.vlan, problem, "the VLAN's own interface as device, without vlan")
    return label


def not_moved(media: Mapping[str, Any]) -> dict[str, Any]:
    """A realm's table for media, but for what is said to have moved."""
    return {name: value for name, value in media.items() if name not in MOVED}


def why_one(one: VpnLabel, two: VpnLabel) -> str:
    """Why two labels do not let one address be two; empty where there are none."""
    if not one and not two:
        return ""
    if one.vpn.namespace == two.vpn.namespace and one.vpn.device != two.vpn.device:
        return "each of the realms needs a device of its own: who is bound to none hears by all of them"
    if one.mark != two.mark:
        return "a mark chooses the way out, not who hears: devices or namespaces of their own make two of one address"
    return "both realms are in one network"
