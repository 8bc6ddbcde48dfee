"""DTLS associations, two of them in memory: keys, whose certificate it is, profiles, loss, hostile records."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from OpenSSL import SSL

from sbc.media.dtls import (
    AGREED,
    LONGEST,
    MOST_OCTETS,
    MTU,
    PATIENCE,
    Association,
    State,
    Terms,
    datagrams,
    is_dtls,
    is_hello,
)
from tests.loopback import loopback
from tests.media import openssl
from tests.media.handshakes import OUR_TERMS, OURS, STRANGER, THEIR_TERMS, THEIRS, exchange

PROFILES = ["-use_srtp", "SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32"]


def pair(client: Terms = THEIR_TERMS, server: Terms = OUR_TERMS, now: float = 0.0) -> tuple[Association, Association]:
    return (
        Association(client, True, (OURS.fingerprint,), now),
        Association(server, False, (THEIRS.fingerprint,), now),
    )


def test_both_ends_have_the_same_keys() -> None:
    client, server = pair()
    exchange(client, server)
    assert (client.state, server.state) == (State.SHAKEN, State.SHAKEN)
    assert client.keys is not None and server.keys is not None
    assert client.keys == server.keys[::-1] and client.keys[0] != client.keys[1]
    assert client.keys[0].suite == "AEAD_AES_128_GCM" and len(client.keys[0].secret) == 28
    assert server.proves((THEIRS.fingerprint,)) and client.proves((OURS.fingerprint,))
    assert not server.proves((STRANGER.fingerprint,)) and not server.proves(())
    assert client.due(0) is None and server.due(0) is None


@pytest.mark.parametrize(
    ("suite", "octets"), list(zip(AGREED, (28, 44, 30, 30), strict=True)), ids=[each.lower() for each in AGREED]
)
def test_a_profile_is_agreed_on(suite: str, octets: int) -> None:
    client, server = pair(Terms(THEIRS, (suite,)))
    exchange(client, server)
    assert server.keys is not None
    assert {(key.suite, len(key.secret)) for key in server.keys} == {(suite, octets)}


def test_without_a_profile_in_common_there_are_no_keys() -> None:
    client, server = pair(Terms(THEIRS, AGREED[:1]), Terms(OURS, AGREED[1:2]))
    exchange(client, server)
    assert server.state is State.OVER and server.why == "no-profile" and server.keys is None


def test_the_keys_are_those_of_rfc_5764() -> None:
    """Section 4.2: client's key, server's, client's salt, server's, of what OpenSSL itself exports."""
    client, server = pair(Terms(THEIRS, ("AES_CM_128_HMAC_SHA1_80",)))
    exchange(client, server)
    assert client._connection is not None and client.keys is not None
    material = client._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 60)
    assert client.keys[1].secret == material[:16] + material[32:46]
    assert client.keys[0].secret == material[16:32] + material[46:]


@pytest.mark.parametrize("client_promised", [True, False])
def test_another_certificate_than_promised_is_refused(client_promised: bool) -> None:
    client, server = pair()
    (client if client_promised else server).fingerprints = (STRANGER.fingerprint,)
    exchange(client, server)
    finds, hears = (client, server) if client_promised else (server, client)
    assert (finds.state, finds.why, finds.keys) == (State.OVER, "fingerprint", None)
    assert (hears.state, hears.why) == (State.OVER, "alert")  # RFC 8122 section 6.2: it is told


def test_who_shows_none_is_refused() -> None:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
    bare = SSL.Connection(context, None)
    bare.set_connect_state()
    server = Association(OUR_TERMS, False, (), 0)
    for _ in range(5):
        with pytest.raises(SSL.Error):
            bare.do_handshake()
        try:
            flight = bare.bio_read(MOST_OCTETS)
        except SSL.WantReadError:
            break
        for data in datagrams(flight):
            for each in server.take(data):
                bare.bio_write(each)
    assert (server.state, server.keys) == (State.OVER, None)


def test_while_no_fingerprint_is_known_any_is_taken_and_shown() -> None:
    client, server = pair()
    server.fingerprints = ()
    exchange(client, server)
    assert server.state is State.SHAKEN
    assert server.proves((THEIRS.fingerprint,)) and not server.proves((OURS.fingerprint,))


def test_who_has_not_shown_that_it_is_there_costs_one_short_answer() -> None:
    client = Association(THEIR_TERMS, True, (), 0)
    hello = client.begin()
    server = Association(OUR_TERMS, False, (), 0, b"192.0.2.1:5000")
    verify = [each for data in hello for each in server.take(data)]
    assert server.state is State.LISTENING and len(verify) == 1 and len(verify[0]) < len(hello[0])
    again = [each for data in verify for each in client.take(data)]
    elsewhere = Association(OUR_TERMS, False, (), 0, b"192.0.2.2:5000")
    assert [elsewhere.take(data) for data in again] and elsewhere.state is State.LISTENING
    there = Association(OUR_TERMS, False, (), 0, b"192.0.2.1:5000")
    back = [each for data in again for each in there.take(data)]
    assert there.state is State.SHAKING and max(map(len, back)) <= MTU
    while back:
        forth = [each for data in back for each in client.take(data)]
        back = [each for data in forth for each in there.take(data)]
    assert there.state is State.SHAKEN and client.keys is not None and client.keys[::-1] == there.keys


def test_no_datagram_is_longer_than_a_path_may_bear() -> None:
    seen: list[bytes] = []

    def passed(flight: list[bytes]) -> list[bytes]:
        seen.extend(flight)
        return flight

    exchange(*pair(), passed)
    assert seen and max(map(len, seen)) <= MTU
    records = [b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2, "big") + bytes(size) for size in (100, 1000, 500, 300, 9)]
    assert [len(each) for each in datagrams(b"".join(records))] == [1126, 848]
    assert b"".join(datagrams(b"".join(records))) == b"".join(records)


def test_records_may_come_twice_and_in_any_order() -> None:
    """But for what changes the cipher, and what is under the new one: that is sent again when it has come too early."""
    for seed in range(20):
        chance = random.Random(seed)

        def passed(flight: list[bytes], chance: random.Random = chance) -> list[bytes]:
            records = [each for data in flight for each in split(data)]
            plain = [each for each in records if each[0] == 22 and each[3:5] == b"\0\0"] * 2
            return chance.sample(plain, len(plain)) + [each for each in records if each not in plain]

        client, server = pair()
        exchange(client, server, passed)
        assert (client.state, server.state) == (State.SHAKEN, State.SHAKEN), seed
        assert client.keys is not None and server.keys is not None and client.keys == server.keys[::-1]


def split(data: bytes) -> list[bytes]:
    """The records of a datagram."""
    records = []
    while data:
        end = 13 + int.from_bytes(data[11:13], "big")
        records.append(data[:end])
        data = data[end:]
    return records


@pytest.mark.slow
def test_what_is_lost_is_sent_again() -> None:
    """The timer is OpenSSL's, by the system's clock: one second to begin with."""
    for lost in (0, 1, 3):  # the hello, the certificate's flight, the server's last
        began = time.monotonic()
        client, server = pair(now=began)
        count = iter(range(100))

        def passed(flight: list[bytes], lost: int = lost, count: Iterator[int] = count) -> list[bytes]:
            return [each for each in flight if next(count) != lost]

        exchange(client, server, passed)
        while {client.state, server.state} != {State.SHAKEN}:
            dues = [due for each in (client, server) if (due := each.due(time.monotonic())) is not None]
            assert dues and time.monotonic() - began < PATIENCE
            time.sleep(max(0.0, min(dues) - time.monotonic()))
            back, forth = client.expire(time.monotonic()), server.expire(time.monotonic())
            while back or forth:
                back, forth = (
                    [each for data in forth for each in client.take(data)],
                    [each for data in back for each in server.take(data)],
                )
        assert client.keys is not None and server.keys is not None and client.keys == server.keys[::-1]


def test_a_handshake_is_given_up() -> None:
    client = Association(THEIR_TERMS, True, (), 100)
    client.begin()
    due = client.due(100)
    assert due is not None and 100 < due <= 101
    assert client.expire(100 + PATIENCE - 1) == [] and client.state is State.SHAKING
    assert client.expire(100 + PATIENCE) == []
    assert (client.state, client.why, client.due(200)) == (State.OVER, "timeout", None)
    assert client.take(b"x") == [] and client.leave() == []


def test_the_peer_may_take_leave() -> None:
    client, server = pair()
    exchange(client, server)
    for data in client.leave():
        server.take(data)
    assert (client.why, server.why, server.keys) == ("closed", "closed", None)


def test_one_that_rests_keeps_its_keys_and_knows_its_beginning() -> None:
    client, server = pair()
    hello = client.begin()
    back = [each for data in hello for each in server.take(data)]
    while back:
        forth = [each for data in back for each in client.take(data)]
        back = [each for data in forth for each in server.take(data)]
    server.rest()
    assert server.state is State.SHAKEN and server.keys is not None and server.take(hello[0]) == []
    assert server.repeats(hello[0]) and not server.repeats(Association(THEIR_TERMS, True, (), 0).begin()[0])
    assert is_hello(hello[0]) and is_dtls(hello[0]) and not any(map(is_hello, back))


def test_a_peer_may_cost_only_so_much() -> None:
    _, server = pair()
    record = b"\x16\xfe\xfd" + bytes(8) + b"\x03\xe8" + bytes(1000)
    for _ in range(MOST_OCTETS // len(record) + 1):
        server.take(record)
    assert (server.state, server.why) == (State.OVER, "refused")
    _, server = pair()
    assert server.take(bytes(LONGEST + 1)) == [] and server.state is State.SHAKING


def test_hostile_records() -> None:
    """Flights with octets changed, records left out, doubled, cut and put together anew: whatever comes, nothing is
    raised, and nobody has keys that the other has not."""
    chance = random.Random(8)
    ended: dict[str, int] = {}
    for _ in range(700):
        client, server = pair()

        def passed(flight: list[bytes]) -> list[bytes]:
            return [mutated(data, chance) if chance.random() < 0.4 else data for data in flight]

        exchange(client, server, passed)
        for each in (client, server):
            ended[each.why or each.state.value] = ended.get(each.why or each.state.value, 0) + 1
            assert len(each.detail) < 200
        if client.state is server.state is State.SHAKEN:
            assert client.keys is not None and server.keys is not None and client.keys == server.keys[::-1]
    assert {"shaken", "shaking"} <= set(ended) and len(ended) > 2, ended


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A datagram that somebody has tampered with."""
    whole = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(whole)) if whole else 0
        what = chance.randrange(5)
        if what == 0 and whole:
            whole[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            del whole[at : at + chance.randint(1, 40)]
        elif what == 2:
            whole[at:at] = chance.randbytes(chance.randint(1, 40))
        elif what == 3:
            records = split(bytes(whole))
            chance.shuffle(records)
            whole = bytearray(b"".join(records))
        elif whole:
            whole[at : at + 2] = chance.choice((b"\xff\xff", b"\0\0", b"\0\1"))
    return bytes(whole)


def secrets(association: Association) -> bytes:
    """The keying material of RFC 5764 section 4.2, as an export gives it: keys first, then salts."""
    assert association.keys is not None
    client, server = association.keys[::-1] if association.client else association.keys
    return client.secret[:16] + server.secret[:16] + client.secret[16:] + server.secret[16:]


@pytest.mark.parametrize("unproven", [b"", b"127.0.0.1"])
def test_openssl_begins(tmp_path: Path, unproven: bytes) -> None:
    server = Association(OUR_TERMS, False, (THEIRS.fingerprint,), time.monotonic(), unproven)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        at = "127.0.0.1:{1}".format(*sock.getsockname())
        with openssl.running(["s_client", "-connect", at, *PROFILES], THEIRS, tmp_path) as program:
            openssl.speak(sock, server)
            told = openssl.said(program)
    assert server.state is State.SHAKEN, (server.why, server.detail)
    assert openssl.PROFILE.findall(told) == [b"SRTP_AES128_CM_SHA1_80"]
    (exported,) = openssl.EXPORTED.findall(told)
    assert bytes.fromhex(exported.decode()) == secrets(server)


def test_openssl_with_another_certificate_is_refused(tmp_path: Path) -> None:
    server = Association(OUR_TERMS, False, (THEIRS.fingerprint,), time.monotonic())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        at = "127.0.0.1:{1}".format(*sock.getsockname())
        with openssl.running(["s_client", "-connect", at, *PROFILES], STRANGER, tmp_path) as program:
            openssl.speak(sock, server)
            openssl.said(program)
    assert (server.state, server.why, server.keys) == (State.OVER, "fingerprint", None)


def test_openssl_is_begun_with(tmp_path: Path) -> None:
    host = f"{loopback('dtls')}.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        arguments = ["s_server", "-accept", f"{host}:4433", "-verify", "1", "-naccept", "1", "-mtu", "1200", *PROFILES]
        with openssl.running(arguments, THEIRS, tmp_path) as program:
            assert program.stdout is not None
            while b"ACCEPT" not in program.stdout.readline():
                assert program.poll() is None
            client = Association(OUR_TERMS, True, (THEIRS.fingerprint,), time.monotonic())
            openssl.speak(sock, client, (host, 4433))
            assert client.state is State.SHAKEN, (client.why, client.detail)
            told = openssl.said(program)
    (exported,) = openssl.EXPORTED.findall(told)
    assert bytes.fromhex(exported.decode()) == secrets(client)
