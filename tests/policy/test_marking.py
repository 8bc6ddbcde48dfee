"""What is marked how: by what it is, whose call it is of, and what it came with."""

from __future__ import annotations

import pytest

from sbc.core.orders import OWN, UNSET
from sbc.policy.marking import NAMES, Classes, Incoming, Mapped, Mark, Marks, Medium, Urgency, passed, word

NORMAL, PRIORITY, EMERGENCY = Urgency
PLAIN = Marks(signalling=Mark(24), media=Mark(46, 5), video=Mark(34))
PARTICULAR = Marks(
    signalling=Mark(24),
    media=Mark(46, 5),
    video=Mark(34),
    priority=Classes(signalling=Mark(40)),
    emergency=Classes(media=Mark(44)),
)


def test_nothing_is_marked_that_nothing_is_said_of() -> None:
    assert Marks().signalling_of(EMERGENCY) == Marks().media_of(NORMAL, Medium.FAX) == Mark(0, UNSET)


@pytest.mark.parametrize("urgency", list(Urgency))
def test_what_is_said_of_media_is_said_of_each_kind_but_those_of_which_more_is_said(urgency: Urgency) -> None:
    found = [PLAIN.media_of(urgency, medium) for medium in (Medium.AUDIO, Medium.VIDEO, Medium.FAX)]
    assert found == [Mark(46, 5), Mark(34), Mark(46, 5)]
    assert PLAIN.signalling_of(urgency) == Mark(24)
    assert not PLAIN.differs


@pytest.mark.parametrize(
    ("urgency", "signalling", "audio", "video"),
    [
        (NORMAL, Mark(24), Mark(46, 5), Mark(34)),
        (PRIORITY, Mark(40), Mark(46, 5), Mark(34)),
        (EMERGENCY, Mark(40), Mark(44), Mark(44)),
    ],
)
def test_urgent_calls_have_what_is_said_of_them_and_of_less_urgent_ones(
    urgency: Urgency, signalling: Mark, audio: Mark, video: Mark
) -> None:
    assert PARTICULAR.signalling_of(urgency) == signalling
    assert PARTICULAR.media_of(urgency, Medium.AUDIO) == audio
    assert PARTICULAR.media_of(urgency, Medium.VIDEO) == video
    assert PARTICULAR.differs


def test_what_arrives_is_forgotten_kept_or_mapped() -> None:
    assert Marks().table == b""
    assert list(Marks(incoming=Incoming.KEEP).table) == list(range(64))
    table = Marks(incoming=Incoming.MAP, map=(Mapped(40, 46), Mapped(8, 0))).table
    assert {dscp: leaves for dscp, leaves in enumerate(table) if leaves != OWN} == {40: 46, 8: 0}


def test_marks_are_told_by_their_names() -> None:
    assert (str(Mark(46, 5)), str(Mark(46)), str(Mark(0)), str(Mark(5))) == ("ef/5", "ef", "df", "5")
    assert str(Mapped(40, 26)) == "cs5=af31"
    assert {NAMES[word(dscp)] for dscp in NAMES.values()} == set(NAMES.values())


@pytest.mark.parametrize("incoming", list(Incoming))
def test_what_becomes_of_marks_is_told_by_the_table(incoming: Incoming) -> None:
    assert passed(Marks(incoming=incoming, map=(Mapped(40, 46),)).table) is incoming
