"""What a scanner in the access realm learns of the SBC and of those behind it: sipvicious' svmap, svwar, svcrack."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.sip import SipMessage, token, uri_of
from tests.netns.softswitch import DOMAIN, password
from tests.netns.talk import talk
from tests.netns.test_sip_calls import ACCESS_SIDE, CORE_SIDE, assert_hidden, connected, registered
from tests.netns.topology import FIRST, home, one_pair
from tests.netns.waiting import wait_for

SCANNER = "203.0.113.66"
USERS = ("alice", "bob", "nobody", "1000")
PROGRAMS = Path(sys.executable).parent

# which softswitch it is; the table belongs to the path, which stands before it
NO_PRODUCT = """
[[paths.sip.rules]]
direction = "to-access"
messages = "all"
header = "Server"
action = "remove"
"""

RULES = f"""
[[realms.{FIRST.access}.rules]]
name = "scanners"
action = "drop"
agents = ["friendly-scanner*"]
[[realms.{FIRST.access}.rules]]
name = "no-lists"
action = "reject"
methods = ["REGISTER"]
callers = ["nobody*", "1000*"]
"""

UNGUARDED = f"[realms.{FIRST.access}.flood]\nenabled = false\n"
"""What it would learn of an SBC that does not ban it."""

pytestmark = pytest.mark.skipif(
    shutil.which("sipvicious_svmap", path=str(PROGRAMS)) is None, reason="needs sipvicious from PyPI"
)


def scan(stage: Scene, program: str, *options: str) -> str:
    """Run one of the suite's programs at the scanner's host; what it says."""
    argv = ["env", f"HOME={stage.lab.directory}", str(PROGRAMS / f"sipvicious_{program}"), "-v", "-v", *options]
    return stage.lab.host("phone-x").run([*argv, FIRST.sbc_access], timeout=120.0, check=False)


def words(stage: Scene, *lines: str) -> str:
    """A file of words for a program to try."""
    file = stage.lab.directory / f"words-{token()}"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def test_what_scanners_learn(make_scene: Callable[..., Scene]) -> None:
    """No address of the core, no difference of the SBC's own between who is registered and who is not; its users'
    calls go on. And once rules are against it nothing at all."""
    toml = sbc_config(FIRST, extra_realm=NO_PRODUCT + UNGUARDED)
    stage = make_scene(one_pair() + home("x", SCANNER, nats=()), toml=toml)
    assert stage.sbc is not None
    at_scanner = stage.lab.host("phone-x").capture()
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    domain = ("--domain", DOMAIN)
    scans = {method: ("svmap", "-m", method) for method in ("OPTIONS", "INVITE", "REGISTER")}
    singly = [(method, (user,)) for method in ("REGISTER", "INVITE") for user in USERS]  # a challenge makes it give up
    for method, users in [*singly, ("OPTIONS", USERS)]:
        scans[f"svwar {method} {users}"] = ("svwar", "-d", words(stage, *users), "-m", method, "--force", *domain)
    guesses = words(stage, "guess", "1234", f"{password('bob')}x")
    scans["svcrack"] = ("svcrack", "--maximumtime", "2", "-u", "alice", "-d", guesses, *domain)
    with ThreadPoolExecutor(8) as pool:  # they mostly wait
        found = dict(zip(scans, pool.map(lambda each: scan(stage, *each), scans.values()), strict=True))
    print("\n".join(f"== {name}\n{said}" for name, said in found.items()))
    assert "The extension has been found" not in found["svcrack"] and "cracked" not in found["svcrack"]

    call, answered = connected(alice, bob)
    assert talk(call, answered, packets=10, reports=1).whole, "the phones of its users are as they were"
    assert call.bye().status == 200

    others = [address for address in (*ACCESS_SIDE, *CORE_SIDE) if address != FIRST.sbc_access]
    assert_hidden(at_scanner, {SCANNER, FIRST.sbc_access}, others)
    assert not at_scanner.find(b"kamailio")
    told = [seen.message for seen in at_scanner.sip_messages(src=FIRST.sbc_access)]
    assert {m.status for m in told if "sbc" in m.get("warning")} == set(), "the SBC has refused nothing by itself"
    answers = {(m.method, user_of(m)): m.status for m in told if m.status > 100 and user_of(m) in USERS}
    for method in ("REGISTER", "INVITE"):  # whoever is asked for, and registered or not: the softswitch's challenge
        assert {answers[method, user] for user in USERS} == {401 if method == "REGISTER" else 407}, method
    # a request without challenge reaches whom it asks for: that the softswitch lets it is the softswitch's decision
    assert {user: answers["OPTIONS", user] for user in USERS} == {"alice": 200, "bob": 200, "nobody": 404, "1000": 404}

    stage.sbc.reload(toml.replace(UNGUARDED, UNGUARDED + RULES))
    heard = len(at_scanner.sip_messages(src=FIRST.sbc_access))
    again = [("svmap", "-m", "OPTIONS"), ("svwar", "-d", words(stage, *USERS), "-m", "INVITE", "--force", *domain)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: scan(stage, *each), again))
    wait_for(lambda: "dropped-rule" in stage.sbc.process.output(), 20.0, "a rule's decision in the log")
    assert len(at_scanner.sip_messages(src=FIRST.sbc_access)) == heard, "it hears nothing any more"
    call, answered = connected(alice, bob)
    assert call.bye().status == 200


def user_of(message: SipMessage) -> str:
    return uri_of(message.get("to")).removeprefix("sip:").partition("@")[0]


def test_scanners_are_banned_and_phones_call(make_scene: Callable[..., Scene]) -> None:
    """By default, that is. They hear nothing at all."""
    stage = make_scene(one_pair() + home("x", SCANNER, nats=()), toml=sbc_config(FIRST))
    assert stage.sbc is not None
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    at_scanner = stage.lab.host("phone-x").capture()
    scans: list[tuple[str, ...]] = [("svmap", "-m", method) for method in ("OPTIONS", "REGISTER", "INVITE")]
    scans.append(("svwar", "-d", words(stage, *USERS), "-m", "REGISTER", "--force", "--domain", DOMAIN))
    with ThreadPoolExecutor(4) as pool:  # they mostly wait
        found = list(pool.map(lambda each: scan(stage, *each), scans))
    assert not at_scanner.sip_messages(src=FIRST.sbc_access), found
    wait_for(lambda: "banned: it calls itself" in stage.sbc.process.output(), 20.0, "the ban in the log")
    call, answered = connected(alice, bob)
    assert talk(call, answered, packets=10, reports=1).whole
    assert call.bye().status == 200


def test_who_floods_with_calls_is_banned_and_phones_call(make_scene: Callable[..., Scene]) -> None:
    """sipp, two hundred calls a second from one port, of a stranger who may call where it is."""
    stage = make_scene(one_pair() + home("x", SCANNER, nats=()), toml=sbc_config(FIRST))
    assert stage.sbc is not None
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    at_core = stage.lab.host("softswitch").capture()
    options = ("-sn", "uac", "-r", "200", "-p", "5060", "-i", SCANNER, "-timeout", "30s", "-nostdin")
    flood = stage.lab.host("phone-x").popen(["sipp", FIRST.sbc_access, *options], log="flood")
    said = re.compile(rf"banned: [^\n]*{re.escape(SCANNER)}|{re.escape(SCANNER)}:5060[^\n]*banned")
    wait_for(lambda: said.search(stage.sbc.process.output()), 20.0, "the ban in the log")
    call, answered = connected(alice, bob)
    assert talk(call, answered, packets=10, reports=1).whole
    assert call.bye().status == 200
    assert flood.running, "it goes on all the time"
    flood.stop(patience=5.0)
    wait_for(lambda: any("bob" in each.message.get("to") for each in at_core.sip_messages()), 20.0, "the call there")
    crossed = {m.get("call-id") for m in (each.message for each in at_core.sip_messages()) if "service@" in m.get("to")}
    assert len(crossed) <= 25, "of hundreds no more than may come at once"
