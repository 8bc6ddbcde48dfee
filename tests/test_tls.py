"""TLS on loopback with Python's own ssl at the other end: who is let in, whom we trust, and files that are no use."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from sbc.config.faults import ConfigError
from sbc.core.address import Address
from sbc.core.orders import Listener
from sbc.core.realm import Media, Realm, Side
from sbc.core.wires import Connections as Limits
from sbc.core.wires import KeyPair, Tls
from sbc.tls import Security, name_of, proven_name, read_tls
from tests.certificates import Authority
from tests.streams import ACCESS, INVITE, NET, PEER, REGISTER, Bench, open_bench

T = TypeVar("T")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def realm(tls: Tls) -> Realm:
    return Realm("access", Side.ACCESS, (), Media(ACCESS, ACCESS, range(2)), tls=tls)


def security(authority: Authority, **more: Any) -> dict[str, Security]:
    certificate, key = authority.sign("sbc", ACCESS)
    tls = Tls(str(certificate), str(key), ca=str(authority.certificate), **more)
    (made,) = read_tls({"access": realm(tls)}).values()
    return {"access": made, "core": made}


def meanwhile(bench: Bench, act: Callable[[], T]) -> T:
    """What `act` returns, done in a thread while the reactor runs."""
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(act)
        bench.wait(doing.done, "the other end")
        return doing.result()


def trusting(authority: Authority, who: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if who:
        context.load_cert_chain(*authority.sign(who, f"{who}.example"))
    return context


def registers(bench: Bench, authority: Authority, who: str = "") -> ssl.SSLSocket:
    """The next hop connects, with the certificate of `who`, if that is said, and registers."""
    context = trusting(authority, who)
    context.check_hostname = False
    wire = socket.create_connection((bench.core.address.host, bench.core.address.port), 2, (PEER, 0))
    secured = context.wrap_socket(wire)
    secured.sendall(REGISTER)
    return secured


def say(bench: Bench, context: ssl.SSLContext, data: bytes) -> bytes:
    """A phone says something over TLS and reads the answer."""

    def act() -> bytes:
        plain = bench.phone()
        plain.settimeout(2)
        with context.wrap_socket(plain, server_hostname=ACCESS) as phone:
            phone.sendall(data)
            return phone.recv(1000)

    def reply(listener: Listener, source: Address) -> None:
        bench.table.send(listener, source, b"answer")

    bench.heard.answer = reply
    return meanwhile(bench, act)


def test_a_phone_is_heard_over_tls(authority: Authority) -> None:
    with open_bench(transport="tls", security=security(authority)) as bench:
        assert say(bench, trusting(authority), INVITE) == b"answer"
        assert [data for _, data in bench.heard.messages] == [INVITE]
        assert bench.heard.proven == {""}, "it has shown nothing"
        assert bench.heard.counted["connection-accepted"] == 1


def test_a_new_certificate_counts_for_who_comes_from_then_on(authority: Authority, tmp_path: Path) -> None:
    with open_bench(transport="tls", security=security(authority)) as bench:
        assert say(bench, trusting(authority), INVITE) == b"answer"
        other = Authority(tmp_path, "other")
        bench.table.replan({own.realm: bench.table.realm(own) for own in (bench.access, bench.core)}, security(other))
        with pytest.raises(ssl.SSLCertVerificationError):
            say(bench, trusting(authority), INVITE)
        assert say(bench, trusting(other), INVITE) == b"answer"


def test_a_large_message_over_tls(authority: Authority) -> None:
    data = REGISTER.replace(b"Content-Length: 0", b"Content-Length: 50000") + b"x" * 50_000
    with open_bench(transport="tls", security=security(authority)) as bench:
        assert say(bench, trusting(authority), data) == b"answer"
        assert [each for _, each in bench.heard.messages] == [data]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_old_tls_is_not_spoken(authority: Authority) -> None:
    context = trusting(authority)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with open_bench(transport="tls", security=security(authority)) as bench, pytest.raises((ssl.SSLError, OSError)):
        say(bench, context, INVITE)


def test_plain_text_is_not_heard(authority: Authority) -> None:
    with open_bench(transport="tls", security=security(authority)) as bench:
        phone = bench.phone()
        phone.sendall(INVITE)
        bench.wait(lambda: bench.ended(phone), "the end")
        assert not bench.heard.messages and not bench.heard.bad


def test_who_must_show_a_certificate_and_who_has(authority: Authority, tmp_path: Path) -> None:
    with open_bench(transport="tls", security=security(authority, require_peer=True)) as bench:
        assert say(bench, trusting(authority, "alice"), INVITE) == b"answer"
        assert bench.heard.proven == {"alice.example"}
        with pytest.raises((ssl.SSLError, OSError)):
            assert say(bench, trusting(authority), REGISTER), "nothing came"
        stranger = Authority(tmp_path, "stranger")
        context = trusting(authority)
        context.load_cert_chain(*stranger.sign("mallory", "alice.example"))
        with pytest.raises((ssl.SSLError, OSError)):
            assert say(bench, context, REGISTER), "nothing came"
        assert [data for _, data in bench.heard.messages] == [INVITE]


def test_who_does_not_read_over_tls_is_left(authority: Authority) -> None:
    with open_bench(Limits(queue=100_000), "tls", security(authority)) as bench:

        def act() -> ssl.SSLSocket:
            plain = bench.phone()
            plain.settimeout(2)
            secured = trusting(authority).wrap_socket(plain, server_hostname=ACCESS)
            secured.sendall(REGISTER)
            return secured

        with meanwhile(bench, act):
            bench.wait(lambda: bench.heard.messages, "the message")
            source, said, written = bench.heard.messages[0][0], "", 0
            while not said and written < 50_000_000:
                said = bench.table.send(bench.access, source, b"x" * 10_000)
                written += 10_000
                bench.turn(1)
            assert said == "it does not read what it is sent"
            bench.wait(lambda: not bench.table.books().connections, "the end")


def test_a_handshake_that_never_ends(authority: Authority) -> None:
    with open_bench(transport="tls", security=security(authority)) as bench:
        phone = bench.phone()
        bench.turn()
        bench.pass_time(12)
        assert bench.ended(phone)
        assert bench.heard.counted["connection-timeout"] == 1


def send_to(
    bench: Bench, authority: Authority, names: tuple[str | x509.ExtensionType, ...], ca: Authority | None = None
) -> bytes:
    """What a next hop with a certificate of these names hears of a message sent there."""
    door, address = bench.softswitch()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*(ca or authority).sign("softswitch", *names))

    def act() -> bytes:
        end, _ = door.accept()
        try:
            with context.wrap_socket(end, server_side=True) as secured:
                secured.settimeout(2)
                return secured.recv(1000)
        except OSError:
            return b""

    assert bench.table.send(bench.core, address, b"hello") == ""
    return meanwhile(bench, act)


def test_a_next_hop_is_known_by_its_address(authority: Authority) -> None:
    with open_bench(transport="tls", security=security(authority)) as bench:
        assert send_to(bench, authority, (PEER,)) == b"hello"
        bench.wait(lambda: bench.heard.lost, "its end")
        assert bench.heard.lost[0][1] == "the connection is lost"


def test_a_next_hop_is_known_by_its_name(authority: Authority) -> None:
    own = security(authority, server_name="softswitch.example")
    with open_bench(transport="tls", security=own) as bench:
        assert send_to(bench, authority, ("softswitch.example",)) == b"hello"


@pytest.mark.parametrize("names", [("softswitch.example",), ("host.example", "sip:Softswitch.Example")])
def test_a_next_hop_that_was_found_by_its_name_is_known_by_it(authority: Authority, names: tuple[str, ...]) -> None:
    """Of a SIP domain a certificate may speak by a URI (RFC 5922 section 7.1)."""
    with open_bench(transport="tls", security=security(authority)) as bench:
        bench.heard.names = Everywhere("softswitch.example")
        assert send_to(bench, authority, names) == b"hello"


class Everywhere(dict[Address, str]):
    """The name of whoever is anywhere."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def get(self, key: Address, default: Any = None) -> str:
        return self.name


