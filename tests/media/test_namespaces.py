"""Being in another network namespace, for as long as it takes to make a socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sbc.media import namespaces
from sbc.media.namespaces import inside, made_in
from tests.namespaces import NEED, namespace

pytestmark = NEED


@pytest.fixture(scope="module")
def red() -> Iterator[str]:
    with namespace() as path:
        yield path


def here() -> str:
    return os.readlink("/proc/thread-self/ns/net")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_socket_stays_where_it_was_made(red: str) -> None:
    home = here()
    with (
        made_in(red, socket.AF_INET, socket.SOCK_DGRAM) as there,
        made_in("", socket.AF_INET, socket.SOCK_DGRAM) as own,
    ):
        assert here() == home
        there.bind(("127.0.0.1", 0))
        own.bind(there.getsockname())  # the same address, and nobody is in the way
        own.settimeout(0.0)
        there.sendto(b"to itself", own.getsockname())
        assert there.recv(100) == b"to itself"
        with pytest.raises(BlockingIOError):
            own.recv(100)


def test_whatever_happens_there_the_thread_is_back(red: str) -> None:
    home, before = here(), descriptors()
    with pytest.raises(ZeroDivisionError), inside(red):
        assert here() == os.readlink(red) != home
        1 / 0  # noqa: B018
    with pytest.raises(OSError, match="Address family"):
        made_in(red, 9999, socket.SOCK_DGRAM)
    with inside(""):
        assert here() == home
    assert (here(), descriptors()) == (home, before)


@pytest.mark.parametrize(
    ("name", "why"),
    [("none", "there is no such namespace"), ("file", "is no network namespace"), ("file/under", "no such namespace")],
)
def test_what_is_no_namespace(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    home, before = here(), descriptors()
    with pytest.raises(OSError, match=why) as caught:
        made_in(str(tmp_path / name), socket.AF_INET, socket.SOCK_DGRAM)
    assert caught.value.strerror.startswith(f"namespace {tmp_path / name}: ")
    assert (here(), descriptors()) == (home, before)


def test_a_namespace_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="is no network namespace"):
        made_in("/proc/self/ns/uts", socket.AF_INET, socket.SOCK_DGRAM)


def test_without_the_privilege_it_is_said_what_it_takes(red: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = descriptors()
    monkeypatch.setattr(namespaces, "_setns", lambda there: 1)  # EPERM
    with pytest.raises(PermissionError, match=r"Operation not permitted \(it takes CAP_SYS_ADMIN\)"):
        made_in(red, socket.AF_INET, socket.SOCK_DGRAM)
    assert descriptors() == before


def test_a_thread_that_cannot_come_back_ends_the_process(
    red: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Aborted(BaseException):
        pass

    def abort() -> None:
        raise Aborted

    answers = iter([0, 1])  # in, and not out again
    monkeypatch.setattr(namespaces, "_setns", lambda there: next(answers))
    monkeypatch.setattr(os, "abort", abort)
    with pytest.raises(Aborted), inside(red):
        pass
    assert "the way back from a network namespace fails" in capfd.readouterr().err
