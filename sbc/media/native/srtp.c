/* Seals packets by libsrtp2, and keeps count of how far each key has been used. */
#include "srtp.h"

#include <stdlib.h>
#include <string.h>

#ifdef SBC_SRTP
#include <pthread.h>
#include <srtp2/srtp.h>

#include "sources.h"
#include "srtp_fast.h"

#define RTP_HEAD 12
#define RTCP_HEAD 12          /* with the index behind it */
#define RTCP_TAG 10           /* octets, where the suite is no GCM */
#define WINDOW 128            /* packets behind the furthest that are still told from replayed ones */
#define AHEAD 127             /* by so much the furthest number of a window of libsrtp's is ahead of its first, of RTCP */
#define FURTHEST (1LL << 47)  /* an index of RTP that was counted further is not taken up again */
#define NO_RTCP (1LL << 31)   /* an index that no packet has */
#define SHORT_REPORT 8

struct seal {
    srtp_t session;
    uint32_t least[2];  /* octets behind the header, of RTP and RTCP */
    uint32_t mki_size;
    uint8_t mki[SEAL_MKI];
    uint32_t behind[2]; /* octets behind the MKI, of RTP and RTCP */
    bool sends;
    uint64_t lifetime; /* packets that the key is good for, of RTP as of RTCP; 0: as many as there are numbers */
    uint64_t used[2];
    int64_t begins; /* see struct seal_use; if it is no -1, here is what sources are made of that come: */
    enum suite suite;
    uint8_t key[SRTP_MAX_KEY_LEN];
    struct sources sources;
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

static bool is_replay(srtp_err_status_t failed)
{
    return failed == srtp_err_status_replay_fail || failed == srtp_err_status_replay_old;
}

static void write32(uint8_t *at, uint32_t number)
{
    for (int n = 0; n < 4; n++)
        at[n] = (uint8_t)(number >> (24 - 8 * n));
}

/* Have libsrtp know a source whose next RTCP has the number behind `index`. It has no function for that: but a stream that
   proves nothing takes the number of any packet for the furthest that has come, and keeps it when it gets its key. */
static bool seal_leap(struct seal *seal, const srtp_policy_t *policy, int64_t index)
{
    _Alignas(4) uint8_t report[RTCP_HEAD] = {0x80, 0xc9, 0, 1};
    srtp_policy_t unproven = *policy;
    int size = sizeof report;

    srtp_crypto_policy_set_null_cipher_hmac_null(&unproven.rtp);
    srtp_crypto_policy_set_null_cipher_hmac_null(&unproven.rtcp);
    write32(report + 4, policy->ssrc.value);
    write32(report + SHORT_REPORT, (uint32_t)(index + AHEAD));
    return srtp_add_stream(seal->session, &unproven) == srtp_err_status_ok &&
           srtp_unprotect_rtcp(seal->session, report, &size) == srtp_err_status_ok &&
           srtp_update_stream(seal->session, policy) == srtp_err_status_ok;
}

/* Go on where another was with that key. Null where that is not to be had. */
static struct source *seal_resume(struct seal *seal, const struct seal_row *row)
{
    struct source source = {.ssrc = row->ssrc, .index = row->index, .floor = row->index};
    int64_t index_rtcp = row->index_rtcp;
    bool leaps = seal->sends && index_rtcp >= 0;
    srtp_policy_t policy;

    policy_init(&policy, seal->suite);
    policy.key = seal->key;
    policy.ssrc.type = ssrc_specific;
    policy.ssrc.value = row->ssrc;
    if (leaps && index_rtcp >= NO_RTCP - 1 - AHEAD)
        index_rtcp = NO_RTCP, leaps = false; /* it is used up */
    if (leaps ? !seal_leap(seal, &policy, index_rtcp) : srtp_add_stream(seal->session, &policy) != srtp_err_status_ok)
        return NULL;
    source.index_rtcp = source.floor_rtcp = index_rtcp;
    source.resumes = row->index >= 0 && row->index < FURTHEST;
    return sources_enter(&seal->sources, &source);
}

struct seal *seal_new(enum suite suite, const uint8_t *secret, const uint8_t *mki, uint32_t mki_size, bool sends,
                      const struct seal_use *use)
{
    static const uint32_t tags[SUITES] = {10, 4, 10, 4, 16, 16};
    srtp_policy_t policy;
    struct seal *seal;
    bool made, gcm = suite >= SUITE_AEAD_AES_128_GCM;

    if (*seal_missing() || (unsigned)suite >= SUITES || mki_size > SEAL_MKI || !(seal = calloc(1, sizeof *seal)))
        return NULL;
    policy_init(&policy, suite);
    memcpy(seal->key, secret, (size_t)policy.rtp.cipher_key_len);
    policy.key = seal->key;
    seal->suite = suite;
    seal->begins = sends ? use->begins : -1;
    seal->lifetime = use->lifetime;
    memcpy(seal->used, use->used, sizeof seal->used);
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
    for (int n = 0; made && n < use->count && n < SEAL_SOURCES; n++)
        made = seal_resume(seal, &use->rows[n]) != NULL;
    seal->sources.grew = false;
    if (seal->begins < 0)
        explicit_bzero(seal->key, sizeof seal->key); /* all sources are made by libsrtp from now on */
    if (made)
        return seal;
    seal_free(seal);
    return NULL;
}

void seal_free(struct seal *seal)
{
    if (seal && seal->session)
        srtp_dealloc(seal->session);
    if (seal)
        sources_free(&seal->sources);
    if (seal)
        explicit_bzero(seal, sizeof *seal);
    free(seal);
}

bool seal_has(enum suite suite)
{
    static const uint8_t secret[SRTP_MAX_KEY_LEN];
    static const struct seal_use unused = {.begins = -1};
    struct seal *seal = seal_new(suite, secret, secret, 0, true, &unused);

    seal_free(seal);
    return seal != NULL;
}

int seal_rows(const struct seal *seal, struct seal_row rows[SEAL_SOURCES])
{
    for (int n = 0; n < seal->sources.count; n++) {
        const struct source *source = &seal->sources.all[n];
        rows[n] = (struct seal_row){source->index, source->index_rtcp, source->ssrc};
    }
    return seal->sources.count;
}

bool seal_grew(struct seal *seal)
{
    bool grew = seal->sources.grew;

    seal->sources.grew = false;
    return grew;
}

void seal_used(const struct seal *seal, uint64_t used[2])
{
    memcpy(used, seal->used, sizeof seal->used);
}

/* The place of an SSRC that has come or gone for the first time. */
static struct source *seal_enter(struct seal *seal, uint32_t ssrc)
{
    const struct source source = {.ssrc = ssrc, .index = -1, .index_rtcp = -1, .floor = -1, .floor_rtcp = -1};

