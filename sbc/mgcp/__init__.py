"""MGCP (RFC 3435) as a dialect of the core's loop."""
