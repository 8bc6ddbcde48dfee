"""The ledger: call detail records, from the core's orders to files that billing reads (docs/cdr.rst)."""
