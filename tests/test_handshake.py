"""Handshakes in memory, OpenSSL at both ends: certificates by name, versions, resumption, and why one fails."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost

from sbc.core.wires import KeyPair, Tls, TlsVersion
from sbc.handshake import Entrance, Exit, TlsWire, why_unsecured
from sbc.tls import Security, read_tls
from tests.certificates import Authority
from tests.test_tls import realm

OTHER, WILD = "other.example", "*.wild.example"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def security(authority: Authority, **more: Any) -> Security:
    certificate, key = map(str, authority.sign("sbc", "sbc.example"))
    tls = Tls(certificate, key, **{"ca": str(authority.certificate), **more})
    return read_tls({"access": realm(tls)})["access"]


@attrs.define(eq=False)
class End:
    """What Twisted's protocol is to a connection here."""

    verdict: str = ""
    spent: list[float] = attrs.field(factory=list)

    def worked(self, seconds: float) -> None:
        self.spent.append(seconds)

    @property
    def secured(self) -> TlsWire:
        return self  # type: ignore[return-value]


def shake(client: SSL.Connection, server: SSL.Connection) -> None:
    """Carry what both say to the other until both are done. @raises SSL.Error."""
    done: set[SSL.Connection] = set()
    for _ in range(10):
        for one, other in ((client, server), (server, client)):
            try:
                one.do_handshake()
                done.add(one)
            except SSL.WantReadError:
                pass
            finally:
                carry(one, other)
    assert done == {client, server}


def carry(one: SSL.Connection, other: SSL.Connection) -> None:
    try:
        while data := one.bio_read(65536):
            other.bio_write(data)
    except SSL.WantReadError:
        pass


def phone(name: str = "", newest: int = SSL.TLS1_3_VERSION, shows: tuple[Path, Path] | None = None) -> SSL.Connection:
    """A peer's end, that trusts anybody; with the certificate that it shows."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(newest)
    if shows is not None:
        context.use_certificate_file(str(shows[0]))
        context.use_privatekey_file(str(shows[1]))
    made = SSL.Connection(context, None)
    made.set_connect_state()
    if name:
        made.set_tlsext_host_name(name.encode())
    return made


def entered(entrance: Entrance, client: SSL.Connection, end: End | None = None) -> SSL.Connection:
    server = entrance.serverConnectionForTLS(end or End())
    server.set_accept_state()
    shake(client, server)
    return server


def shown(entrance: Entrance, name: str) -> str:
    """The common name of the certificate that is shown to who asks for `name`."""
    client = phone(name)
    entered(entrance, client)
    return common_name(client)


def common_name(client: SSL.Connection) -> str:
    held = client.get_peer_certificate()
    assert held is not None
    (found,) = held.to_cryptography().subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found.value)


def test_the_certificate_is_the_one_of_the_name_that_is_asked_for(authority: Authority) -> None:
    further = [KeyPair(*map(str, authority.sign(who, name))) for who, name in (("other", OTHER), ("wild", WILD))]
    entrance = Entrance(security(authority, certificates=tuple(further)))
    asked = ("", "sbc.example", "nobody.example", OTHER, "Other.Example", "a.wild.example", "wild.example")
    assert [shown(entrance, name) for name in asked] == ["sbc", "sbc", "sbc", "other", "other", "wild", "sbc"]
    assert shown(entrance, "a.b.wild.example") == "sbc", "a star is one label"


def test_what_a_handshake_costs_is_told_step_by_step(authority: Authority) -> None:
    end = End()
    entered(Entrance(security(authority)), phone(), end)
    assert len(end.spent) >= 2 and all(each > 0.0 for each in end.spent) and sum(end.spent) < 1.0


def test_what_is_wrong_with_a_further_certificate_is_said_of_it(authority: Authority) -> None:
    key = str(authority.sign("sbc")[1])
    with pytest.raises(Exception, match=r"realms\.access\.tls\.certificates\[0\]\.key.*is not the key"):
        security(authority, certificates=(KeyPair(str(authority.sign("x")[0]), key),))
    with pytest.raises(Exception, match=r"realms\.access\.tls\.ciphers.*names no cipher"):
        security(authority, ciphers="NONE-SUCH")


def test_versions_and_ciphers_are_those_that_are_configured(authority: Authority) -> None:
    old = SSL.TLS1_2_VERSION
    client = phone(newest=old)
    entered(Entrance(security(authority, ciphers="ECDHE-ECDSA-CHACHA20-POLY1305")), client)
    assert client.get_cipher_name() == "ECDHE-ECDSA-CHACHA20-POLY1305"
    client = phone(newest=old)
    entered(Entrance(security(authority)), client)
    assert "GCM" in str(client.get_cipher_name())
    newest = Entrance(security(authority, minimum=TlsVersion.TLS_1_3))
    with pytest.raises(SSL.Error):
        entered(newest, phone(newest=old))
    client = phone()
    entered(newest, client)
    assert client.get_protocol_version_name() == "TLSv1.3"


def resumed(entrance: Entrance, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLObject:
    """A handshake with Python's own end, by what it knows of one before."""
    comes, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(comes, goes, server_hostname="sbc.example", session=session)
    server = entrance.serverConnectionForTLS(End())
    server.set_accept_state()
    for _ in range(5):
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
        if data := goes.read():
            server.bio_write(data)
        with suppress(SSL.WantReadError):
            server.do_handshake()
        with suppress(SSL.WantReadError):
            comes.write(server.bio_read(65536))
    server.send(b"x")  # with TLS 1.3 the tickets come behind the handshake
    comes.write(server.bio_read(65536))
    assert client.read(10) == b"x"
    return client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("require", [False, True])