@pytest.mark.parametrize(
    "names", [(PEER,), ("sip:user@softswitch.example",), ("https://softswitch.example",), ("sips:softswitch.example",)]
)
def test_a_next_hop_that_was_found_by_its_name_is_known_by_nothing_else(
    authority: Authority, names: tuple[str, ...]
) -> None:
    with open_bench(transport="tls", security=security(authority)) as bench:
        bench.heard.names = Everywhere("softswitch.example")
        assert send_to(bench, authority, names) == b""
        bench.wait(lambda: bench.heard.lost, "the refusal")


UNREADABLE = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, bytes.fromhex("3005820361ff62"))
"""A DNS name that is no ASCII: OpenSSL takes it."""


def test_a_next_hop_whose_names_cannot_be_read_hears_nothing(authority: Authority) -> None:
    with open_bench(transport="tls", security=security(authority, server_name="softswitch.example")) as bench:
        assert send_to(bench, authority, (UNREADABLE,)) == b""
        bench.wait(lambda: bench.heard.lost, "the refusal")
        assert bench.heard.lost[0][1] == "no connection: the names in its certificate cannot be read"
        assert bench.heard.counted["connection-unproven"] == 1


def test_a_terminal_whose_names_cannot_be_read_has_proven_none(authority: Authority) -> None:
    """Neither is it taken for who the common name says, which is there for certificates without others."""
    with open_bench(transport="tls", security=security(authority, require_peer=True)) as bench:
        context = trusting(authority)
        context.load_cert_chain(*authority.sign("alice", UNREADABLE))
        assert say(bench, context, INVITE) == b"answer"
        assert bench.heard.proven == {""}


