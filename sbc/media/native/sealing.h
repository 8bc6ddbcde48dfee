/* What packets of a secured side are read and written with: its keys, as they come and go. The twin of sbc/media/sealing.py. */
#ifndef SBC_SEALING_H
#define SBC_SEALING_H

#include "bucket.h"
#include "latch.h"
#include "srtp.h"

/* cffi: from here, what Python may see */
/* Keys that a side gets: which are to be its own to free from then on. `kept`: the one it has goes on. */
struct new_seals {
    struct seal *receive;
    struct seal *send;
    bool kept_receive;
    bool kept_send;
    bool hears; /* checks and handshakes are for Python, not for the other side */
};
/* cffi: to here */

/* What Python is to be told of a side, shifted by its number. */
enum unsaid { UNSAID_LATCHED = 1, UNSAID_POLICED = 4, UNSAID_RTCP_LATCHED = 16, UNSAID_EXPIRED = 64, UNSAID_USED = 256 };

struct seals {
    struct seal *receive;
    struct seal *former; /* the one before, which counts */
    int64_t until;       /* so long */
    struct seal *send;
    bool hears;
    bool expired;   /* the peer's key, and that was said */
    uint16_t unsaid; /* enum unsaid */
    struct bucket trials;           /* of packets of which a key is tried though nothing speaks for where they come from */
    struct bucket handshakes[2][2]; /* by port; of strangers, and of who is spoken to */
};

/* Take the keys, and free what they take the place of; all of them. A side without keys has none of this: `seals` is null until it
   gets some, and where there is no memory for them it stays so, and nothing is read or written. */
void seals_take(struct seals **seals, const struct new_seals *given, int64_t now);
void seals_free(struct seals **seals);

/* Whether there is a key to write with. */
static inline bool seals_write(const struct seals *seals)
{
    return seals && seals->send;
}

/* Read a packet, and write one (see seal_open). */
enum sealed seals_open(struct seals *seals, bool rtcp, uint8_t *data, uint32_t *size, int64_t now);
enum sealed seals_close(struct seals *seals, bool rtcp, uint8_t *data, uint32_t *size);

/* Whether a key may be tried on a packet that the latch would accept for that reason; and whether one more check or handshake may
   be handed to Python. */
bool seals_may_try(struct seals *seals, enum reason reason, int64_t now);
bool seals_may_hand(struct seals *seals, bool rtcp, bool known, int64_t now);

#endif
