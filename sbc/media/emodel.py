"""What a listener would say of a way through the network: the E-model (ITU-T G.107), as far as a relay can know.

Simplified: the telephones at both ends are taken for good ones. All parameters that nothing is known of have the
default values of G.107 (06/2015) table 3, by which Ro is 94.77 (clause 7.2), Is 1.41 (7.3), and the impairment by echo,
which is taken for cancelled, 0.15 (7.4): 93.2 together, and that of the delay is Idd. There is no advantage factor. So
R = 93.2 - Idd - Ie,eff (clause 7.1). A test goes through the whole of clause 7 for it.

Wideband codecs (G.722, AMR-WB, Opus) are judged on the same narrowband scale, as if they took nothing away themselves:
what comes out says what the network did, not how much better they sound (that would be ITU-T G.107.1's wider scale).
"""

from __future__ import annotations

from math import log2

BASE = 93.2
"""R without any impairment but those of the default values (G.107 clause 7.7)."""
MOST_BURST = 8.0
"""The highest BurstR the model was made for (G.107 table 3; more than 2, says its note 6, only where less than 2
percent are lost)."""
UNKNOWN = (0.0, 10.0)
"""Ie and Bpl of codecs that G.113 has no values of: nothing taken away, and losses concealed as well as by GSM-EFR."""

_FINE = 100.0  # milliseconds: so long a delay nobody minds (clause 7.4, mT)

# By G.113 (11/2007) appendix I: Ie of table I.1, Bpl of table I.4, which has G.711, G.729A and G.723.1 with voice
# activity detection, and GSM-EFR; where it has none, Bpl is UNKNOWN's. G.711 is taken for one whose receiver conceals
# losses (G.711 appendix I), as those of today do: without, Bpl were 4.3. G.729 is G.729A with voice activity detection,
# which RTP's name does not tell from G.729 itself (Ie 10); G.723.1 is at 6.3 kbit/s (at 5.3 Ie is 19). AMR the appendix
# does not have: at 12.2 kbit/s it is GSM-EFR (3GPP TS 26.071 clause 4), in its slower modes Ie is more than that. Of
# AMR-WB, EVS (appendices IV and V) and Opus there are values on other scales at most, of iLBC none that we could check.
_CODECS = {
    "pcmu": (0.0, 25.1),
    "pcma": (0.0, 25.1),
    "g729": (11.0, 19.0),
    "g729a": (11.0, 19.0),
    "g723": (15.0, 16.1),
    "gsm": (20.0, UNKNOWN[1]),
    "gsm-hr-08": (23.0, UNKNOWN[1]),
    "gsm-efr": (5.0, 10.0),
    "amr": (5.0, 10.0),
    "g728": (7.0, UNKNOWN[1]),
    "g726-16": (50.0, UNKNOWN[1]),
    "g726-24": (25.0, UNKNOWN[1]),
    "g726-32": (7.0, UNKNOWN[1]),
    "g726-40": (2.0, UNKNOWN[1]),
}


def impairment(codec: str) -> tuple[float, float]:
    """The equipment impairment factor Ie and the packet-loss robustness factor Bpl of a codec, by its name (RFC 3551)
    with or without a clock rate."""
    return _CODECS.get(codec.partition("/")[0].casefold(), UNKNOWN)


def rating(codec: str, loss: float, burst: float, delay: float) -> float:
    """The transmission rating factor R, at most 93.2.

    `loss` is Ppl as a ratio (0 to 1), `burst` BurstR (1: losses are random), `delay` the mouth-to-ear delay Ta in
    milliseconds.
    """
    ie, bpl = impairment(codec)
    percent = 100.0 * loss
    effective = ie + (95.0 - ie) * percent / (percent / min(max(burst, 1.0), MOST_BURST) + bpl)  # clause 7.5
    return BASE - _delayed(delay) - effective


def mos(r: float) -> float:
    """The mean opinion score, 1 to 4.5, that an R comes to (G.107 annex B)."""
    if r <= 0.0:
        return 1.0
    if r >= 100.0:
        return 4.5
    return max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)


def _delayed(delay: float) -> float:
    """Idd (clause 7.4, with sT = 1)."""
    if delay <= _FINE:
        return 0.0
    x = log2(delay / _FINE)
    sixth = 1.0 / 6.0
    return float(25.0 * ((1.0 + x**6) ** sixth - 3.0 * (1.0 + (x / 3.0) ** 6) ** sixth + 2.0))