def test_who_connected_before_certificates_were_asked_for_has_no_alias(authority: Authority) -> None:
    before, after = (security(authority, require_peer=must, server_name="switch.example") for must in (False, True))
    with open_bench(transport="tls", security=before) as bench:
        with meanwhile(bench, partial(registers, bench, authority)) as made:
            bench.wait(lambda: bench.heard.messages, "its message")
            bench.table.replan({own.realm: bench.table.realm(own) for own in (bench.access, bench.core)}, after)
            bench.table.alias(bench.core, Address(*made.getsockname()), Address(PEER, 5061))
            assert bench.heard.counted["connection-unaliased"] == 1
        bench.wait(lambda: bench.heard.lost, "its end")


@pytest.mark.parametrize("names", [(), (f"{NET}.99",), ("softswitch.example",)])
def test_a_next_hop_of_another_name_hears_nothing(authority: Authority, names: tuple[str, ...]) -> None:
    with open_bench(transport="tls", security=security(authority)) as bench:
        assert send_to(bench, authority, names) == b""
        bench.wait(lambda: bench.heard.lost, "the refusal")
        said = f"not for {PEER}" if names else "cannot be used: "
        assert bench.heard.lost[0][1].startswith(f"no connection: its certificate {'is ' if names else ''}{said}")


def test_a_next_hop_nobody_vouches_for_hears_nothing(authority: Authority, tmp_path: Path) -> None:
    with open_bench(transport="tls", security=security(authority)) as bench:
        assert send_to(bench, authority, (PEER,), Authority(tmp_path, "stranger")) == b""
        bench.wait(lambda: bench.heard.lost, "the refusal")


def fault(tls: Tls) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        read_tls({"access": realm(tls)}, "sbc.toml")
    (found,) = caught.value.faults
    assert str(found).startswith("sbc.toml: ")
    return found.key.rpartition(".")[2], found.problem


def test_files_that_are_no_use_are_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = map(str, authority.sign("sbc"))
    other, _ = map(str, authority.sign("other"))
    empty = tmp_path / "empty"
    empty.touch(0o600)
    assert fault(Tls("/nowhere/x", key)) == ("certificate", "cannot be read: No such file or directory")
    assert fault(Tls(str(empty), key)) == ("certificate", "holds nothing of the kind")
    assert fault(Tls(certificate, "/nowhere/x")) == ("key", "cannot be read: No such file or directory")
    assert fault(Tls(certificate, str(empty))) == ("key", "holds nothing of the kind")
    assert fault(Tls(other, key)) == ("key", "is not the key of the certificate")
    assert fault(Tls(certificate, key, ca=key)) == ("ca", "holds nothing of the kind")
    weak = fault(Tls(*map(str, authority.sign("weak", "weak.example", bits=1024))))
    assert weak == ("certificate", "is of no use for TLS: ee key too small")
    unreadable = fault(Tls(*map(str, authority.sign("unreadable", UNREADABLE))))
    assert unreadable == ("certificate", "is of no use for TLS: its names cannot be read")
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    empty.write_bytes(locked)
    assert fault(Tls(certificate, str(empty))) == ("key", "holds nothing of the kind")
    empty.write_bytes(b"x" * 2_000_000)
    assert fault(Tls(certificate, str(empty))) == ("key", "is too long")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read(authority: Authority, mode: int) -> None:
    certificate, key = authority.sign("sbc")
    key.chmod(mode)
    assert fault(Tls(str(certificate), str(key))) == ("key", f"others may use it (mode {mode:04o}); chmod 600 it")


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_tls({"access": realm(Tls("/nowhere/a", "/nowhere/b", ca="/nowhere/c"))})
    assert len(caught.value.faults) == 3


def test_realms_without_tls_need_nothing() -> None:
    assert read_tls({"access": Realm("access", Side.ACCESS, (), Media("", "", range(2)))}) == {}


def test_the_name_a_certificate_proves(authority: Authority) -> None:
    made = [
        read_tls({"access": realm(Tls(*map(str, authority.sign(*names))))})["access"].identities[0].chain[0]
        for names in (
            ("cn",),
            ("cn", "dns.example"),
            ("cn", "192.0.2.1"),
            ("cn", "dns.example", "sip:Domain.example"),
            ("cn", "sip:a@dns.example"),
        )
    ]
    assert proven_name(None) == ""
    assert [name_of(each) for each in made] == ["cn", "dns.example", "192.0.2.1", "domain.example", "sip:a@dns.example"]


