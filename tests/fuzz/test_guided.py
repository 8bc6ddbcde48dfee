"""What the guided fuzzing begins with and what it has found, through every target; and that it runs, where it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import guided, targets
from tests.fuzz.conversations import DIVIDER, conversations
from tests.fuzz.mutate import KEPT
from tests.fuzz.targets import TARGETS, seeds_of

FOUND = sorted(path for path in KEPT.iterdir() if path.suffix in (".bin", ".talk"))


@pytest.mark.parametrize("target", TARGETS)
def test_seeds(target: str) -> None:
    for data in seeds_of(target):
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_kept(path: Path, target: str) -> None:
    TARGETS[target](path.read_bytes())


def test_what_is_heard_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The holes of a conversation are filled, each by what the border has really sent."""
    said: list[bytes] = []
    fill = targets._filled

    def listen(*arguments: Any) -> bytes:
        said.append(fill(*arguments))
        return said[-1]

    monkeypatch.setattr(targets, "_filled", listen)
    for scene in conversations():
        assert DIVIDER in scene
        targets.converse(scene)
    assert len(said) > 80
    assert b"nothing" not in said


@pytest.mark.slow
def test_guided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("atheris", reason="needs atheris, which bin/setup installs where it can be had")
    monkeypatch.setattr(guided, "CORPUS", tmp_path)
    found = guided.run(seconds=60, runs=600, seed=1)
    assert set(found) == set(TARGETS)
    assert not {target: said[-3000:] for target, (status, said) in found.items() if status or "Done 6" not in said}
