"""SIP, the first dialect of the loop."""
