"""Header rules: what they do to lines, that the message stays one, and on which messages of a call they work."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.config.faults import Findings
from sbc.core.message import BadMessage
from sbc.sip.codec import decode
from sbc.sip.dialect import SipDialect
from sbc.sip.options import read
from sbc.sip.rules import Rule, apply
from tests.corpora import corpus
from tests.rig import PHONE, SOFTSWITCH, Rig, make_plan, sends
from tests.sip_messages import answer, header, inside, invite, request


def rule(action: str, name: str = "User-Agent", **more: Any) -> Rule:
    findings = Findings("x")
    direction = more.pop("direction", "to-core")
    table = {"direction": direction, "header": name, "action": action} | more
    options = read({"rules": [table]}, "p", findings)
    assert not findings.faults, [*map(str, findings)]
    (only,) = options.rules.to_core + options.rules.to_access
    return only


ASKED = invite(PHONE).replace(b"CSeq:", b"User-Agent: Phone/1.2\r\nuser-agent:\r\n  folded\r\nX: y\r\nCSeq:")


def after(*rules: Rule, data: bytes = ASKED) -> bytes:
    changed = apply(rules, data)
    decode(changed)
    return changed


def test_what_no_rule_speaks_of_stays_to_the_octet() -> None:
    assert after(rule("remove", "Subject")) == ASKED
    assert after(rule("remove", methods=["BYE"])) == ASKED
    assert after(rule("remove", messages="replies")) == ASKED
    assert after(rule("replace", match="Other*", value="x")) == ASKED


def test_lines_are_taken_out_all_of_them_or_those_that_fit() -> None:
    assert after(rule("remove")) == ASKED.replace(b"User-Agent: Phone/1.2\r\nuser-agent:\r\n  folded\r\n", b"")
    assert after(rule("remove", match="PHONE/*")) == ASKED.replace(b"User-Agent: Phone/1.2\r\n", b"")
    assert after(rule("remove", match="folded")) == ASKED.replace(b"user-agent:\r\n  folded\r\n", b"")


def test_values_are_written_anew_with_what_the_stars_stood_for() -> None:
    changed = after(rule("replace", match="phone/*.*", value="{1}-{2} ({0})"))
    assert changed == ASKED.replace(b"User-Agent: Phone/1.2\r\n", b"User-Agent: 1-2 (Phone/1.2)\r\n")


def test_lines_are_added_after_the_others() -> None:
    changed = after(rule("add", "X-Trunk", value="north"))
    assert changed == ASKED.replace(b"\r\n\r\n", b"\r\nX-Trunk: north\r\n\r\n", 1)


def test_each_rule_sees_what_the_one_before_has_left() -> None:
    rules = (rule("remove"), rule("add", value="a"), rule("add", value="b"), rule("replace", match="a", value="{0}{0}"))
    changed = after(*rules, rule("remove", match="b"))
    assert [line for line in changed.split(b"\r\n") if line.startswith(b"User-Agent")] == [b"User-Agent: aa"]


def test_compact_names_are_the_same_headers() -> None:
    assert after(rule("remove", "Subject"), data=ASKED.replace(b"X: y", b"s: y")) == ASKED.replace(b"X: y\r\n", b"")
    assert b"\r\nk: 100rel\r\n" in after(rule("add", "k", value="100rel"))


def test_a_message_of_bare_line_feeds_stays_one() -> None:
    data = ASKED.replace(b"\r\n", b"\n").replace(b"Content-Length", b"X-Length")
    assert b"\nX-Trunk: n\n\n" in after(rule("add", "X-Trunk", value="n"), data=data)


def test_what_is_no_message_stays_what_it_is() -> None:
    assert apply((rule("remove"),), b"INVITE\r\n") == b"INVITE\r\n"


SAMPLES = [ASKED, answer(ASKED, SOFTSWITCH.host), request(b"MESSAGE", b"sip:x@y.example", PHONE)]
SAMPLES += [data for _, data in corpus("sip/real", "*.sip") + corpus("sip/rfc4475", "*.dat")]

actions = st.one_of(
    st.builds(
        lambda name: rule("remove", name), st.sampled_from(["User-Agent", "Supported", "Allow", "Subject", "X-Y"])
    ),
    st.builds(
        lambda name, value: rule("add", name, value=value),
        st.sampled_from(["User-Agent", "k", "X-Y"]),
        st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20).filter(
            lambda text: "{" not in text
        ),
    ),
    st.builds(
        lambda name, match, value: rule("replace", name, match=match, value=value),
        st.sampled_from(["User-Agent", "Supported", "Allow", "Server", "P-Asserted-Identity"]),
        st.sampled_from(["*", "*1*", "a*", "*, *"]),
        st.sampled_from(["{0}", "{1}", "{1}{1}", "x", ",;<>\"'"]),
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SAMPLES), st.lists(actions, max_size=5))
def test_whatever_rules_do_to_whatever_message_it_stays_the_same_message(data: bytes, rules: list[Rule]) -> None:
    """Start line, body, and every header that no rule speaks of are the same octets in the same order."""
    try:
        before = decode(data)
    except BadMessage:
        assert apply(rules, data) == data
        return
    changed = decode(apply(rules, data))
    meant = {each.header for each in rules}

    def rest(message: Any) -> list[bytes]:
        return [line for name, line in zip(message.names, message.lines, strict=True) if name not in meant]

    assert rest(changed) == rest(before)
    assert changed.data[changed.body_start : changed.body_end] == before.data[before.body_start : before.body_end]
    assert changed.data[: changed.headers_start] == before.data[: before.headers_start]


# -- in a call


def rig(**tables: Any) -> Rig:
    findings = Findings("x")
    options = read(tables, "p", findings)
    assert not findings.faults, [*map(str, findings)]
    return Rig.make(SipDialect(), make_plan("sip", options={"sip": options}))


def of_rule(direction: str, action: str, name: str = "User-Agent", **more: Any) -> dict[str, Any]:
    return {"direction": direction, "header": name, "action": action} | more


def test_rules_work_on_what_goes_out_each_way_by_its_own() -> None:
    made = rig(
        rules=[
            of_rule("to-core", "add", "X-From", value="access"),
            of_rule("to-core", "replace", "P-Preferred-Identity", match="*@*>", value="{1}@trunk.example>"),
            of_rule("to-access", "remove", "Server", messages="replies"),
            of_rule("to-access", "add", "X-From", value="core", messages="all"),
        ]
    )
    asked = invite(PHONE).replace(b"CSeq:", b"P-Preferred-Identity: <sip:a@192.168.1.10>\r\nCSeq:")
    (sent,) = sends(made.from_access(asked), "core")
    assert header(sent, b"X-From") == b"access"
    assert header(sent, b"P-Preferred-Identity") == b"<sip:a@trunk.example>"
    ok = answer(sent, SOFTSWITCH.host).replace(b"CSeq:", b"Server: switch/9\r\nCSeq:")
    *_, back = sends(made.from_core(ok), "access")
    assert b"Server" not in back and header(back, b"X-From") == b"core"
    (ack,) = sends(made.from_access(inside(asked, back, b"ACK", 1)), "core")
    assert header(ack, b"X-From") == b"access"
    again = sends(made.from_access(asked), "access")
    assert again == [back]  # the stored answer is what went out


def test_what_a_rule_has_made_too_long_is_refused() -> None:
    made = rig(rules=[of_rule("to-core", "replace", "Subject", match="*", value="{1}{1}{1}")])
    asked = invite(PHONE).replace(b"CSeq:", b"Subject: " + b"x" * 4000 + b"\r\nCSeq:")
    orders = made.from_access(asked)
    assert not sends(orders, "core") and sends(orders, "access")[0].startswith(b"SIP/2.0 501 ")
    made.wait(200)
    assert not made.border.registry.calls


@pytest.mark.parametrize("method", [b"MESSAGE", b"OPTIONS", b"PUBLISH"])
def test_rules_are_for_their_methods(method: bytes) -> None:
    made = rig(rules=[of_rule("to-core", "add", "X-From", value="a", methods=["MESSAGE"])])
    (sent,) = sends(made.from_access(request(method, b"sip:bob@sbc.example.com", PHONE)), "core")
    assert (b"X-From" in sent) == (method == b"MESSAGE")
