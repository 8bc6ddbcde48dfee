"""The extension modules: in C, and if SBC_COMPILE=1 asks for it some of ours in Python. All else is in setup.cfg."""

import os
import sys

from setuptools import Extension, setup

COMPILED = [
    "sbc/core/account.py",
    "sbc/core/admission.py",
    "sbc/core/admitted.py",
    "sbc/core/agreeing.py",
    "sbc/core/ahead.py",
    "sbc/core/asking.py",
    "sbc/core/beside.py",
    "sbc/core/binding.py",
    "sbc/core/border.py",
    "sbc/core/bound.py",
    "sbc/core/bundling.py",
    "sbc/core/call.py",
    "sbc/core/control.py",
    "sbc/core/crossing.py",
    "sbc/core/crowd.py",
    "sbc/core/described.py",
    "sbc/core/doors.py",
    "sbc/core/drain.py",
    "sbc/core/exchange.py",
    "sbc/core/failover.py",
    "sbc/core/front.py",
    "sbc/core/gating.py",
    "sbc/core/hops.py",
    "sbc/core/intent.py",
    "sbc/core/keepalive.py",
    "sbc/core/keys.py",
    "sbc/core/late.py",
    "sbc/core/leave.py",
    "sbc/core/local.py",
    "sbc/core/members.py",
    "sbc/core/memory.py",
    "sbc/core/mint.py",
    "sbc/core/moving.py",
    "sbc/core/names.py",
    "sbc/core/networks.py",
    "sbc/core/numbers.py",
    "sbc/core/onward.py",
    "sbc/core/outcome.py",
    "sbc/core/parties.py",
    "sbc/core/passage.py",
    "sbc/core/ports.py",
    "sbc/core/probing.py",
    "sbc/core/promises.py",
    "sbc/core/reach.py",
    "sbc/core/refusing.py",
    "sbc/core/registry.py",
    "sbc/core/reuse.py",
    "sbc/core/routing.py",
    "sbc/core/sessions.py",
    "sbc/core/several.py",
    "sbc/core/standing.py",
    "sbc/core/streams.py",
    "sbc/core/summons.py",
    "sbc/core/terminals.py",
    "sbc/core/ties.py",
    "sbc/core/timers.py",
    "sbc/core/transact.py",
    "sbc/core/trust.py",
    "sbc/core/undo.py",
    "sbc/core/vouched.py",
    "sbc/core/waits.py",
    "sbc/core/watch.py",
    "sbc/core/way.py",
    "sbc/h248/ber.py",
    "sbc/h323/q931.py",
    "sbc/h323/reader.py",
    "sbc/h323/walk.py",
    "sbc/octets/tpkt.py",
    "sbc/policy/bandwidth.py",
    "sbc/policy/bans.py",
    "sbc/policy/book.py",
    "sbc/policy/bucket.py",
    "sbc/policy/conduct.py",
    "sbc/policy/flood.py",
    "sbc/policy/guard.py",
    "sbc/policy/load.py",
    "sbc/policy/prefixes.py",
    "sbc/policy/returning.py",
    "sbc/policy/rules.py",
    "sbc/policy/source.py",
    "sbc/policy/tally.py",
    "sbc/policy/terminals.py",
    "sbc/policy/unanswered.py",
    "sbc/sip/bodies.py",
    "sbc/sip/bulk.py",
    "sbc/sip/codec.py",
    "sbc/sip/describe.py",
    "sbc/sip/emergency.py",
    "sbc/sip/headers.py",
    "sbc/sip/identity.py",
    "sbc/sip/memo.py",
    "sbc/sip/names.py",
    "sbc/sip/params.py",
    "sbc/sip/reliable.py",
    "sbc/sip/replies.py",
    "sbc/sip/slots.py",
    "sbc/sip/stamp.py",
    "sbc/sip/tags.py",
    "sbc/sip/terms.py",
    "sbc/sip/uri.py",
    "sbc/text/edits.py",
    "sbc/text/holds.py",
    "sbc/text/sdp.py",
    "sbc/text/sdp_formats.py",
    "sbc/text/sdp_lines.py",
    "sbc/text/sdp_width.py",
]
"""What every message goes through: what reads and writes it, and what of the core is functions, tables and what a call
is made of, whose classes attrs makes: they are written out for mypyc (sbc/native.py).

Left out is what raises one exception from another and does not keep that as its cause by itself, since mypyc forgets
it, and what has subclasses that are not compiled. The modules stay what they are; where they are not compiled they run
as Python. mypyc takes annotations at their word (docs/performance.rst).
"""


def compiled() -> list:
    """The extension modules that mypyc makes of ours, if that is asked for."""
    if os.environ.get("SBC_COMPILE") != "1":
        return []
    from mypyc.build import mypycify  # of mypy, which must be there: pip install --no-build-isolation

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from sbc.native import shadows

    level = os.environ.get("SBC_COMPILE_LEVEL", "2")  # of the C compiler's optimizations
    return list(mypycify([*shadows(COMPILED), *COMPILED], group_name="sbc", opt_level=level, debug_level="0"))


def scan() -> Extension:
    """What finds the parts of usual SIP headers. It is optional: without a compiler all is read by expressions."""
    strict = ["-Werror"] if os.environ.get("SBC_STRICT") else []
    options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", *strict]
    return Extension("sbc.sip._scan", ["sbc/sip/scan.c"], extra_compile_args=options, optional=True)


setup(
    cffi_modules=[
        "sbc/media/native/build.py:builder",
        "sbc/media/kernel/build.py:builder",
    ],
    ext_modules=[scan(), *compiled()],
)
