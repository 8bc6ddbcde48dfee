"""H.248.1 (Megaco): gateways, and the controllers that command them; text and binary on the wire, one meaning."""
