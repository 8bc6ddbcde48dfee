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

struct seals {
    struct seal *receive;
    struct seal *former; /* the one before, which counts */
    int64_t until;       /* so long */
    struct seal *send;
    bool hears;
    struct bucket trials;           /* of packets of which a key is tried though nothing speaks for where they come from */
    struct bucket handshakes[2][2]; /* by port; of strangers, and of who is spoken to */
};

/* Take the keys, and free what they take the place of; all of them. */
void seals_take(struct seals *seals, const struct new_seals *given, int64_t now);
void seals_free(struct seals *seals);

/* Read a packet (see seal_open). */
enum sealed seals_open(struct seals *seals, bool rtcp, uint8_t *data, uint32_t *size, int64_t now);

/* Whether a key may be tried on a packet that the latch would accept for that reason; and whether one more check or handshake may
   be handed to Python. */
bool seals_may_try(struct seals *seals, enum reason reason, int64_t now);
bool seals_may_hand(struct seals *seals, bool rtcp, bool known, int64_t now);

#endif
