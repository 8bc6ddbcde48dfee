"""SRTP of the engine in Python: held to a reference, refused what is to be, and going on where it was."""

from __future__ import annotations

import pytest

from sbc.core.secured import SUITES, Key
from sbc.media.sealing import SOURCES, Unsealed
from sbc.media.srtp import Session, missing, suites
from tests.media.keys import SUITE, key
from tests.media.packets import receiver_report, rtp, sender_report
from tests.media.reference import counted, derived, gcm_rtcp, gcm_rtp, keystream, protect_rtcp, protect_rtp

EACH = pytest.mark.parametrize("suite", SUITES)
FAR = 2**31 - 2 - 127
"""The furthest number of RTCP behind which one goes on: libsrtp keeps some for a window."""
MKI = pytest.mark.parametrize("mki", [b"", b"\x01", b"\0\0\0\x07"])


def refused(session: Session, data: bytes, rtcp: bool = False) -> str:
    with pytest.raises(Unsealed) as caught:
        session.open(data, rtcp)
    return caught.value.reason


def test_all_suites_are_there() -> None:
    assert missing() == ""
    assert suites() == tuple(SUITES)


@EACH
@MKI
def test_writes_and_reads_as_the_standards_say(suite: str, mki: bytes) -> None:
    ours, theirs = Session(key("k", suite, mki), sends=True), Session(key("k", suite, mki), sends=False)
    for sequence in range(1, 4):
        packet, sealed = rtp(sequence), protect_rtp(key("k", suite, mki), rtp(sequence))
        assert ours.close(packet, False) == sealed
        assert theirs.open(sealed, False) == packet
    for index in range(1, 4):
        packet = sender_report(0x1234, index)
        sealed = protect_rtcp(key("k", suite, mki), packet, index)
        assert ours.close(packet, True) == sealed
        assert theirs.open(sealed, True) == packet


@EACH
def test_what_is_altered_or_comes_again_is_refused(suite: str) -> None:
    session, made = Session(key("k", suite), sends=False), key("k", suite)
    sealed = protect_rtp(made, rtp(1))
    for at in (1, 5, 20, len(sealed) - 1):
        assert refused(session, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]) == "forged"
    assert refused(session, protect_rtp(key("other", suite), rtp(1))) == "forged"
    assert session.open(sealed, False) == rtp(1)
    assert refused(session, sealed) == "replayed"
    report = protect_rtcp(made, receiver_report(), 1)
    assert refused(session, report[:-1] + bytes([report[-1] ^ 1]), True) == "forged"
    assert session.open(report, True) == receiver_report()
    assert refused(session, report, True) == "replayed"


def test_what_is_too_short_is_clear() -> None:
    session = Session(key("k"), sends=False)
    assert refused(session, rtp(payload=bytes(9))) == "clear"
    assert refused(session, receiver_report(), True) == "clear"


def test_another_mki_is_forged() -> None:
    assert refused(Session(key("k", mki=b"\x01"), sends=False), protect_rtp(key("k", mki=b"\x02"), rtp())) == "forged"


def test_packets_of_any_length_pass() -> None:
    session = Session(key("k"), sends=True)
    assert session.close(rtp(payload=bytes(60_000)), False) == protect_rtp(key("k"), rtp(payload=bytes(60_000)))


@EACH
def test_goes_on_after_a_restart(suite: str) -> None:
    made = key("k", suite)
    first = Session(made, sends=True)
    theirs = Session(made, sends=False)
    for sequence in (65_000, 65_535, 20_000, 50_000, 65_535):
        theirs.open(first.close(rtp(sequence), False), False)
    theirs.open(first.close(receiver_report(), True), True)
    rows = first.rollover()
    assert rows == ((1, 0x1234, 1 << 16 | 65_535, 1),)
    second = Session(made, True, rows)
    assert second.close(rtp(0), False) == protect_rtp(made, rtp(0), rolls=2)
    again = second.close(receiver_report(), True)
    assert int.from_bytes(again[-14:-10] if suite.startswith("AES") else again[-4:], "big") & 0x7FFFFFFF > 1
    assert theirs.open(again, True) == receiver_report()
    resumed = Session(made, False, theirs.rollover())
    assert refused(resumed, protect_rtp(made, rtp(65_535), rolls=1)) == "replayed"
    assert refused(resumed, protect_rtp(made, rtp(65_530), rolls=1)) == "replayed"
    assert refused(resumed, protect_rtcp(made, receiver_report(), 1), True) == "replayed"
    assert resumed.open(protect_rtp(made, rtp(3), rolls=2), False) == rtp(3)


