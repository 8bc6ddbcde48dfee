"""The extension modules, written in C. All else that the package is stands in setup.cfg."""

from setuptools import setup

setup(
    cffi_modules=[
        "sbc/media/native/build.py:builder",
        "sbc/media/kernel/build.py:builder",
    ],
)
