"""What the text protocols share: edits in place, and SDP."""
