"""What a REGISTER says besides for how long, and which flow a contact belongs to (RFC 3261 section 10, RFC 5626)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from sbc.sip.codec import SipMessage
from sbc.sip.headers import NameAddr, name_addrs

_TERMS: Final = ("path", "supported", "require", "proxy-require")


def terms(message: SipMessage) -> bytes:
    """A fingerprint (12 octets) of all in a REGISTER that a registrar may care about but credentials and lifetimes.

    Contacts count in any order. Raises BadMessage where one cannot be read.
    """
    contacts = [without_expires(value) for header in message.all("contact") for value in name_addrs(message, header)]
    parts = [
        message.data[message.uri_start : message.uri_end],
        message.data[message.body_start : message.body_end],
        *sorted(contacts),
        *(message.data[header.start : header.end] for name in _TERMS for header in message.all(name)),
    ]
    from_ = message.first("from")  # who registers, where it is not the user itself
    parts += [v.data[v.uri_start : v.uri_end] for v in (name_addrs(message, from_) if from_ is not None else ())]
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


def flow(value: NameAddr) -> bytes:
    """The flow of a contact: instance and reg-id (RFC 5626 section 4.2); empty if it has none."""
    instance, number = value.params.get("+sip.instance"), value.params.get("reg-id")
    if not instance or not number:
        return b""
    return f"{instance}|{number}".encode("utf-8", "surrogateescape")


def without_expires(value: NameAddr) -> bytes:
    """A contact as it was written, but for its expires parameter."""
    span = value.param_whole("expires")
    if span is None:
        return value.data[value.start : value.end]
    return value.data[value.start : span[0]] + value.data[span[1] : value.end]
