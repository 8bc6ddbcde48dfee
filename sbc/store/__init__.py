"""Stores: where calls and bindings outlive the process (docs/restart.rst)."""
