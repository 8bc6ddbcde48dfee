"""What one who has entered may do: open shells, and have a command answered. All else is refused, and told."""

from __future__ import annotations

import struct

import pytest
from twisted.conch.ssh.common import NS

from tests.admin.ssh_client import Client
from tests.admin.test_ssh import KEY, Server, server

__all__ = ["server"]


@pytest.fixture
def inside(server: Server) -> Client:
    client = server.client().begin()
    assert client.by_key(b"anna", KEY) == "success"
    return client


def asked(client: Client, kind: bytes, data: bytes = b"") -> bool:
    channel = client.channel()
    channel.ask(kind, data)
    client.turn(lambda: channel.results, "an answer")
    return channel.results[0]


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (b"exec", NS(b"ls /"), "asked for the command ls /, refused"),
        (b"subsystem", NS(b"sftp"), "asked for the subsystem sftp, refused"),
        (b"env", NS(b"LD_PRELOAD") + NS(b"x"), ""),
        (b"auth-agent-req@openssh.com", b"", ""),
        (b"x11-req", b"\0" + NS(b"a") + NS(b"b") + struct.pack(">L", 0), ""),
        (b"signal", NS(b"KILL"), ""),
    ],
)
def test_nothing_but_a_shell(server: Server, inside: Client, kind: bytes, data: bytes, told: str) -> None:
    assert asked(inside, kind, data) is False
    assert any(line.endswith(told) for line in server.audit())
    assert not [event for event in server.events if event.get("log_failure")]


def answered(client: Client, line: bytes) -> tuple[bytes, int | None]:
    """What a command answers, and its status."""
    channel = client.channel()
    channel.ask(b"exec", NS(line))
    client.turn(lambda: channel.gone or channel.results == [False], "the end of the command")
    assert channel.results == [True]
    return channel.said, channel.status


def test_a_plain_command_is_answered(server: Server, inside: Client) -> None:
    assert answered(inside, b"counters") == (b"counters: fine\n", 0)
    assert answered(inside, b"call nosuch") == (b"call nosuch: no\n", 1)
    assert answered(inside, b"call 'x") == (b"cannot be taken apart: No closing quotation\n", 1)
    said = [line.partition(": ")[2] for line in server.audit()[1:]]
    assert said == ["counters: done", "call nosuch: refused: call nosuch: no", "call 'x: not understood"]


def test_plain_commands_at_the_prompt(inside: Client) -> None:
    shell = inside.shell()
    assert inside.run(shell, "counters") == "counters: fine"
    assert inside.run(shell, "counters()") == "python"


def test_a_session_with_a_command_has_no_shell_and_no_second_command(inside: Client) -> None:
    channel = inside.channel()
    for kind, data in ((b"exec", NS(b"counters")), (b"exec", NS(b"counters")), (b"shell", b"")):
        channel.ask(kind, data)
    inside.turn(lambda: channel.gone, "the end of the command")
    assert channel.results[0] is True and True not in channel.results[1:]
    assert channel.said == b"counters: fine\n"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"direct-tcpip", NS(b"127.0.0.1") + struct.pack(">L", 22) + NS(b"127.0.0.1") + struct.pack(">L", 1)),
        (b"direct-streamlocal@openssh.com", NS(b"/run/x") + NS(b"") + struct.pack(">L", 0)),
        (b"x11", NS(b"127.0.0.1") + struct.pack(">L", 6000)),
        (b"tun@openssh.com", b""),
    ],
)
def test_no_channel_but_a_session(server: Server, inside: Client, kind: bytes, data: bytes) -> None:
    channel = inside.channel(kind, data)
    assert channel.refusal.value == b"sessions only"
    assert any(f"asked for a channel {kind.decode()}, refused" in line for line in server.audit())
    assert not [event for event in server.events if event.get("log_failure")]
    assert inside.run(inside.shell(), "1 + 1") == "2"


def test_no_forwarding_back(server: Server, inside: Client) -> None:
    answers: list[bool] = []
    request = NS(b"127.0.0.1") + struct.pack(">L", 0)
    wanted = inside.connection.sendGlobalRequest(b"tcpip-forward", request, wantReply=1)
    wanted.addCallbacks(lambda _: answers.append(True), lambda _: answers.append(False))
    inside.turn(lambda: answers, "an answer")
    assert answers == [False]
    assert any("asked for tcpip-forward, refused" in line for line in server.audit())


def test_a_shell_without_a_terminal(server: Server, inside: Client) -> None:
    channel = inside.channel()
    channel.write(b"6 * 7\r")  # before there is anybody to read it
    channel.ask(b"shell")
    inside.turn(lambda: b"42" in channel.said, "an answer")
    assert [line.partition(": ")[2] for line in server.audit()[1:]] == ["6 * 7", "6 * 7: done"]


def test_little_is_kept_of_what_is_typed_before_the_shell(server: Server, inside: Client) -> None:
    channel = inside.channel()
    for _ in range(10):
        channel.write(b"'" + b"x" * 1000 + b"'\r")
    channel.ask(b"shell")
    inside.turn(lambda: channel.said.count(b"sbc> ") == 5, "answers")
    assert len([line for line in server.audit() if "xxx" in line and not line.endswith(": done")]) == 4


def test_one_shell_a_session(inside: Client) -> None:
    shell = inside.shell()
    shell.ask(b"shell")
    inside.turn(lambda: len(shell.results) == 3, "an answer")
    assert shell.results == [True, True, False]
    assert inside.run(shell, "1 + 1") == "2"


def test_a_window_may_change_its_size(inside: Client) -> None:
    shell = inside.shell()
    shell.ask(b"window-change", struct.pack(">4L", 200, 50, 0, 0))
    inside.turn(lambda: len(shell.results) == 3, "an answer")
    assert shell.results[-1] is True


@pytest.mark.parametrize("way", ["exit()", "\x04"])
def test_leaving_says_that_all_went_well(inside: Client, way: str) -> None:
    shell = inside.shell()
    shell.write(way.encode() + b"\r")
    inside.turn(lambda: shell.gone, "the end of the session")
    assert shell.status == 0


def test_the_end_of_input_is_the_end_of_the_session(inside: Client) -> None:
    shell = inside.shell()
    shell.write(b"'x' * 200_000\r")
    inside.connection.sendEOF(shell)
    inside.turn(lambda: shell.gone, "the end of the session")
    assert shell.said.count(b"x") >= 200_000  # what was answered has come, however slowly it is read
    assert shell.status == 0


def test_two_shells_are_two_prompts(inside: Client) -> None:
    first, second = inside.shell(), inside.shell()
    assert inside.run(first, "x = 1") == ""
    assert "NameError" in inside.run(second, "x")


def test_nonsense_from_one_who_has_entered_ends_his_connection_alone(server: Server, inside: Client) -> None:
    other = server.client().begin()
    assert other.by_key(b"anna", KEY) == "success"
    shell = other.shell()
    inside.transport.sendPacket(90, b"\xff")
    inside.turn(lambda: inside.lost, "the end")
    assert other.run(shell, "1 + 1") == "2"
