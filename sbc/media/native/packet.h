/* What a datagram on a media port is, told from its first octets: the twin of sbc/media/packet.py, rtp.py and rtcp.py. */
#ifndef SBC_PACKET_H
#define SBC_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cffi: from here, what Python may call */
/* RTP, RTCP and UDPTL may latch, OPAQUE is relayed from known sources, the rest is dropped. */
enum kind {
    KIND_RTP,
    KIND_RTCP,
    KIND_UDPTL,
    KIND_OPAQUE, /* STUN, DTLS, ZRTP, and RTP or UDPTL whose inner lengths do not add up */
    KIND_TOO_SHORT,
    KIND_NOT_RTP,
    KINDS
};

/* The fixed header (RFC 3550 section 5.1); `payload_at` is the offset behind CSRCs and header extension. */
struct rtp_header {
    uint32_t timestamp;
    uint32_t ssrc;
    uint32_t payload_at;
    uint16_t sequence;
    uint8_t payload_type;
    bool marker;
};

/* The first packet of a compound (RFC 3550 section 6.4); `reports` is its count field, `size` its length in octets. */
struct rtcp_header {
    uint32_t size;
    uint32_t ssrc;
    uint8_t reports;
    uint8_t packet_type;
};

/* What tells one sender's packets from another's: RTP has all of it, RTCP an SSRC, the others nothing. */
struct identity {
    uint32_t ssrc;
    uint32_t timestamp;
    uint16_t sequence;
    bool has_ssrc;
    bool has_sequence; /* and a timestamp */
};

/* Both read `size` octets at the most, and fill `header` only where they answer true. */
bool rtp_parse(const uint8_t *data, size_t size, struct rtp_header *header);
bool rtcp_parse(const uint8_t *data, size_t size, struct rtcp_header *header);

/* Whether `sequence` can follow `last` in one and the same stream (RFC 3550 appendix A.1). */
bool rtp_continues(uint16_t last, uint16_t sequence);

/* The kind of a datagram on an RTP or RTCP port, and of one on a T.38 port. Total. `data` may be null if `size` is 0. */
enum kind packet_classify(const uint8_t *data, size_t size);
enum kind packet_classify_udptl(const uint8_t *data, size_t size);

/* Whether what is OPAQUE is STUN or DTLS (RFC 7983 section 7). */
bool packet_is_handshake(const uint8_t *data);

/* SSRC, sequence number and timestamp of a datagram of this kind. */
struct identity packet_identity(enum kind kind, const uint8_t *data, size_t size);

/* The kind as sbc/media/packet.py spells it. */
const char *packet_kind_word(enum kind kind);
/* cffi: to here */

#define RTP_MIN_SIZE 12
#define RTCP_MIN_SIZE 8
#define RTP_MAX_DROPOUT 3000 /* RFC 3550 appendix A.1: the furthest jump ahead that is still the same sequence */
#define RTP_MAX_MISORDER 100 /* and the furthest back */

/* Whether the second octet of a version 2 packet makes it RTCP: 192 to 223 (RFC 5761 section 4). */
static inline bool rtcp_is_type(uint8_t octet)
{
    return octet >= 192 && octet <= 223;
}

/* Whether a datagram has what nearly every one of a call has: RTP's fixed header, and no RTCP type in it. A known source's
   need no more; packet_classify looks at the inner lengths too. */
static inline bool packet_looks_rtp(const uint8_t *data, size_t size)
{
    return size >= RTP_MIN_SIZE && data[0] >> 6 == 2 && !rtcp_is_type(data[1]);
}

#endif
