"""What the binary protocols share: how packets follow one another in a stream."""
