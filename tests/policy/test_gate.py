"""The gate keeps its promises to the core."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from sbc.interfaces import IPolicy
from sbc.policy.gate import Gate
from tests.rig import make_plan


def test_it_is_a_policy() -> None:
    assert verifyObject(IPolicy, Gate(make_plan("toy")))
