/* For which of several streams a packet is that has come by the one transport they share, once it is decrypted. The twin of
   sbc/media/bundle.py. Whoever has the carrier's worker has all of them. */
#ifndef SBC_BUNDLE_H
#define SBC_BUNDLE_H

#include "flow.h"

/* cffi: from here, what Python may see */
#define BUNDLE_MEMBERS 8
#define BUNDLE_SAID 16
#define BUNDLE_MID 64

/* What a stream of a bundle is known by: see Bundled. `types` has a bit for each payload type. */
struct bundled_spec {
    uint8_t mid[BUNDLE_MID];
    uint8_t mid_size;
    uint8_t extension;
    uint8_t said;
    uint32_t sources[BUNDLE_SAID];
    uint64_t types[2];
};
/* cffi: to here */

#define BUNDLE_KNOWN 64 /* SSRCs of which it is remembered whose they are, the latest */

struct bundle_member {
    struct side *side;
    struct bundled_spec spec;
};

struct bundle_known {
    uint32_t ssrc;
    struct side *side;
};

struct bundle {
    struct bundle_member members[BUNDLE_MEMBERS];
    struct bundle_known known[BUNDLE_KNOWN];
    int count;
    int knows;
    int oldest;       /* of those known, once they are all there can be */
    unsigned waiting; /* the members, by bits, for which there is still a part of the compound that came last, */
    uint32_t more;    /* which had so many octets more before it was decrypted */
};

/* Let a side's media go by the transport of `carrier`, its own or another's, and be known by `spec`; or by its own alone. Where
   there is no room or no memory it stays alone. */
void bundle_ride(struct side *side, struct side *carrier, const struct bundled_spec *spec);
void bundle_walk(struct side *side);

/* Point the outlets of a side where media of its carrier goes. */
void bundle_aim(struct side *side);

/* RTP is sent to a side: what is reported of it is for that one. */
void bundle_sent(struct side *side, const uint8_t *data);

/* For whom RTP is; null: for nobody. What only its sender calls the stream is taken out of it. */
struct side *bundle_find(struct bundle *bundle, uint8_t *data, uint32_t size);

/* Find out for whom what of a compound of RTCP is; false: it is nobody's. Then ask for the parts, while some are `waiting`: the
   one that is written to `data` is for the side that is told. */
bool bundle_divide(struct bundle *bundle, const uint8_t *data, uint32_t size, uint32_t more);
struct side *bundle_part(struct bundle *bundle, uint8_t *data, uint32_t *size);

#endif
