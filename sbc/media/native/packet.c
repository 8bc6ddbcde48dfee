/* Reads what is in a datagram's first octets, and never beyond its last: the twin of sbc/media/packet.py, rtp.py, rtcp.py. */
#include "packet.h"

#include <string.h>

#define STUN_MIN 20
#define ZRTP_MIN 16
#define DTLS_MIN 13 /* the record header, RFC 6347 section 4.1 */
#define UDPTL_MIN 6
#define VERSION 2

static const uint8_t STUN_COOKIE[4] = {0x21, 0x12, 0xa4, 0x42}; /* RFC 8489 section 5 */
static const uint8_t ZRTP_COOKIE[4] = {'Z', 'R', 'T', 'P'};     /* RFC 6189 section 5 */

static uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The padding is not looked at: in SRTP it is encrypted. */
bool rtp_parse(const uint8_t *data, size_t size, struct rtp_header *header)
{
    if (size < RTP_MIN_SIZE || data[0] >> 6 != VERSION)
        return false;
    uint32_t begin = RTP_MIN_SIZE + 4u * (data[0] & 0x0f);
    if (data[0] & 0x10) {
        if (size < begin + 4)
            return false;
        begin += 4 + 4u * read16(data + begin + 2);
    }
    if (size < begin)
        return false;
    header->payload_type = data[1] & 0x7f;
    header->marker = data[1] >= 0x80;
    header->sequence = read16(data + 2);
    header->timestamp = read32(data + 4);
    header->ssrc = read32(data + 8);
    header->payload_at = begin;
    return true;
}

/* Only the first packet of the compound is read: in SRTCP what follows its SSRC is encrypted. */
bool rtcp_parse(const uint8_t *data, size_t size, struct rtcp_header *header)
{
    if (size < RTCP_MIN_SIZE || data[0] >> 6 != VERSION || !rtcp_is_type(data[1]))
        return false;
    uint32_t length = 4 + 4u * read16(data + 2);
    if (length > size)
        return false;
    header->reports = data[0] & 0x1f;
    header->packet_type = data[1];
    header->size = length;
    header->ssrc = read32(data + 4);
    return true;
}

bool rtp_continues(uint16_t last, uint16_t sequence)
{
    uint16_t ahead = (uint16_t)(sequence - last);
    return ahead < RTP_MAX_DROPOUT || ahead > 0x10000 - RTP_MAX_MISORDER;
}

static enum kind by_cookie(const uint8_t *data, size_t size, size_t least, const uint8_t *cookie)
{
    if (size < least)
        return KIND_TOO_SHORT;
    return memcmp(data + 4, cookie, 4) == 0 ? KIND_OPAQUE : KIND_NOT_RTP;
}

/* RTP and RTCP are told apart by RFC 5761 section 4, the others by the first octet as in RFC 7983 section 7, and STUN and
   ZRTP by their magic cookies too. SRTP and SRTCP count as RTP and RTCP. */
enum kind packet_classify(const uint8_t *data, size_t size)
{
    struct rtp_header rtp;
    struct rtcp_header rtcp;

    if (size == 0)
        return KIND_TOO_SHORT;
    uint8_t first = data[0];
    if (first >> 6 == VERSION) {
        if (size >= 2 && rtcp_is_type(data[1])) {
            if (size < RTCP_MIN_SIZE)
                return KIND_TOO_SHORT;
            return rtcp_parse(data, size, &rtcp) ? KIND_RTCP : KIND_NOT_RTP;
        }
        if (size < RTP_MIN_SIZE)
            return KIND_TOO_SHORT;
        return rtp_parse(data, size, &rtp) ? KIND_RTP : KIND_OPAQUE;
    }
    if (first <= 3)
        return by_cookie(data, size, STUN_MIN, STUN_COOKIE);
    if (first >= 16 && first <= 19)
        return by_cookie(data, size, ZRTP_MIN, ZRTP_COOKIE);
    if (first >= 20 && first <= 63)
        return size >= DTLS_MIN ? KIND_OPAQUE : KIND_TOO_SHORT;
    return KIND_NOT_RTP;
}

/* T.38 section 9.1.1, aligned PER: a sequence number in 2 octets, the primary IFP packet with its length before it, then the
   error recovery of at least 2 octets. */
enum kind packet_classify_udptl(const uint8_t *data, size_t size)
{
    if (size == 0)
        return KIND_TOO_SHORT;
    if (size < UDPTL_MIN)
        return KIND_OPAQUE;
    size_t primary = data[2], begin = 3;
    if (primary & 0x80) { /* a length of 128 to 16383 in two octets (X.691 section 11.9) */
        if (primary & 0x40)
            return KIND_OPAQUE;
        primary = (primary & 0x3f) << 8 | data[3];
        begin = 4;
    }
    return primary != 0 && begin + primary + 2 <= size ? KIND_UDPTL : KIND_OPAQUE;
}

bool packet_is_handshake(const uint8_t *data)
{
    return data[0] <= 3 || (data[0] >= 20 && data[0] <= 63);
}

struct identity packet_identity(enum kind kind, const uint8_t *data, size_t size)
{
    struct identity found = {0};
    struct rtp_header rtp;
    struct rtcp_header rtcp;

    if (kind == KIND_RTP && rtp_parse(data, size, &rtp)) {
        found.ssrc = rtp.ssrc;
        found.sequence = rtp.sequence;
        found.timestamp = rtp.timestamp;
        found.has_ssrc = found.has_sequence = true;
    } else if (kind == KIND_RTCP && rtcp_parse(data, size, &rtcp)) {
        found.ssrc = rtcp.ssrc;
        found.has_ssrc = true;
    }
    return found;
}

const char *packet_kind_word(enum kind kind)
{
    static const char *const words[KINDS] = {"rtp", "rtcp", "udptl", "opaque", "too-short", "not-rtp"};
    return (unsigned)kind < KINDS ? words[kind] : "";
}
