"""Messages as people may see them: in a few words, or all they say, without what proves who somebody is."""

from __future__ import annotations

from typing import Any

from sbc.core.message import BadMessage
from sbc.h323.codec import Message, decode

_PROOF = ("tokens", "cryptoTokens", "clearTokens", "integrityCheckValue", "challenge", "password")
_SECRET = frozenset({*_PROOF, "h235Key", "encryptionSync", "escrowentry"})  # the latter hold keys of media
_HIDDEN = "(hidden)"
_BELOW = frozenset({"fastStart", "h245Control", "parallelH245Control"})
_MOST = 16_384  # characters shown of one message
_FEW = 3  # tunnelled messages that are named


def tell(data: bytes) -> str:
    """What a message is: ``registrationRequest 17``, ``setup``, ``facility (openLogicalChannel)``."""
    try:
        message = decode(data)
    except BadMessage as bad:
        return bad.reason
    number = message.value.get("requestSeqNum") if isinstance(message.value, dict) else None
    if number is not None:
        return f"{message.name} {number}"
    inside = [pdu.name for pdu in message.pdus if pdu.holder == "h245Control"]
    more = "" if len(inside) <= _FEW else f" and {len(inside) - _FEW} more"
    return f"{message.name} ({', '.join(inside[:_FEW])}{more})" if inside else message.name


def mask(data: bytes) -> bytes:
    """All that a message says, one component a line."""
    try:
        message = decode(data)
    except BadMessage as bad:
        return f"{bad.reason}: {data[:64].hex()}".encode()
    lines = [f"{message.wire.value} {message.name}", *_elements(message)]
    for pdu in message.pdus:
        if pdu is not message.pdu:
            lines.append(f"  {pdu.holder or 'then'} {pdu.index}: {pdu.name}")
        _write(lines, pdu.value, 1 if pdu is message.pdu else 2)
    return "\n".join(lines)[:_MOST].encode("utf-8", "replace")


def _elements(message: Message) -> list[str]:
    head = message.q931
    if head is None:
        return []
    side = "destination" if head.from_destination else "originator"
    lines = [f"  call reference {head.call_reference}, from the {side}"]
    if head.cause is not None:
        lines.append(f"  cause {head.cause} (Q.850)")
    return lines


def _write(lines: list[str], value: Any, depth: int) -> None:
    pad = "  " * depth
    if isinstance(value, dict):
        for name, each in value.items():
            if name in _SECRET or name in _BELOW:
                lines.append(f"{pad}{name}: {_HIDDEN if name in _SECRET else '(below)'}")
            elif isinstance(each, dict | list) and each:
                lines.append(f"{pad}{name}:")
                _write(lines, each, depth + 1)
            else:
                lines.append(f"{pad}{name}: {_word(each)}")
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, dict):
                lines.append(f"{pad}-")
                _write(lines, each, depth + 1)
            else:
                lines.append(f"{pad}- {_word(each)}")
    else:
        lines.append(pad + _word(value))


def _word(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        name, said = value
        if name in _SECRET:
            return f"{name} {_HIDDEN}"
        if isinstance(said, dict) and said.keys() & {"port", "tsapIdentifier"}:
            host, port = said.get("ip") or said.get("network") or b"", said.get("port", said.get("tsapIdentifier"))
            shown = ".".join(map(str, host)) if len(host) == 4 else host.hex(":", 2)
            return f"{shown}:{port}"
        return name if said == 0 and not isinstance(said, bool) else f"{name} {_word(said)}"
    if isinstance(value, dict):
        said = {name: _HIDDEN if name in _SECRET else _word(each) for name, each in value.items()}
        return "{" + ", ".join(f"{name}: {each}" for name, each in said.items()) + "}"
    return repr(value) if isinstance(value, tuple) else str(value)
