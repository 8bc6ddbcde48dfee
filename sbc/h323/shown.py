"""Messages as people may see them: in a few words, or all they say, without what proves who somebody is."""

from __future__ import annotations

from typing import Any

from sbc.core.message import BadMessage
from sbc.h323.codec import Message, decode

_SECRET = frozenset({"tokens", "cryptoTokens", "clearTokens", "integrityCheckValue", "challenge"})
_MOST = 16_384  # characters shown of one message


def tell(data: bytes) -> str:
    """What a message is: ``registrationRequest 17``, ``setup``."""
    try:
        message = decode(data)
    except BadMessage as bad:
        return bad.reason
    number = message.value.get("requestSeqNum") if isinstance(message.value, dict) else None
    return message.name if number is None else f"{message.name} {number}"


def mask(data: bytes) -> bytes:
    """All that a message says, one component a line."""
    try:
        message = decode(data)
    except BadMessage as bad:
        return f"{bad.reason}: {data[:64].hex()}".encode()
    lines = [f"{message.wire.value} {message.name}", *_elements(message)]
    if message.pdu is not None:
        _write(lines, message.pdu.value, 1)
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
            if name in _SECRET:
                lines.append(f"{pad}{name}: (hidden)")
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
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict) and "port" in value[1]:
        host = value[1].get("ip", b"")
        shown = ".".join(map(str, host)) if len(host) == 4 else host.hex(":", 2)
        return f"{shown}:{value[1]['port']}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_word(each)}" for name, each in value.items()) + "}"
    return repr(value) if isinstance(value, tuple) else str(value)
