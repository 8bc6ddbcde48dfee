"""RADIUS accounting (RFC 2866, RFC 2869): turns of accounts as requests, sent until a server has answered them."""
