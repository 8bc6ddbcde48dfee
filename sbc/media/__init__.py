"""Media engines and what they share: streams, latching, RTP and RTCP."""