def test_a_handshake_is_resumed_until_the_keys_are_others(
    authority: Authority, version: ssl.TLSVersion, require: bool
) -> None:
    own = security(authority, require_peer=require)
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*authority.sign("alice", "alice.example"))
    entrance = Entrance(own)
    first = resumed(entrance, context, None)
    again = resumed(entrance, context, first.session)
    after = resumed(Entrance(own), context, again.session)
    assert [each.session_reused for each in (first, again, after)] == [False, True, False]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("require", [False, True])
def test_whose_certificate_is_looked_up_shows_it_each_time(
    authority: Authority, version: ssl.TLSVersion, require: bool
) -> None:
    """A list may run out while a ticket counts: then nobody is to come in by that who would not otherwise."""
    alice = authority.sign("alice", "alice.example")
    own = security(authority, require_peer=require, crl=str(authority.revoke()))
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*alice)
    entrance = Entrance(own)
    first = resumed(entrance, context, None)
    again = resumed(entrance, context, first.session)
    assert again.session_reused is not require


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nobody_resumes_in_one_realm_what_was_begun_in_another(authority: Authority, version: ssl.TLSVersion) -> None:
    """Who has shown nothing, since that realm asks for nothing, is let in nowhere by that."""
    anybody, few = (Entrance(security(authority, require_peer=must)) for must in (False, True))
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.minimum_version = context.maximum_version = version
    session = resumed(anybody, context, None).session
    assert resumed(anybody, context, session).session_reused
    with pytest.raises(SSL.Error, match="peer did not return a certificate"):
        resumed(few, context, session)


def made_by(own: Security, peer: Authority, **more: Any) -> str:
    """Why a peer with such a certificate is not let in where all have to show theirs; empty if it is."""
    end = End()
    try:
        entered(Entrance(own), phone(shows=peer.sign("alice", "alice.example", **more)), end)
    except SSL.Error as error:
        return why_unsecured(end.secured, error)
    return ""