    return sources_enter(&seal->sources, &source);
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
    return source_follow(source_furthest(source, false), (uint16_t)(data[2] << 8 | data[3]));
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

/* Have libsrtp begin with the right roll-overs: until a packet has passed, each may be one that does not. */
static void seal_set_rolls(struct seal *seal, const struct source *source, bool rtcp, int64_t index)
{
    if (source && source->resumes && !rtcp)
        srtp_set_stream_roc(seal->session, source->ssrc, (uint32_t)(index >> 16));
}

static bool seal_is_spent(const struct seal *seal, bool rtcp)
{
    return seal->lifetime && seal->used[rtcp] >= seal->lifetime;
}

/* A packet has passed. False: there is no room to remember that. */
static bool seal_note(struct seal *seal, struct source *source, uint32_t ssrc, bool rtcp, int64_t index)
{
    if (!source && !(source = seal_enter(seal, ssrc)))
        return false;
    if (!rtcp)
        source->resumes = false;
    source_note(source, rtcp, index);
    seal->used[rtcp]++;
    return true;
}

enum sealed seal_open(struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size)
{
    uint32_t ssrc = read32(data + (rtcp ? 4 : 8));
    struct source *source = sources_find(&seal->sources, ssrc);
    srtp_err_status_t failed;
    int64_t index;
    int length;

    if (*size < (rtcp ? RTCP_HEAD : RTP_HEAD) + seal->least[rtcp])
        return SEAL_CLEAR;
    if (!source && sources_full(&seal->sources))
        return SEAL_UNKEYED;
    if (seal_is_spent(seal, rtcp))
        return SEAL_EXPIRED;
    if (seal->mki_size && !seal_take_mki(seal, rtcp, data, size))
        return SEAL_FORGED;
    index = index_of(seal, source, rtcp, data, *size);
    if (source && index <= (rtcp ? source->floor_rtcp : source->floor))
        return SEAL_REPLAYED;
    seal_set_rolls(seal, source, rtcp, index);
    length = (int)*size;
    failed = rtcp ? srtp_unprotect_rtcp(seal->session, data, &length) : srtp_unprotect(seal->session, data, &length);
    if (failed)
        return is_replay(failed) ? SEAL_REPLAYED : SEAL_FORGED;
    *size = (uint32_t)length;
    return seal_note(seal, source, ssrc, rtcp, index) ? SEALED : SEAL_UNKEYED;
}

enum sealed seal_close(struct seal *seal, bool rtcp, uint8_t *data, uint32_t *size)
{
    uint32_t ssrc = read32(data + (rtcp ? 4 : 8));
    struct source *source = sources_find(&seal->sources, ssrc);
    srtp_err_status_t failed;
    int length = (int)*size;
    int64_t index;

    if (!source && seal->begins >= 0 && !sources_full(&seal->sources))
        source = seal_resume(seal, &(struct seal_row){-1, seal->begins, ssrc});
    if (source ? rtcp && source->index_rtcp >= NO_RTCP - 1 : seal->begins >= 0 || sources_full(&seal->sources))
        return SEAL_UNKEYED;
    if (seal_is_spent(seal, rtcp))
        return SEAL_EXPIRED;
    index = rtcp ? 0 : index_of(seal, source, false, data, *size);
    if (source && !rtcp && index <= source->floor)
        return SEAL_REPLAYED;
    seal_set_rolls(seal, source, rtcp, index);
    failed = rtcp ? srtp_protect_rtcp(seal->session, data, &length) : srtp_protect(seal->session, data, &length);
    if (failed)
        return is_replay(failed) ? SEAL_REPLAYED : SEAL_FORGED;
    *size = (uint32_t)length;
    if (rtcp && (index = index_rtcp(seal, data, *size)) <= source_furthest(source, true))
        return SEAL_FORGED; /* libsrtp has not gone on where it was put: no number goes out twice */
    if (!seal_note(seal, source, ssrc, rtcp, index))
        return SEAL_UNKEYED;
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
                      const struct seal_use *use)
{
    (void)suite, (void)secret, (void)mki, (void)mki_size, (void)sends, (void)use;
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

bool seal_grew(struct seal *seal)
{
    (void)seal;
    return false;
}

void seal_used(const struct seal *seal, uint64_t used[2])
{
    (void)seal, (void)used;
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
