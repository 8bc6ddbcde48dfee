# Every target does its own set-up first; on a bare Debian 12, python3 and make are enough.

.PHONY: help setup lab test test-compiled fuzz sanitize sanitize-threads soak demo demo-webrtc lint docs clean
.DEFAULT_GOAL := help

help:
	@echo "make test    set up, then run all tests (as root also those in network namespaces)"
	@echo "make fuzz    set up, then fuzz what reads SIP for FUZZ_SECONDS (120) of one core; what is found is kept as a test"
	@echo "make sanitize  set up, then run what is written in C under the address and undefined-behaviour sanitizers, and fuzz it"
	@echo "make sanitize-threads  the same under the thread sanitizer, without fuzzing"
	@echo "make test-compiled  set up, then run the tests of messages with the modules compiled that SBC_COMPILE=1 compiles"
	@echo "make soak    set up, then a million mutated messages, ten thousand calls in memory, and a thousand behind each kind of NAT (root; long)"
	@echo "make demo    set up, then show one call through a NAT and the SBC (root)"
	@echo "make demo-webrtc  set up, then let a browser on this machine call a phone through the SBC, until Ctrl-C"
	@echo "make setup   make .venv with the project and its tools"
	@echo "make lint    ruff and mypy"
	@echo "make docs    the documentation, into docs/_build/html"
	@echo "make clean   remove what the above have made in this folder"

setup:
	@bin/setup venv

lab: setup
	@bin/setup lab

test: lab
	@bin/test

test-compiled: setup
	@bin/test-compiled

FUZZ_SECONDS ?= 120

fuzz: setup
	@.venv/bin/python -m tests.fuzz.guided $(FUZZ_SECONDS)

SANITIZE_SECONDS ?= 20

sanitize: setup
	@bin/sanitize address $(SANITIZE_SECONDS)

sanitize-threads: setup
	@bin/sanitize thread

soak: lab
	SBC_STORM_MESSAGES=1000000 .venv/bin/python -m pytest -o faulthandler_timeout=0 -s tests/fuzz/test_storm.py
	SBC_SOAK_CALLS=10000 SBC_SOAK_STEPS=1500 .venv/bin/python -m pytest -o faulthandler_timeout=0 -s tests/soak
	SBC_LAB_CALLS=1000 .venv/bin/python -m pytest -s tests/netns/test_many_calls.py

demo: lab
	@.venv/bin/python -m tests.netns.demo

demo-webrtc: lab
	@.venv/bin/python -m tests.netns.demo_webrtc

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy --strict sbc

docs: setup
	.venv/bin/sphinx-build -W --keep-going -q -b html docs docs/_build/html

clean:
	rm -rf .venv build dist docs/_build sbc.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find sbc -name '*.so' -delete
	rm -f sbc__mypyc*.so
	rm -f twisted/plugins/dropin.cache
