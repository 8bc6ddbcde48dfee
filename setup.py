"""The extension modules: in C, and if SBC_COMPILE=1 asks for it some of ours in Python. All else is in setup.cfg."""

import os

from setuptools import setup

COMPILED = [
    "sbc/h323/q931.py",
    "sbc/h323/reader.py",
    "sbc/h323/tpkt.py",
    "sbc/h323/walk.py",
    "sbc/sip/bodies.py",
    "sbc/sip/bulk.py",
    "sbc/sip/codec.py",
    "sbc/sip/describe.py",
    "sbc/sip/headers.py",
    "sbc/sip/identity.py",
    "sbc/sip/names.py",
    "sbc/sip/params.py",
    "sbc/sip/slots.py",
    "sbc/sip/stamp.py",
    "sbc/sip/terms.py",
    "sbc/sip/uri.py",
    "sbc/text/edits.py",
    "sbc/text/sdp.py",
    "sbc/text/sdp_formats.py",
]
"""What reads and writes messages: it gains most, and is functions of octets (docs/performance.rst).

The modules stay what they are; where they are not compiled they run as Python. mypyc takes annotations at their word.
"""


def compiled() -> list:
    """The extension modules that mypyc makes of ours, if that is asked for."""
    if os.environ.get("SBC_COMPILE") != "1":
        return []
    from mypyc.build import mypycify  # of mypy, which must be there: pip install --no-build-isolation

    return mypycify(COMPILED, group_name="sbc", opt_level="2", debug_level="0")


setup(
    cffi_modules=[
        "sbc/media/native/build.py:builder",
        "sbc/media/kernel/build.py:builder",
    ],
    ext_modules=compiled(),
)
