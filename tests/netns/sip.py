"""SIP messages, digest and SDP as the lab's softphone knows them: small, strict in what it sends, and no code shared
with `sbc`."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
    "k": "supported", "r": "refer-to", "b": "referred-by", "e": "content-encoding", "s": "subject", "o": "event",
    "u": "allow-events",
}  # fmt: skip
T1, T2, GIVE_UP = 0.5, 4.0, 32.0  # RFC 3261 section 17.1.1.1, in seconds
_LISTS = {"via", "route", "record-route", "contact", "path", "supported", "allow", "require", "service-route"}


@dataclass
class SipMessage:
    """A request (`status` 0) or response. Header names are kept as written; the look-ups know compact forms and any
    case."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> SipMessage:
        """Read one message. ValueError if it is none: a peer of the lab that sends such a thing has failed."""
        head, blank, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8")).split("\r\n")
        if not blank or "SIP/2.0" not in lines[0]:
            raise ValueError(f"not a SIP message: {data[:60]!r}")
        message = cls(lines[0])
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"not a header: {line!r}")
            message.headers.append((name.strip(), value.strip()))
        length = message.get("content-length")
        if length and int(length) != len(body):
            raise ValueError(f"Content-Length is {length}, the body has {len(body)} bytes")
        message.body = body
        return message

    def encode(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(self.body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body

    @property
    def status(self) -> int:
        return int(self.start.split(" ", 2)[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The request's method, or the one a response answers."""
        return self.get("cseq").split()[1] if self.status else self.start.split(" ", 1)[0]

    @property
    def uri(self) -> str:
        return "" if self.status else self.start.split(" ")[1]

    def add(self, name: str, value: str) -> SipMessage:
        self.headers.append((name, value))
        return self

    def all(self, name: str) -> list[str]:
        """Every value of a header; comma-separated lists of the headers that are such lists are taken apart."""
        values = [value for key, value in self.headers if COMPACT.get(key.lower(), key.lower()) == name.lower()]
        if name.lower() in _LISTS:
            return [part.strip() for value in values for part in split_list(value)]
        return values

    def get(self, name: str) -> str:
        """The first value of a header, or ""."""
        values = self.all(name)
        return values[0] if values else ""

    @property
    def branch(self) -> str:
        return parameter(self.get("via"), "branch")

    @property
    def identity(self) -> tuple[str, ...]:
        """What is the same in a message that is sent once more, and in no other (RFC 3261 section 17). An ACK may get a
        new branch on its way, as it is of no transaction."""
        branch = "" if self.method == "ACK" else self.branch
        return self.start, self.get("call-id"), self.get("cseq"), branch, self.tag("to")

    def tag(self, name: str) -> str:
        """The tag of "from" or "to"."""
        return parameter(self.get(name), "tag")


class HasMessage(Protocol):
    """Something about one message, such as when and where it was seen."""

    @property
    def message(self) -> SipMessage: ...


Seen = TypeVar("Seen", bound=HasMessage)


def first_of_each(seen: Iterable[Seen]) -> list[Seen]:
    """Without what was only sent again because somebody was slow to answer."""
    first: dict[tuple[str, ...], Seen] = {}
    for one in seen:
        first.setdefault(one.message.identity, one)
    return list(first.values())


def split_list(value: str) -> list[str]:
    """A comma-separated header value, apart; commas inside quotes and angle brackets do not count."""
    return [part for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+', value) if part.strip()]


def parameter(value: str, name: str) -> str:
    """A header parameter's value, or ""; parameters of the URI inside angle brackets do not count."""
    outside = re.sub(r"<[^>]*>", "", value)
    found = re.search(rf"(?i);\s*{re.escape(name)}\s*=\s*([^;,\s]+)", outside)
    return found[1] if found else ""


def uri_of(value: str) -> str:
    """The URI of a name-addr or addr-spec."""
    found = re.search(r"<([^>]*)>", value)
    return found[1] if found else value.split(";", 1)[0].strip()


def host_port(uri: str, default: int = 5060) -> tuple[str, int]:
    """The host and port of a SIP URI."""
    rest = re.sub(r"^sips?:", "", uri).split(";", 1)[0].split("?", 1)[0].rpartition("@")[2]
    found = re.fullmatch(r"(\[[^\]]+\]|[^:]+)(?::(\d+))?", rest)
    if found is None:
        raise ValueError(f"no host in {uri!r}")
    return found[1].strip("[]"), int(found[2] or default)


def keep_final(finals: list[SipMessage]) -> Callable[[SipMessage], None]:
    """What hears responses and puts the final ones into a list."""

    def hear(reply: SipMessage) -> None:
        if reply.status >= 200:
            finals.append(reply)

    return hear


def token() -> str:
    return secrets.token_hex(6)


def digest(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """The value of an Authorization header that answers a Digest challenge: MD5, with qop auth where offered (RFC
    2617)."""
    asked = {k.lower(): q or v for k, q, v in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', challenge)}
    secret, action = _md5(f"{user}:{asked['realm']}:{password}"), _md5(f"{method}:{uri}")
    fields = {"username": user, "realm": asked["realm"], "nonce": asked["nonce"], "uri": uri}
    unquoted = {"algorithm": "MD5"}
    if "auth" in asked.get("qop", "").split(","):
        unquoted |= {"qop": "auth", "nc": "00000001"}
        fields["cnonce"] = token()
        fields["response"] = _md5(f"{secret}:{asked['nonce']}:00000001:{fields['cnonce']}:auth:{action}")
    else:
        fields["response"] = _md5(f"{secret}:{asked['nonce']}:{action}")
    if "opaque" in asked:
        fields["opaque"] = asked["opaque"]
    quoted = [f'{name}="{value}"' for name, value in fields.items()]
    return "Digest " + ", ".join(quoted + [f"{name}={value}" for name, value in unquoted.items()])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Sdp:
    """The first audio stream of a description: where RTP and RTCP go, and its direction."""

    rtp: tuple[str, int]
    rtcp: tuple[str, int]
    direction: str = "sendrecv"
    session: int = 1
    version: int = 1

    @classmethod
    def parse(cls, body: bytes) -> Sdp:
        """ValueError if the body describes no audio."""
        sections = re.split(r"(?m)^(?=m=)", body.decode())
        audio = next((part for part in sections[1:] if part.startswith("m=audio")), "")
        port = re.match(r"m=audio (\d+)", audio)
        if port is None:
            raise ValueError(f"no audio in {body!r}")
        connection = re.search(r"(?m)^c=IN IP[46] (\S+)", audio) or re.search(r"(?m)^c=IN IP[46] (\S+)", sections[0])
        if connection is None:
            raise ValueError(f"no c= line in {body!r}")
        host, rtp = connection[1], int(port[1])
        rtcp = re.search(r"(?m)^a=rtcp:(\d+)(?: IN IP[46] (\S+))?", audio)
        direction = re.search(r"(?m)^a=(sendrecv|sendonly|recvonly|inactive)\s*$", audio)
        origin = re.search(r"(?m)^o=\S+ (\d+) (\d+)", sections[0])
        return cls(
            (host, rtp),
            (rtcp[2] or host, int(rtcp[1])) if rtcp else (host, rtp + 1),
            direction[1] if direction else "sendrecv",
            int(origin[1]) if origin else 0,
            int(origin[2]) if origin else 0,
        )

    def encode(self) -> bytes:
        host, port = self.rtp
        family = "IP6" if ":" in host else "IP4"
        lines = [
            "v=0", f"o=phone {self.session} {self.version} IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0",
            f"m=audio {port} RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=ptime:20",
        ]  # fmt: skip
        if self.rtcp != (host, port + 1):
            lines.append(f"a=rtcp:{self.rtcp[1]} IN {family} {self.rtcp[0]}")
        lines.append(f"a={self.direction}")
        return ("\r\n".join(lines) + "\r\n").encode()
