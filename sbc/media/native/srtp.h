/* One key in one direction: SRTP and SRTCP (RFC 3711) by libsrtp2. The twin of sbc/media/srtp.py. Built without libsrtp2 there
   are no seals, and seal_missing() says so. */
#ifndef SBC_SRTP_H
#define SBC_SRTP_H

#include <stdbool.h>
#include <stdint.h>

#define SRTP_ROOM 256 /* octets behind a packet that seal_close() may use: authentication tag, index and master key index */

/* cffi: from here, what Python may call */
/* As in sbc.core.secured.SUITES, in its order. */
enum suite {
    SUITE_AES_CM_128_HMAC_SHA1_80,
    SUITE_AES_CM_128_HMAC_SHA1_32,
    SUITE_AES_256_CM_HMAC_SHA1_80,
    SUITE_AES_256_CM_HMAC_SHA1_32,
    SUITE_AEAD_AES_128_GCM,
    SUITE_AEAD_AES_256_GCM,
    SUITES
};

#define SEAL_SOURCES 256 /* SSRCs that one key is used for; more are not taken */
#define SEAL_MKI 128     /* octets of a master key index, at the most */

/* What became of a packet. */
enum sealed { SEALED, SEAL_UNKEYED, SEAL_FORGED, SEAL_REPLAYED, SEAL_CLEAR, SEAL_EXPIRED };

/* How far a key has been used for one SSRC: the furthest index of RTP and of RTCP, -1 where there was none. */
struct seal_row {
    int64_t index;
    int64_t index_rtcp;
    uint32_t ssrc;
};

/* How far a key was used before; SSRCs that have no row begin their RTCP behind `begins`, -1: with the first. It is good for
   `lifetime` packets of RTP and for as many of RTCP, 0: for as many as have a number, and `used` are those that were. */
struct seal_use {
    int64_t begins;
    uint64_t lifetime;
    uint64_t used[2];
    int count;
    struct seal_row rows[SEAL_SOURCES];
};

struct seal;

/* Why there are none, in one sentence; empty where there are. */
const char *seal_missing(void);

/* Whether libsrtp can do a suite here. */
bool seal_has(enum suite suite);

/* Of master key and salt, as long as the suite wants them. Null where that cannot be had. May be called on any thread. */
struct seal *seal_new(enum suite suite, const uint8_t *secret, const uint8_t *mki, uint32_t mki_size, bool sends,
                      const struct seal_use *use);
void seal_free(struct seal *seal); /* null: nothing */

/* How far it has been used; of how many SSRCs. */
int seal_rows(const struct seal *seal, struct seal_row rows[SEAL_SOURCES]);

/* Whether it is used for an SSRC more since that was asked last: how far is to be kept soon. */
bool seal_grew(struct seal *seal);

/* For how many packets of RTP and of RTCP. */
void seal_used(const struct seal *seal, uint64_t used[2]);

/* Read what a peer has sent, and write what is sent to it: in place, `size` changes. `data` is RTP or RTCP whose fixed header is
   there. A packet that cannot be read may have been overwritten. */
enum sealed seal_open(struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size);
enum sealed seal_close(struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size);
/* cffi: to here */

#endif
