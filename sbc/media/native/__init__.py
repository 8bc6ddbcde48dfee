"""The native media engine: C threads that relay without Python on the packet path."""
