"""sbc: a multi-protocol session border controller on Twisted."""

__version__ = "0.1.0"
