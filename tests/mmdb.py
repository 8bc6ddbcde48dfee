"""Writes small databases of countries as MaxMind has them (MaxMind DB file format, version 2.0), by hand."""

from __future__ import annotations

from ipaddress import ip_network

EMPTY = None


def _text(text: str) -> bytes:
    return bytes((0x40 | len(text),)) + text.encode()


def _number(kind: int, value: int) -> bytes:
    data = value.to_bytes(8, "big").lstrip(b"\0")
    return bytes((kind << 5 | len(data),)) + data if kind <= 7 else bytes((len(data), kind - 7)) + data


def _map(entries: dict[str, bytes]) -> bytes:
    return bytes((0xE0 | len(entries),)) + b"".join(_text(name) + value for name, value in entries.items())


def database(prefixes: dict[str, str], built: int = 1_700_000_000) -> bytes:
    """A database of IPv4 prefixes, each with the code of its country."""
    nodes: list[list[object]] = [[EMPTY, EMPTY]]
    data, places = b"", dict[str, int]()
    for prefix, code in prefixes.items():
        if code not in places:
            places[code] = len(data)
            data += _map({"country": _map({"iso_code": _text(code)})})
        network, node = ip_network(prefix), 0
        bits = [int(network.network_address) >> 31 - place & 1 for place in range(network.prefixlen)]
        for bit in bits[:-1]:
            if nodes[node][bit] is EMPTY:
                nodes.append([EMPTY, EMPTY])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]  # type: ignore[assignment]
        nodes[node][bits[-1]] = code
    tree = b""
    for node_ in nodes:
        for record in node_:
            value = len(nodes) if record is EMPTY else record
            if isinstance(record, str):
                value = len(nodes) + 16 + places[record]
            tree += int(value).to_bytes(3, "big")  # type: ignore[call-overload]
    about = {
        "node_count": _number(6, len(nodes)),
        "record_size": _number(5, 24),
        "ip_version": _number(5, 4),
        "database_type": _text("Test"),
        "languages": b"\x00\x04",
        "binary_format_major_version": _number(5, 2),
        "binary_format_minor_version": b"\xa0",
        "build_epoch": _number(9, built),
        "description": _map({}),
    }
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _map(about)
