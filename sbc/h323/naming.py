"""How calls, terminals and users are named in messages of H.323."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from sbc.core.message import MOST_AGENT

GUID = 16
"""Octets of a callIdentifier."""
_NUMBER = re.compile(r"\+?[0-9*#]+")
_SEPARATORS = str.maketrans("", "", "-.() ,")  # of no meaning in a number; a comma is a pause


def call_of(value: Mapping[str, Any]) -> bytes:
    """The callIdentifier that a message speaks of, or in its place, as old terminals do, the conferenceID; empty where
    there is neither."""
    identifier = value.get("callIdentifier")
    if isinstance(identifier, dict) and any(identifier.get("guid", b"")):
        return bytes(identifier["guid"])
    return bytes(value.get("conferenceID") or b"")


def name_of(value: Mapping[str, Any], which: str) -> bytes:
    """A gatekeeper's or endpoint's name, as octets; empty where there is none."""
    return str(value.get(which) or "").encode("utf-8", "surrogatepass")


def user_of(aliases: Any) -> bytes:
    """The first alias of a list that is text; empty where there is none."""
    return next(iter(users_of(aliases)), b"")


def users_of(aliases: Any) -> tuple[bytes, ...]:
    """All aliases of a list that are text."""
    said = ((form, text) for form, text in aliases or () if isinstance(text, str))
    return tuple(f"{form}:{text}".encode("utf-8", "surrogatepass") for form, text in said)


def bare(user: bytes) -> bytes:
    """A user that `user_of` names, without the kind of its alias."""
    return user.partition(b":")[2]


def dialled_of(aliases: Any, called: str | None = None) -> bytes:
    """The number that a list of aliases asks for, or `called`, the one beside it; else the first name in the list,
    without scheme and host. Empty where there is neither. A number is without what does not count in it."""
    said = [(form, text) for form, each in aliases or () for form, text in (_party(form, each),) if text]
    number = next((text for form, text in said if form == "dialledDigits"), called or "")
    text = number or (_user(*said[0]) if said else "")
    plain = text.translate(_SEPARATORS)
    return (plain if _NUMBER.fullmatch(plain) else text).encode("utf-8", "surrogatepass")


def _party(form: str, said: Any) -> tuple[str, str]:
    """An alias as form and text: the digits of a partyNumber are such as are dialled."""
    if form == "partyNumber":
        form, said = "dialledDigits", said[1]
        if isinstance(said, dict):
            said = said.get("publicNumberDigits") or said.get("privateNumberDigits")
    return form, said if isinstance(said, str) else ""


def _user(form: str, text: str) -> str:
    """The user of an alias that may be a URL, or an address of mail."""
    if form == "h323-ID":
        return text
    _, colon, rest = text.partition(":") if form == "url-ID" else ("", "", text)
    return (rest if colon else text).partition("@")[0].partition(";")[0]


def maker_of(vendor: Any) -> bytes:
    """What a VendorIdentifier says of product and version, which programs of old end by zeros; at most MOST_AGENT
    octets."""
    if not isinstance(vendor, dict):
        return b""
    said = (vendor.get(name, b"")[:MOST_AGENT].strip(b"\0 ") for name in ("productId", "versionId"))
    return b" ".join(filter(None, said))[:MOST_AGENT]


def calls_help(called: bytes, wanted: Collection[str]) -> bool:
    """Whether who is called, as `user_of` has it or in digits alone, is one of `wanted`: numbers, or URNs of services,
    which include their subservices."""
    text = called.decode("utf-8", "replace")
    form, _, name = text.partition(":")
    said = name if name else form
    return said in wanted or any(":" in each and said.startswith(f"{each}.") for each in wanted)
