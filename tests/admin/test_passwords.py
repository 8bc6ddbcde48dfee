"""The password file: what is written can be read, what is wrong is not shown, and strangers learn nothing."""

from __future__ import annotations

import time

import bcrypt
import pytest

from sbc.admin.passwords import LONGEST, Passwords, password_line

CHEAP = 10
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def line() -> str:
    return password_line("alice", PASSWORD, CHEAP)


def test_a_line_holds_the_user_and_a_bcrypt_hash_of_the_password(line: str) -> None:
    user, _, hashed = line.partition(":")
    assert user == "alice"
    assert bcrypt.checkpw(PASSWORD.encode(), hashed.encode())
    assert PASSWORD not in line
    assert line.isprintable()


def test_the_same_password_makes_another_line_each_time(line: str) -> None:
    assert password_line("alice", PASSWORD, CHEAP) != line


@pytest.mark.parametrize("user", ["", "a:b", "a b", "a\nb", "é", "x" * 65, "#x"])
def test_a_name_that_would_not_be_read_back_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match="cannot be a user's name"):
        password_line(user, PASSWORD, CHEAP)


@pytest.mark.parametrize("password", ["", "brief", "x" * (LONGEST + 1), "é" * LONGEST, "with \0 in it"])
def test_a_password_that_will_not_do_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ValueError, match=r"the password is too (short|long)") as caught:
        password_line("alice", password, CHEAP)
    assert not password or password not in str(caught.value)


def test_the_right_password_and_no_other_is_let_in(line: str) -> None:
    passwords = Passwords.parse(["# who may enter", "", line, password_line("bob", "another one", CHEAP)])
    assert passwords.check(b"alice", PASSWORD.encode())
    assert passwords.check(b"bob", b"another one")
    for user, password in (
        (b"alice", b"another one"),
        (b"alice", b""),
        (b"Alice", PASSWORD.encode()),
        (b"carol", PASSWORD.encode()),
        (b"", b""),
        (b"alice\xff", PASSWORD.encode()),
    ):
        assert not passwords.check(user, password)


def test_nobody_is_let_in_by_an_empty_file() -> None:
    assert not Passwords.parse([]).check(b"alice", b"")


def test_octets_that_bcrypt_would_not_look_at_are_refused() -> None:
    passwords = Passwords.parse([password_line("alice", "x" * LONGEST, CHEAP)])
    assert passwords.check(b"alice", b"x" * LONGEST)
    assert not passwords.check(b"alice", b"x" * (LONGEST + 1))
    assert not passwords.check(b"alice", b"x" * LONGEST + b"\0")
    assert not passwords.check(b"alice", b"x" * 1_000_000)


def test_an_unknown_user_costs_as_much_as_a_wrong_password(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []
    real = bcrypt.checkpw

    def checkpw(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    passwords = Passwords.parse([line])
    for user, password in ((b"alice", b"wrong"), (b"carol", b"wrong"), (b"alice", b"x" * 100), (b"carol", b"\0")):
        passwords.check(user, password)
    assert [hashed[:7] for hashed in checked] == [b"$2b$10$"] * 4


def test_a_check_lets_other_threads_run(line: str) -> None:
    from threading import Thread

    passwords = Passwords.parse([line])
    worker = Thread(target=lambda: [passwords.check(b"alice", b"wrong") for _ in range(4)])
    turns = 0
    worker.start()
    while worker.is_alive():
        time.sleep(0.001)
        turns += 1
    worker.join()
    assert turns > 10  # a hash that kept the interpreter would give us a turn after each check, four in all


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("alice", "line 2 holds no bcrypt hash"),
        ("alice:secret", "line 2 holds no bcrypt hash"),
        (":$2b$10$" + "a" * 53, "line 2 does not begin with a user's name"),
        ("al ice:$2b$10$" + "a" * 53, "line 2 does not begin with a user's name"),
        ("alice:$2b$10$" + "a" * 52, "line 2 holds no bcrypt hash"),
        ("alice:$2b$10$" + "a" * 53 + " ", None),
        ("alice:$2b$04$" + "a" * 53, "line 2: the hash's cost is 04, not 10 to 16"),
        ("alice:$2b$31$" + "a" * 53, "line 2: the hash's cost is 31, not 10 to 16"),
        ("alice:$1$salt$hash", "line 2 holds no bcrypt hash"),
    ],
)
def test_what_is_wrong_is_said_by_line_and_not_shown(bad: str, said: str | None) -> None:
    if said is None:
        Passwords.parse(["", bad])
        return
    with pytest.raises(ValueError, match=said) as caught:
        Passwords.parse(["", bad])
    assert "secret" not in str(caught.value)
    assert "aaaa" not in str(caught.value)


def test_a_user_named_twice_is_a_fault(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 names a user a second time"):
        Passwords.parse([line, line])
