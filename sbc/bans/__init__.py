"""Bans below our own code: who is banned is dropped before a socket has it, where the system can be asked to."""
