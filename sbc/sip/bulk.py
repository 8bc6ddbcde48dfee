"""Trunks that register all their numbers by one contact without a user (RFC 6140): our token stands beside the user."""

from __future__ import annotations

from typing import Final

from sbc.core.address import bracketed
from sbc.core.message import BadMessage, Place
from sbc.sip.params import to_bytes
from sbc.sip.uri import Uri, parse_uri, transport_of
from sbc.text.holds import holds

_MARK: Final = (
    "sbc"  # the URI parameter that holds the token; a registrar copies it into each number's contact (section 5.2)
)
_MARKED: Final = b";sbc="


def is_bulk(uri: Uri) -> bool:
    """Whether a contact stands for all numbers of a trunk."""
    return uri.is_sip and uri.user_start < 0 and "bnc" in uri.params


def token_of(uri: Uri) -> bytes:
    """What would be our token in a URI: the mark, where it has one, else the user."""
    if holds(uri.data[uri.params_start : uri.params_end].lower(), _MARKED):
        return to_bytes(uri.params.get(_MARK) or "")
    return uri.user


def ours(place: Place, scheme: str) -> bytes:
    """The contact under which the core knows a trunk at a place of ours, whose name is the token."""
    address = place.address
    return b"%b:%b:%d;bnc%b%b%b" % (
        scheme.encode(), bracketed(address.host).encode(), address.port, _MARKED, place.name, transport_of(place)
    )  # fmt: skip


def for_user(contact: bytes, asked: Uri) -> bytes:
    """The URI by which a terminal at `contact` is asked: a trunk's with the user that was asked for, without `bnc`."""
    if not holds(contact.lower(), b";bnc"):
        return contact
    try:
        uri = parse_uri(contact, 0, len(contact))
        bulk = is_bulk(uri)
    except BadMessage:
        return contact
    span = uri.param_whole("bnc") if bulk else None
    if span is None or asked.user_start < 0:
        return contact
    user = asked.data[asked.user_start : asked.userinfo_end]
    return contact[: uri.host_start] + user + b"@" + contact[uri.host_start : span[0]] + contact[span[1] :]
