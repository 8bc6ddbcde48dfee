"""The kernel media engine: XDP or TC programs forward what user space has learned."""