@pytest.mark.parametrize(
    ("who", "require", "taken"),
    [("switch", True, True), ("other", True, False), ("switch", False, False)],
    ids=["is", "is another", "is not asked who it is"],
)
def test_an_alias_is_of_whom_the_certificate_says(authority: Authority, who: str, require: bool, taken: bool) -> None:
    kept = security(authority, require_peer=require, server_name="switch.example")
    with open_bench(transport="tls", security=kept) as bench:
        made = meanwhile(bench, partial(registers, bench, authority, who))
        bench.wait(lambda: bench.heard.messages, "its message")
        target = Address(PEER, 5061)
        bench.table.alias(bench.core, Address(*made.getsockname()), target)
        assert bench.heard.counted["connection-aliased"] == int(taken)
        assert bench.heard.counted["connection-unaliased"] == int(not taken)
        made.close()
        bench.wait(lambda: bench.heard.lost, "its end")


def s_client(bench: Bench, *arguments: str) -> str:
    """What ``openssl s_client`` says of a connection to the access listener."""
    host, port = bench.access.address
    argv = ["openssl", "s_client", "-connect", f"{host}:{port}", *arguments]

    def act() -> str:
        done = subprocess.run(argv, input="", capture_output=True, text=True, timeout=20, check=False)
        return done.stdout + done.stderr

    return meanwhile(bench, act)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_is_shown_the_version_name_and_session_that_it_asks_for(authority: Authority) -> None:
    further = KeyPair(*map(str, authority.sign("other", "other.example")))
    with open_bench(transport="wss", security=security(authority, certificates=(further,))) as bench:
        assert "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384" in s_client(bench, "-tls1_3")
        assert "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in s_client(bench, "-tls1_2")
        assert "Cipher is (NONE)" in s_client(bench, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        assert bench.heard.counted["connection-unsecured"] == 1
        assert "CN = other" in s_client(bench, "-servername", "other.example").partition("issuer=")[0]
        assert "CN = sbc" in s_client(bench, "-servername", "nobody.example").partition("issuer=")[0]
        assert s_client(bench, "-tls1_2", "-reconnect").count("Reused, TLSv1.2") == 5
        said = s_client(bench, "-CAfile", str(authority.certificate), "-verify_return_error", "-verify_ip", ACCESS)
        assert "Verify return code: 0 (ok)" in said


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize("listed", [False, True], ids=["first without a list", "with one from the beginning"])
def test_nobody_resumes_whose_certificate_was_revoked_since(authority: Authority, tmp_path: Path, listed: bool) -> None:
    """It has a session from before; what was revoked since is read by a reload."""
    certificate, key = authority.sign("alice", "alice.example")
    session = tmp_path / "session"
    shows = ("-tls1_2", "-cert", str(certificate), "-key", str(key))
    more = {"crl": str(authority.revoke())} if listed else {}
    with open_bench(transport="tls", security=security(authority, require_peer=True, **more)) as bench:
        assert "New, TLSv1.2" in s_client(bench, *shows, "-sess_out", str(session))
        assert session.exists() is not listed, "there is nothing to resume by"
        shows = shows if listed else (*shows, "-sess_in", str(session))
        assert ("Reused, TLSv1.2" in s_client(bench, *shows)) is not listed
        revoked = security(authority, require_peer=True, crl=str(authority.revoke(certificate)))
        bench.table.replan({own.realm: bench.table.realm(own) for own in (bench.access, bench.core)}, revoked)
        accepted = bench.heard.counted["connection-accepted"]
        again = s_client(bench, *shows)
        assert "Reused" not in again and "alert certificate revoked" in again
        assert bench.heard.counted["connection-accepted"] == accepted


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_is_told_what_is_wrong_with_its_certificate(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    shown = [
        (authority.sign("late", "late.example", days=-2), "certificate expired"),
        (stranger.sign("mallory", "alice.example"), "unknown ca"),
    ]
    with open_bench(transport="tls", security=security(authority, require_peer=True)) as bench:
        for (certificate, key), alert in shown:
            assert f"alert {alert}" in s_client(bench, "-tls1_2", "-cert", str(certificate), "-key", str(key))
        assert "alert handshake failure" in s_client(bench, "-tls1_2")
        counted = bench.heard.counted
        assert (counted["connection-untrusted"], counted["connection-unsecured"]) == (2, 1)
        assert not counted["connection-accepted"]
