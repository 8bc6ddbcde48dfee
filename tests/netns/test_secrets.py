"""What a call with keys leaves behind, everywhere that anything writes: no secret is in any of it, on either side."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest

from sbc.admin.ctl import main
from tests.certificates import Authority
from tests.netns import secrets
from tests.netns.hearing import wait_media_both_ways
from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import password
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]
SYMMETRIC = (Nat(NatKind.SYMMETRIC),)
RADIUS, CONSOLE = "the secret of radius 8273", "the password of the console 1931"
_INLINE = re.compile(rb"inline:([A-Za-z0-9+/]{16,128}={0,2})")
_MORE = """
sqlite = "cdr.sqlite"
interim = 1.0
[accounting]
book = "accounts.sqlite"
interim = 1.0
attempts = true
[accounting.csv]
file = "usage.csv"
[accounting.radius]
servers = ["{radius}:1813"]
secret_file = "{files}/radius.secret"
timeout = 0.3
tries = 1
rest = 30.0
[console]
listen = "127.0.0.1:2222"
password_file = "{files}/console.passwd"
host_key = "host_key"
[metrics]
listen = "127.0.0.1:9464"
[media]
engine = "{engine}"
[store]
sqlite = "state.sqlite"
"""


def config(engine: str, sealed: bool, files: Path) -> str:
    """Keys on both sides, in signalling that whoever runs the test can read; and all that writes anything, writes."""
    hashed = bcrypt.hashpw(CONSOLE.encode(), bcrypt.gensalt(10)).decode()
    for name, text in (("radius.secret", RADIUS), ("console.passwd", f"admin:{hashed}\n")):
        (files / name).write_text(text)
        (files / name).chmod(0o600)
    extra = (secrets.LEAVES + _MORE).format(radius=FIRST.softswitch_address, files=files, engine=engine)
    extra += 'key_file = "store.key"\n' if sealed else ""
    certificate, key = Authority(files).sign("sbc", FIRST.sbc_access)
    extra += f'[realms.access.tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    toml = sbc_config(access=("udp", "tls"), extra=extra)
    for realm in ("access", "core"):
        toml = toml.replace(f"[realms.{realm}]\n", f'[realms.{realm}]\nmedia_security = "optional"\n')
        toml += f"[realms.{realm}.srtp]\nsdes_over_clear = true\n"
    return toml


@pytest.mark.parametrize(("engine", "sealed"), [("native", True), ("twisted", False)])
def test_nothing_that_a_call_leaves_behind_holds_a_secret(
    make_scene: MakeScene, tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str, sealed: bool
) -> None:
    stage = make_scene(one_pair(SYMMETRIC, SYMMETRIC), toml=config(engine, sealed, tmp_path))
    assert stage.sbc is not None
    folder, sbc = stage.sbc.config.parent, stage.lab.host("sbc")
    wires = [sbc.capture(segment) for segment in ("access", "core")]
    alice = stage.baresip("phone-a", "alice", more="module srtp.so\n", secured="mediaenc=srtp-mand")
    bob = stage.baresip("phone-b", "bob", more="module srtp.so\n", secured="mediaenc=srtp")
    for phone in (alice, bob):
        phone.wait_registered()
    here = stage.lab.host("phone-a").capture()
    alice.dial("bob")
    alice.wait_event("CALL_ESTABLISHED")
    wait_media_both_ways(here)
    shown = console(stage, capsys)
    assert all(side["security"].startswith("sdes AES") for side in sides(stage, capsys)), "keys on every side"
    entered = [ssh(stage, said) for said in (CONSOLE, "a guess")]
    scraped = scrape(stage)
    kept = secrets.of_store(folder / "state.sqlite", folder / "store.key", tmp_path) if sealed else set()
    alice.hangup()
    bob.wait_event("CALL_CLOSED")
    here.stop()
    for wire in wires:
        wire.stop()
    wait_for(lambda: read(folder, "cdr.json").count(b"\n") >= 2, what="the records of both calls")
    wait_for(lambda: read(folder, "usage.csv").count(b"\n") >= 2, what="the volumes")
    keys = {found for wire in wires for each in wire.packets for found in _INLINE.findall(each.payload)}
    assert len(keys) >= 8, "alice's, bob's, and ours to each and between, for each suite that is offered"
    hidden = kept | {form for key in keys for form in both_forms(key)}
    hidden |= secrets.of_digests(each.data for wire in wires for each in wire.sip_messages())
    hidden |= {each.encode() for each in (RADIUS, CONSOLE, password("alice"), password("bob"))}
    hidden |= private_key(tmp_path / "sbc.key")
    left = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file() and is_left(each)}
    left |= {"log": stage.sbc.process.output().encode(), "console": shown, "metrics": scraped, "ssh": b"".join(entered)}
    names = {"cdr.json", "cdr.sqlite", "usage.csv", "accounts.sqlite", "audit.log", "state.sqlite", "log"}
    assert names <= set(left), "what is looked through is there"
    assert shown.count(b"AES_CM_128_HMAC_SHA1_80 ***") >= 8, "the messages are shown, and their keys are not"
    assert b"sbc_events_total" in scraped and b"remembered" in entered[0] and b"Permission denied" in entered[1], (
        entered
    )
    assert b'"means": "password"' in left["audit.log"], "who entered by it stands there"
    assert secrets.leaks(left, hidden) == []


def is_left(file: Path) -> bool:
    """Whether it is something that the SBC writes, and no secret of its own."""
    return file.suffix in (".json", ".csv", ".log") or ".sqlite" in file.name


def read(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes() if (folder / name).exists() else b""


def both_forms(key: bytes) -> set[bytes]:
    """A key as it stands in SDP, and its octets."""
    text = key.rstrip(b"=")
    return {text, secrets.base64.b64decode(text + b"=" * (-len(text) % 4))}


def private_key(file: Path) -> set[bytes]:
    """The lines of a key in PEM."""
    return {line.encode() for line in file.read_text().splitlines() if len(line) > 40}


def ask(stage: Scene, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert stage.sbc is not None
    assert main(["ctl", "--config", str(stage.sbc.config), *words]) == 0  # type: ignore[union-attr]
    return capsys.readouterr().out


def sides(stage: Scene, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    rows = json.loads(ask(stage, capsys, "--json", "streams"))
    return [side for row in rows for side in row["sides"]]


def console(stage: Scene, capsys: pytest.CaptureFixture[str]) -> bytes:
    """All that the console says of the calls."""
    calls = [row["id"] for row in json.loads(ask(stage, capsys, "--json", "calls"))]
    about = [
        each for call in calls for each in (("call", call), ("trace", call), ("trace", call, "--full"), ("why", call))
    ]
    about += [(word,) for word in ("streams", "usage", "bindings", "media", "counters")]
    return "".join(ask(stage, capsys, *way, *words) for words in about for way in ((), ("--json",))).encode()


def ssh(stage: Scene, said: str) -> bytes:
    """Enter the console with that password. What is answered."""
    script = stage.lab.directory / "askpass"
    script.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        echo '{said}'
        """)
    )
    script.chmod(0o700)
    command = ["env", f"SSH_ASKPASS={script}", "SSH_ASKPASS_REQUIRE=force", "ssh", "-F", "none", "-p", "2222"]
    for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "NumberOfPasswordPrompts=1"):
        command += ["-o", option]
    out = stage.lab.host("sbc").run([*command, "admin@127.0.0.1"], check=False, stdin="status\nexit\n")
    script.unlink()
    return out.encode()


def scrape(stage: Scene) -> bytes:
    with stage.lab.host("sbc").tcp("127.0.0.1", 9464) as there:
        there.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
        there.settimeout(10)
        return b"".join(iter(lambda: there.recv(65_536), b""))
