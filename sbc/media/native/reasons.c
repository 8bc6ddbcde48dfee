/* Why a latch accepts a packet or does not, as Python spells it. */
#include "latch.h"

const char *latch_reason_word(enum reason reason)
{
    static const char *const words[REASONS] = {
        [REASON_NONE] = "",
        [REASON_LATCHED] = "latched",
        [REASON_SIGNALLED] = "signalled",
        [REASON_SEEN_HOST] = "seen-host",
        [REASON_RTP_HOST] = "rtp-host",
        [REASON_NAT] = "nat",
        [REASON_CONTINUES] = "continues",
        [REASON_MOVED] = "moved",
        [REASON_REBOUND] = "rebound",
        [REASON_RETURNED] = "returned",
        [REASON_NOMINATED] = "nominated",
        [REASON_KEPT] = "kept",
        [REASON_NOT_SIGNALLED] = "not-signalled",
        [REASON_LATCH_OFF] = "latch-off",
        [REASON_NOT_BEHIND_NAT] = "not-behind-nat",
        [REASON_NOT_SEEN_HOST] = "not-seen-host",
        [REASON_NOT_RTP_HOST] = "not-rtp-host",
        [REASON_WINDOW_CLOSED] = "window-closed",
        [REASON_LATCHED_ELSEWHERE] = "latched-elsewhere",
        [REASON_UNPROVEN] = "unproven",
        [REASON_MAY_NOT_LATCH] = "may-not-latch",
        [REASON_NOT_NOMINATED] = "not-nominated",
        [REASON_NO_STREAM] = "no-stream",
    };
    return (unsigned)reason < REASONS ? words[reason] : "";
}
