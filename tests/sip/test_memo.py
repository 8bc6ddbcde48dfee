"""What answers must carry back is plain values: two of the same are the same."""

from __future__ import annotations

from sbc.sip.memo import Early, Memo


def test_memos_are_values() -> None:
    memo = Memo(b"v", b"f", b"t", False, b"c", ())
    assert memo == Memo(b"v", b"f", b"t", False, b"c", ()) and memo.early == ()
    assert Early(b"b", b"application/sdp", b"v=0") == Early(b"b", b"application/sdp", b"v=0")
