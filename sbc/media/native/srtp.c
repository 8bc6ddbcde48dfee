/* Seals packets by libsrtp2, and keeps count of how far each key has been used. */
#include "srtp.h"

#include <stdlib.h>
#include <string.h>

#ifdef SBC_SRTP
#include <pthread.h>
#include <srtp2/srtp.h>

#include "srtp_fast.h"

#define RTP_HEAD 12
#define RTCP_HEAD 12          /* with the index behind it */
#define RTCP_TAG 10           /* octets, where the suite is no GCM */
#define WINDOW 128            /* packets behind the furthest that are still told from replayed ones */
#define MARGIN 256            /* RTCP that may have been sent since the store was told how far we are */
#define MOST_RTCP 100000      /* an index of RTCP that was counted further is not taken up again, */
#define FURTHEST (1LL << 47)  /* nor one of RTP */
#define NO_RTCP (1LL << 31)   /* an index that no packet has */
#define SHORT_REPORT 8

struct source {
    int64_t index;
    int64_t index_rtcp;
    int64_t floor; /* what another process has taken is not taken again */
    int64_t floor_rtcp;
    uint32_t ssrc;
    bool resumes; /* libsrtp is to be told the roll-overs with the first packet */
};

struct seal {
    srtp_t session;
    int count;
    int recent; /* the source of the packet before */
    uint32_t least[2];  /* octets behind the header, of RTP and RTCP */
    uint32_t mki_size;
    uint8_t mki[SEAL_MKI];
    uint32_t behind[2]; /* octets behind the MKI, of RTP and RTCP */
    bool sends;
    struct source sources[SEAL_SOURCES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool begun;

static void begin(void)
{
    begun = srtp_init() == srtp_err_status_ok;
    if (begun)
        srtp_fast_begin();
}

const char *seal_missing(void)
{
    pthread_once(&once, begin);
    return begun ? "" : "libsrtp2 fails its own tests here";
}

static void policy_init(srtp_policy_t *policy, enum suite suite)
{
    static void (*const rtp[SUITES])(srtp_crypto_policy_t *) = {
        srtp_crypto_policy_set_rtp_default,
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
        srtp_crypto_policy_set_aes_gcm_128_16_auth,
        srtp_crypto_policy_set_aes_gcm_256_16_auth,
    };
    /* RTCP's tag is the long one in any case (RFC 4568 section 6.2). */
    static void (*const rtcp[SUITES])(srtp_crypto_policy_t *) = {
        srtp_crypto_policy_set_rtcp_default,
        srtp_crypto_policy_set_rtcp_default,
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
        srtp_crypto_policy_set_aes_gcm_128_16_auth,
        srtp_crypto_policy_set_aes_gcm_256_16_auth,
    };

    memset(policy, 0, sizeof *policy);
    rtp[suite](&policy->rtp);
    rtcp[suite](&policy->rtcp);
    policy->window_size = WINDOW;
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write32(uint8_t *at, uint32_t number)
{
    for (int n = 0; n < 4; n++)
        at[n] = (uint8_t)(number >> (24 - 8 * n));
}

/* Let libsrtp's index of RTCP be put there, packet by packet: it knows no other way. */
static bool seal_advance(struct seal *seal, uint32_t ssrc, int64_t index)
{
    uint8_t report[SHORT_REPORT + SRTP_ROOM];
    int size;

    for (int64_t n = 0; n <= index; n++) {
        memcpy(report, "\x80\xc9\0\1", 4);
        write32(report + 4, ssrc);
        size = SHORT_REPORT;
        if (srtp_protect_rtcp(seal->session, report, &size) != srtp_err_status_ok)
            return false;
    }
    return true;
}

/* Go on where another process was. */
static bool seal_resume(struct seal *seal, srtp_policy_t *policy, const struct seal_row *row)
{
    struct source *source = &seal->sources[seal->count];
    int64_t index_rtcp = row->index_rtcp;

    policy->ssrc.type = ssrc_specific;
    policy->ssrc.value = row->ssrc;
    if (srtp_add_stream(seal->session, policy) != srtp_err_status_ok)
        return false;
    if (seal->sends && index_rtcp >= 0) {
        index_rtcp += MARGIN;
        if (index_rtcp > MOST_RTCP)
            index_rtcp = NO_RTCP; /* not in reasonable time: none is sent */
        else if (!seal_advance(seal, row->ssrc, index_rtcp))
            return false;
    }
    *source = (struct source){.ssrc = row->ssrc, .index = row->index, .index_rtcp = index_rtcp, .floor = row->index};
    source->floor_rtcp = seal->sends ? -1 : index_rtcp;
    source->resumes = row->index >= 0 && row->index < FURTHEST;
    seal->count++;
    return true;
}

struct seal *seal_new(enum suite suite, const uint8_t *secret, const uint8_t *mki, uint32_t mki_size, bool sends,
                      const struct seal_row *rows, int count)
{
    static const uint32_t tags[SUITES] = {10, 4, 10, 4, 16, 16};
    uint8_t key[SRTP_MAX_KEY_LEN] = {0};
    srtp_policy_t policy;
    struct seal *seal;
    bool made, gcm = suite >= SUITE_AEAD_AES_128_GCM;

    if (*seal_missing() || (unsigned)suite >= SUITES || mki_size > SEAL_MKI || !(seal = calloc(1, sizeof *seal)))
        return NULL;
    policy_init(&policy, suite);
    memcpy(key, secret, (size_t)policy.rtp.cipher_key_len);
    policy.key = key;
    seal->sends = sends;
    seal->mki_size = mki_size;
    memcpy(seal->mki, mki, mki_size);
    seal->least[0] = tags[suite] + mki_size;
    seal->least[1] = (gcm ? tags[suite] : RTCP_TAG) + mki_size;
    if (!gcm) {
        seal->behind[0] = tags[suite];
        seal->behind[1] = RTCP_TAG;
    }
    policy.ssrc.type = sends ? ssrc_any_outbound : ssrc_any_inbound;
    made = srtp_create(&seal->session, &policy) == srtp_err_status_ok;
    for (int n = 0; made && n < count && n < SEAL_SOURCES; n++)
        made = seal_resume(seal, &policy, &rows[n]);
    memset(key, 0, sizeof key);
    if (made)
        return seal;
    seal_free(seal);
    return NULL;
}

void seal_free(struct seal *seal)
{
    if (seal && seal->session)
        srtp_dealloc(seal->session);
    free(seal);
}

bool seal_has(enum suite suite)
{
    static const uint8_t secret[SRTP_MAX_KEY_LEN];
    struct seal *seal = seal_new(suite, secret, secret, 0, true, NULL, 0);

    seal_free(seal);
    return seal != NULL;
}

int seal_rows(const struct seal *seal, struct seal_row rows[SEAL_SOURCES])
{
    for (int n = 0; n < seal->count; n++) {
        const struct source *source = &seal->sources[n];
        rows[n] = (struct seal_row){source->index, source->index_rtcp, source->ssrc};
    }
    return seal->count;
}

/* The place of an SSRC; null where it is new. */
static struct source *seal_find(struct seal *seal, uint32_t ssrc)
{
    if (seal->count && seal->sources[seal->recent].ssrc == ssrc)
        return &seal->sources[seal->recent];
    for (int n = 0; n < seal->count; n++)
        if (seal->sources[n].ssrc == ssrc) {
            seal->recent = n;
            return &seal->sources[n];
        }
    return NULL;
}

static struct source *seal_enter(struct seal *seal, uint32_t ssrc)
{
    struct source *source = &seal->sources[seal->count];

    *source = (struct source){.ssrc = ssrc, .index = -1, .index_rtcp = -1, .floor = -1, .floor_rtcp = -1};
    seal->recent = seal->count++;
    return source;
}

/* The index that a packet most likely has (RFC 3711 appendix A). */
static int64_t follow(int64_t furthest, uint16_t sequence)
{
    int64_t rolls = furthest >> 16;
    int last = (int)(furthest & 0xFFFF);

    if (furthest < 0)
        return sequence;
    if (last < 0x8000) {
        if (sequence - last > 0x8000 && rolls)
            rolls--;
    } else if (last - 0x8000 > sequence) {
        rolls++;
    }
    return rolls << 16 | sequence;
}

/* The index of RTCP stands in the packet. */
static int64_t index_rtcp(const struct seal *seal, const uint8_t *data, uint32_t size)
{
    return read32(data + size - seal->behind[1] - 4) & 0x7FFFFFFF;
}

static int64_t index_of(const struct seal *seal, const struct source *source, bool rtcp, const uint8_t *data, uint32_t size)
{
    if (rtcp)
        return index_rtcp(seal, data, size);
    return follow(source ? source->index : -1, (uint16_t)(data[2] << 8 | data[3]));
}

/* Have libsrtp begin with the right roll-overs. */
static void seal_set_rolls(struct seal *seal, struct source *source, int64_t index)
{
    if (source->resumes)
        srtp_set_stream_roc(seal->session, source->ssrc, (uint32_t)(index >> 16));
    source->resumes = false;
}

static void source_note(struct source *source, bool rtcp, int64_t index)
{
    int64_t *furthest = rtcp ? &source->index_rtcp : &source->index;

    if (index > *furthest)
        *furthest = index;
}

/* Take the MKI out of a packet that is long enough, and put it into one: libsrtp looks for that of RTCP in the wrong place where
   the tags of RTP and RTCP are not as long. False: it has another. */
static bool seal_take_mki(const struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size)
{
    uint8_t *at = data + *size - seal->behind[rtcp] - seal->mki_size;

    if (memcmp(at, seal->mki, seal->mki_size))
        return false;
    memmove(at, at + seal->mki_size, seal->behind[rtcp]);
    *size -= seal->mki_size;
    return true;
}

static void seal_put_mki(const struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size)
{
    uint8_t *at = data + *size - seal->behind[rtcp];

    memmove(at + seal->mki_size, at, seal->behind[rtcp]);
    memcpy(at, seal->mki, seal->mki_size);
    *size += seal->mki_size;
}

enum sealed seal_open(struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size)
{
    uint32_t ssrc = read32(data + (rtcp ? 4 : 8));
    struct source *source = seal_find(seal, ssrc);
    srtp_err_status_t failed;
    int64_t index;
    int length;

    if (*size < (rtcp ? RTCP_HEAD : RTP_HEAD) + seal->least[rtcp])
        return SEAL_CLEAR;
    if (!source && seal->count == SEAL_SOURCES)
        return SEAL_UNKEYED;
    if (seal->mki_size && !seal_take_mki(seal, rtcp, data, size))
        return SEAL_FORGED;
    index = index_of(seal, source, rtcp, data, *size);
    if (source && index <= (rtcp ? source->floor_rtcp : source->floor))
        return SEAL_REPLAYED;
    if (source && !rtcp)
        seal_set_rolls(seal, source, index);
    length = (int)*size;
    failed = rtcp ? srtp_unprotect_rtcp(seal->session, data, &length) : srtp_unprotect(seal->session, data, &length);
    if (failed == srtp_err_status_replay_fail || failed == srtp_err_status_replay_old)
        return SEAL_REPLAYED;
    if (failed)
        return SEAL_FORGED;
    source_note(source ? source : seal_enter(seal, ssrc), rtcp, index);
    *size = (uint32_t)length;
    return SEALED;
}

enum sealed seal_close(struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size)
{
    uint32_t ssrc = read32(data + (rtcp ? 4 : 8));
    struct source *source = seal_find(seal, ssrc);
    srtp_err_status_t failed;
    int length = (int)*size;

    if (source ? rtcp && source->index_rtcp >= NO_RTCP - 1 : seal->count == SEAL_SOURCES)
        return SEAL_UNKEYED;
    if (source && !rtcp)
        seal_set_rolls(seal, source, index_of(seal, source, rtcp, data, *size));
    failed = rtcp ? srtp_protect_rtcp(seal->session, data, &length) : srtp_protect(seal->session, data, &length);
    if (failed)
        return failed == srtp_err_status_replay_fail || failed == srtp_err_status_replay_old ? SEAL_REPLAYED : SEAL_FORGED;
    *size = (uint32_t)length;
    if (!source)
        source = seal_enter(seal, ssrc);
    source_note(source, rtcp, index_of(seal, source, rtcp, data, *size));
    if (seal->mki_size)
        seal_put_mki(seal, rtcp, data, size);
    return SEALED;
}

#else

const char *seal_missing(void)
{
    return "libsrtp2's headers (Debian: libsrtp2-dev) were not there when the package was built";
}

bool seal_has(enum suite suite)
{
    (void)suite;
    return false;
}

struct seal *seal_new(enum suite suite, const uint8_t *secret, const uint8_t *mki, uint32_t mki_size, bool sends,
                      const struct seal_row *rows, int count)
{
    (void)suite, (void)secret, (void)mki, (void)mki_size, (void)sends, (void)rows, (void)count;
    return NULL;
}

void seal_free(struct seal *seal)
{
    (void)seal;
}

int seal_rows(const struct seal *seal, struct seal_row rows[SEAL_SOURCES])
{
    (void)seal, (void)rows;
    return 0;
}

enum sealed seal_open(struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size)
{
    (void)seal, (void)rtcp, (void)data, (void)size;
    return SEAL_UNKEYED;
}

enum sealed seal_close(struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size)
{
    (void)seal, (void)rtcp, (void)data, (void)size;
    return SEAL_UNKEYED;
}

#endif