@EACH
@pytest.mark.parametrize("index", [0, 5, 10_000_000, FAR])
def test_goes_on_behind_any_number_of_rtcp_at_once(suite: str, index: int) -> None:
    for session in (
        Session(key("k", suite), True, ((1, 0x1234, -1, index),)),
        Session(key("k", suite), True, (), index),
    ):
        for number in range(index + 1, index + 3):
            assert session.close(receiver_report(), True) == protect_rtcp(key("k", suite), receiver_report(), number)
        assert session.close(rtp(), False) == protect_rtp(key("k", suite), rtp())
        assert session.rollover() == ((1, 0x1234, 1, index + 2),)


def test_numbers_that_are_used_up_are_not_sent() -> None:
    for session in (Session(key("k"), True, ((1, 0x1234, -1, FAR + 1),)), Session(key("k"), True, (), FAR + 1)):
        with pytest.raises(Unsealed):
            session.close(receiver_report(), True)
        assert session.close(rtp(), False)


def test_a_key_is_used_for_so_many_sources_only() -> None:
    ours, theirs = Session(key("k"), sends=True), Session(key("k"), sends=False)
    for ssrc in range(SOURCES):
        theirs.open(ours.close(rtp(ssrc=ssrc), False), False)
    with pytest.raises(Unsealed):
        ours.close(rtp(ssrc=SOURCES), False)
    assert refused(theirs, protect_rtp(key("k"), rtp(ssrc=SOURCES))) == "unkeyed"
    assert theirs.open(ours.close(rtp(2, ssrc=5), False), False) == rtp(2, ssrc=5)


@pytest.mark.parametrize("wrong", [Key("AES_CM_128_HMAC_MD5", bytes(30)), Key(SUITE, bytes(29))])
def test_what_is_no_key_is_refused(wrong: Key) -> None:
    with pytest.raises(ValueError, match="no key"):
        Session(wrong, sends=True)


# -- the reference, by the vectors of RFC 3711 appendix B and RFC 7714 sections 16 and 17

MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
SALT = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")


def test_keystream_of_rfc_3711_appendix_b_2() -> None:
    key, salt = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"), bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD")
    made = keystream(key, counted(salt, ssrc=0, index=0), 16 * 0xFF02)
    assert made[:48].hex().upper() == (
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0"
    )
    assert made[16 * 0xFEFF :].hex().upper() == (
        "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44"
    )


def test_derivation_of_rfc_3711_appendix_b_3() -> None:
    assert derived(MASTER, SALT, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derived(MASTER, SALT, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert derived(MASTER, SALT, 1, 94).hex().upper() == (
        "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF72270986371C10C9A369A"
        "C2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"
    )


GCM_SALT = bytes.fromhex("517569642070726f2071756f")
PACKET = bytes.fromhex(
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
)
REPORT = bytes.fromhex(
    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
)


def test_gcm_of_rfc_7714_section_16_1() -> None:
    key = bytes(range(16))
    assert gcm_rtp(key, GCM_SALT, PACKET, 0).hex() == (
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
        "899d7f27beb16a9152cf765ee4390cce"
    )
    assert gcm_rtp(bytes(range(32)), GCM_SALT, PACKET, 0).hex() == (
        "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
        "7aa3db36dfffd6b0f9bb7878d7a76c13"
    )


def test_gcm_of_rfc_7714_section_17_1() -> None:
    assert gcm_rtcp(bytes(range(16)), GCM_SALT, REPORT, 0x5D4).hex() == (
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b"
        "c84aa45896cf4d2fc5abf87245d9eade800005d4"
    )
