"""Corrects pycrate 0.8.1's aligned-PER encoder of SEQUENCE, in three ways (its decoder is not used).

* It encodes the extension additions before it has counted the bits of their bitmap, so that the first one is padded as
  if the bitmap were not there: what it writes is malformed unless the two happen to agree modulo 8.
* It writes a bitmap as long as its own edition of the type has additions. Here it is as long as the received one was,
  which the reader notes in a sequence's value as ``_additions``.
* It numbers unknown additions from 0 when it reads and from 1 when it writes, and puts them last. Here ``_ext_N`` is
  the addition whose bit is the N-th of the bitmap, from 0, and stands in its order.
"""

from __future__ import annotations

from typing import Any

from sbc.h323.walk import ADDITIONS, MOST_ADDITIONS, UNKNOWN


def correct(kind: Any) -> None:
    """Give all sequences in a type of the library's, `kind` itself included, the corrected encoder. No other type of
    the library's changes."""
    from pycrate_asn1rt.asnobj_construct import SEQ

    corrected = _corrected(SEQ)
    seen: set[int] = set()
    waiting = [kind]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if each.__class__ is SEQ:
            each.__class__ = corrected
        if each.TYPE.endswith(" OF"):
            waiting.append(each._cont)
        elif each.TYPE in ("SEQUENCE", "CHOICE"):
            waiting.extend(each._cont.values())


_classes: dict[type, type] = {}


def _corrected(base: type) -> type:
    if base not in _classes:
        _classes[base] = type("CorrectedSequence", (base,), {"_to_per": _to_per})
    return _classes[base]


def _to_per(self: Any) -> list[Any]:
    from pycrate_asn1rt.codecs import T_UINT, ASN1CodecPER
    from pycrate_asn1rt.err import ASN1PEREncodeErr

    whole = self._val
    strange = [name for name in whole if name not in self._cont and name != ADDITIONS and not name.startswith(UNKNOWN)]
    if strange:
        raise ASN1PEREncodeErr(f"{self.fullname()}: no such component, {strange[0]!r}")
    missing = [name for name in self._root_mand if name not in whole]
    if missing:
        raise ASN1PEREncodeErr(f"{self.fullname()}: {missing[0]!r} is missing")
    additions = self._ext_nest if self._ext is not None else ()
    present: dict[int, str] = {index: name for index, name in enumerate(additions) if name in whole}
    present |= {int(name[len(UNKNOWN) :]): name for name in whole if name.startswith(UNKNOWN)}

    self._val = {name: value for name, value in whole.items() if name in self._root}
    encoded: list[Any] = super(self.__class__, self)._to_per()
    self._val = whole
    if not present:
        return encoded
    encoded[0] = (T_UINT, 1, 1)
    size = max(whole.get(ADDITIONS, len(additions)), max(present) + 1)
    if size > MOST_ADDITIONS:
        raise ASN1PEREncodeErr(f"{self.fullname()}: more than {MOST_ADDITIONS} extension additions")
    bitmap = sum(1 << (size - 1 - index) for index in present)
    encoded += [(T_UINT, size - 1, 7), (T_UINT, bitmap, size)]
    ASN1CodecPER._off[-1] += 7 + size
    for _, name in sorted(present.items()):
        if name.startswith(UNKNOWN):
            encoded += ASN1CodecPER.encode_unconst_buf(whole[name])
        else:
            component = self._cont[name]
            component._val = whole[name]
            encoded += ASN1CodecPER.encode_unconst_open(component)
    return encoded