def test_why_a_peer_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    own = security(authority, require_peer=True)
    assert made_by(own, authority) == ""
    assert made_by(own, authority, days=-2) == "its certificate has expired"
    stranger = Authority(tmp_path, "stranger")
    assert made_by(own, stranger) == "its certificate is signed by somebody who is not trusted"
    alone = Authority(tmp_path, "alone")
    kept = tmp_path / "alone.key"
    kept.write_bytes(alone.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    end = End()
    with pytest.raises(SSL.Error) as caught:
        entered(Entrance(own), phone(shows=(alone.certificate, kept)), end)
    assert why_unsecured(end.secured, caught.value) == "its certificate is signed by itself"
    end = End()
    with pytest.raises(SSL.Error) as caught:
        entered(Entrance(own), phone(), end)
    assert why_unsecured(end.secured, caught.value) == "peer did not return a certificate"


def test_who_is_on_the_list_of_its_authority_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    alice, bob = (authority.sign(name, f"{name}.example") for name in ("alice", "bob"))
    crl = authority.revoke(alice[0])

    def why(shows: tuple[Path, Path], **more: Any) -> str:
        end = End()
        try:
            entered(Entrance(security(authority, require_peer=True, **more)), phone(shows=shows), end)
        except SSL.Error as error:
            return why_unsecured(end.secured, error)
        return ""

    assert why(alice) == "" and why(bob, crl=str(crl)) == ""
    assert why(alice, crl=str(crl)) == "its certificate is revoked"
    authority.revoke(alice[0], days=-1)
    assert why(bob, crl=str(crl)) == "the list of what its authority has revoked is out of date"
    stranger = Authority(tmp_path, "stranger").revoke()
    assert why(bob, crl=str(stranger)) == "there is no list of what its authority has revoked"
    both = tmp_path / "both.crl"
    both.write_bytes(stranger.read_bytes() + authority.revoke(alice[0]).read_bytes())
    assert why(bob, crl=str(both)) == "" and why(alice, crl=str(both)) == "its certificate is revoked"


def test_a_next_hop_whose_certificate_is_revoked_is_not_trusted(authority: Authority) -> None:
    there = security(authority)
    crl = authority.revoke(authority.directory / "sbc.crt")
    end = End()
    client = Exit(attrs.evolve(security(authority, crl=str(crl))), "sbc.example").clientConnectionForTLS(end)
    client.set_connect_state()
    with pytest.raises(SSL.Error) as caught:
        entered(Entrance(there), client)
    assert why_unsecured(end.secured, caught.value) == "its certificate is revoked"


def test_why_we_do_not_trust_a_next_hop(authority: Authority, tmp_path: Path) -> None:
    there = Entrance(security(Authority(tmp_path, "stranger")))
    end = End()
    client = Exit(security(authority), "softswitch.example").clientConnectionForTLS(end)
    client.set_connect_state()
    with pytest.raises(SSL.Error) as caught:
        entered(there, client)
    assert why_unsecured(end.secured, caught.value) == "its certificate is signed by somebody who is not trusted"


def test_the_name_of_a_next_hop_is_asked_for_and_an_address_is_not(authority: Authority) -> None:
    own = security(authority, certificates=(KeyPair(*map(str, authority.sign("other", OTHER))),))
    for expected, common in ((OTHER, "other"), ("192.0.2.1", "sbc")):
        client = Exit(own, expected).clientConnectionForTLS(End())
        client.set_connect_state()
        entered(Entrance(own), client)
        assert common_name(client) == common


def test_other_ends_of_a_handshake_are_named() -> None:
    assert why_unsecured(End().secured, ConnectionDone()) == "it ends in the handshake"
    assert why_unsecured(End().secured, SSL.Error()) == "it ends in the handshake"
    assert why_unsecured(End().secured, ConnectionLost("reset")) == str(ConnectionLost("reset"))
    error = SSL.Error([("SSL routines", "", "no shared cipher"), ("SSL routines", "", "no shared cipher")])
    assert why_unsecured(End().secured, error) == "no shared cipher"
