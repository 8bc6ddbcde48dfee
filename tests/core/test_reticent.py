"""What is said for protocols that have nothing to say: mostly nothing, and what comes stays as it is."""

from __future__ import annotations

import inspect

from sbc.core.message import Ending, Place, Role, Slot
from sbc.core.reticent import Reticent
from sbc.interfaces import IDialect
from tests.rig import NAT

SAYS_NOTHING = Reticent()


def test_its_functions_are_those_of_a_dialect() -> None:
    for name, function in inspect.getmembers(Reticent, inspect.isfunction):
        taken = list(inspect.signature(function).parameters)[1:]
        assert taken == list(IDialect[name].positional), name


def test_what_comes_stays_as_it_is() -> None:
    assert SAYS_NOTHING.parts(b"one") == (b"one",)
    assert SAYS_NOTHING.in_name_of(b"answer", b"known", NAT) == b"answer"
    assert SAYS_NOTHING.complete("message", None) == "message"
    assert SAYS_NOTHING.moved(b"sent", "tcp", NAT) == b"sent"
    assert SAYS_NOTHING.strip("message", ()), "something of it is left that is to cross"


def test_nothing_is_said() -> None:
    assert SAYS_NOTHING.remarks("message") == ()
    assert not SAYS_NOTHING.secure("message", Slot(Role.RTP, Place(NAT), None), None)
    assert SAYS_NOTHING.word(Ending.NORMAL) == ""
    assert SAYS_NOTHING.keep(b"answer") == b""
    assert SAYS_NOTHING.pending("message", NAT) is None
    assert SAYS_NOTHING.give_back(b"sent", None, b"token") is None
