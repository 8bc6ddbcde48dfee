"""Which streams share a transport, by what their peers have said: what tests/calls/test_bundled.py does not show."""

from __future__ import annotations

import attrs

from sbc.core import bundling
from sbc.core.bundling import Part
from sbc.core.call import Stream
from sbc.core.message import Types
from sbc.core.secured import Bundled, Dtls, Fingerprint, Ice, Secured, SideSecurity
from sbc.core.securing import Ward, Wards, Way

PRINT, ICE = (Fingerprint("sha-256", bytes(32)),), Ice("ufrag", "p" * 22)


def part(
    number: int, types: Types = ((0, "pcmu/8000"),), bundle: str = "0", heard: bool = True, **said: object
) -> Part:
    mid = str(number)
    spoken = Secured(fingerprints=PRINT, ice=ICE, mux=True, mid=mid, bundle=bundle, **said)  # type: ignore[arg-type]
    told = attrs.evolve(spoken, setup="passive")
    force = SideSecurity(dtls=Dtls(False, PRINT))
    near = Ward(Way.DTLS, told, spoken if heard else None, heard, force=force)
    wards: Wards = (near, Ward(heard=True, types=types))
    stream = Stream(f"call/{number}", number, "rtp", (Stream.pair("203.0.113.1", 20000 + 2 * number, "rtp"),) * 2)
    return Part(stream, wards)


def carried(*parts: Part) -> list[str | None]:
    forces = [each.ward(0).force for each in parts]
    return [None if force is None or force.bundled is None else force.bundled.carrier for force in forces]


def agreed(*parts: Part, tells: bool = True) -> list[Stream]:
    return bundling.answer(parts, [each.stream for each in parts], 0, "203.0.113.1", tells)


def test_the_first_that_a_peer_names_carries() -> None:
    parts = part(0, bundle="1"), part(1, ((96, "vp8/90000"),), bundle="1")
    assert agreed(*parts) == [] and carried(*parts) == ["call/1", ""]
    assert parts[0].told(0).rides and parts[0].told(0).at == parts[1].stream.ours[0].rtp and not parts[1].told(0).rides


def test_two_bundles_are_two() -> None:
    types: list[Types] = [((number, ""),) for number in range(4)]
    parts = [part(number, types[number], bundle="02"[number > 1]) for number in range(4)]
    agreed(*parts)
    assert carried(*parts) == ["", "call/0", "", "call/2"]
    assert [each.told(0).bundle for each in parts] == ["0", "0", "2", "2"]


def test_without_mux_there_is_no_bundle() -> None:
    parts = part(0), part(1, ((96, ""),))
    ward = parts[1].ward(0)
    assert ward.said is not None
    parts[1].put(0, attrs.evolve(ward, said=attrs.evolve(ward.said, mux=False)))
    agreed(*parts)
    assert carried(*parts) == [None, None] and [each.told(0).bundle for each in parts] == ["0", ""]


def test_who_has_not_answered_is_offered_each_for_itself() -> None:
    parts = [part(number, ((number, ""),), bundle="", heard=False) for number in range(2)]
    for each in parts:
        each.tell(0, attrs.evolve(each.told(0), mid=""))
    bundling.offer(parts, [], 0, "203.0.113.1")
    assert [(each.told(0).mid, each.told(0).bundle, each.told(0).rides) for each in parts] == [
        ("0", "0", False),
        ("1", "0", False),
    ]


def test_what_serves_as_a_transport_alone_and_what_is_alone() -> None:
    parts = part(0), part(1, ((96, ""),))
    agreed(*parts)
    for each in parts:
        each.stream.wards = each.wards
    first, second = (each.stream for each in parts)
    assert bundling.carries(first, 0, [first, second]) and not bundling.carries(second, 0, [first, second])
    emptied = bundling.emptied(parts[0].wards, 0)[0].force
    assert emptied is not None and emptied.bundled == Bundled()
    apart = bundling.alone(parts[1].wards)
    assert apart is not None and apart[0].force is not None and apart[0].force.bundled is None
    assert bundling.alone(None) is None
