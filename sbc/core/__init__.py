"""The protocol-neutral core: bytes and `now` in, orders out. It knows no socket, reactor or clock."""
