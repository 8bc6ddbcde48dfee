/* A side's keys: which counts, for how long, and how often one is tried. */
#include "sealing.h"

#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define GRACE INT64_C(3000000000) /* nanoseconds for which a key that has given way to another counts: packets are under way */
#define TRIALS 1000               /* a second, */
#define TRIALS_AT_ONCE 200
#define HANDSHAKES 100

void seals_take(struct seals **at, const struct new_seals *given, int64_t now)
{
    struct seals *seals = *at ? *at : (*at = calloc(1, sizeof *seals));

    if (!seals) {
        seal_free(given->receive);
        seal_free(given->send);
        return;
    }
    if (!given->kept_receive) {
        seal_free(seals->former);
        seals->former = seals->receive;
        seals->receive = given->receive;
        seals->until = now + GRACE;
        seals->expired = false;
        if (!given->receive) {
            seal_free(seals->former);
            seals->former = NULL;
        }
    }
    if (!given->kept_send) {
        seal_free(seals->send);
        seals->send = given->send;
    }
    seals->hears = given->hears;
    bucket_change(&seals->trials, TRIALS, TRIALS_AT_ONCE, (uint64_t)now);
    for (int n = 0; n < 4; n++)
        bucket_change(&seals->handshakes[n / 2][n % 2], HANDSHAKES, HANDSHAKES, (uint64_t)now);
}

void seals_free(struct seals **at)
{
    struct seals *seals = *at;

    if (!seals)
        return;
    seal_free(seals->receive);
    seal_free(seals->former);
    seal_free(seals->send);
    free(seals);
    *at = NULL;
}

/* Whether packets of RTCP fill a datagram to its end, as they do where nothing is encrypted. */
static bool is_whole(const uint8_t *data, uint32_t size)
{
    struct rtcp_header head;

    while (size) {
        if (!rtcp_parse(data, size, &head))
            return false;
        data += head.size;
        size -= head.size;
    }
    return true;
}

enum sealed seals_open(struct seals *seals, bool rtcp, uint8_t *data, uint32_t *size, int64_t now)
{
    static _Thread_local uint8_t kept[65536];
    bool is_clear = rtcp && is_whole(data, *size);
    enum sealed sealed;

    if (!seals || !seals->receive)
        return SEAL_UNKEYED;
    if (seals->former && now >= seals->until) {
        seal_free(seals->former);
        seals->former = NULL;
    }
    if (seals->former && *size <= sizeof kept)
        memcpy(kept, data, *size); /* who tries to read a packet may spoil it */
    sealed = seal_open(seals->receive, rtcp, data, size);
    if (sealed == SEALED && seal_grew(seals->receive))
        seals->unsaid |= UNSAID_USED;
    if (sealed == SEAL_EXPIRED && !seals->expired) {
        seals->expired = true;
        seals->unsaid |= UNSAID_EXPIRED;
    }
    if (sealed != SEALED && seals->former && *size <= sizeof kept) {
        memcpy(data, kept, *size);
        sealed = seal_open(seals->former, rtcp, data, size);
    }
    return sealed == SEAL_FORGED && is_clear ? SEAL_CLEAR : sealed;
}

enum sealed seals_close(struct seals *seals, bool rtcp, uint8_t *data, uint32_t *size)
{
    enum sealed sealed;

    if (!seals_write(seals))
        return SEAL_UNKEYED;
    sealed = seal_close(seals->send, rtcp, data, size);
    if (seal_grew(seals->send))
        seals->unsaid |= UNSAID_USED;
    return sealed;
}

bool seals_may_try(struct seals *seals, enum reason reason, int64_t now)
{
    if (!seals || !seals->receive || (reason >= REASON_LATCHED && reason <= REASON_RTP_HOST) || reason == REASON_NOMINATED)
        return true;
    return bucket_take(&seals->trials, 1, (uint64_t)now);
}

bool seals_may_hand(struct seals *seals, bool rtcp, bool known, int64_t now)
{
    return bucket_take(&seals->handshakes[rtcp][known], 1, (uint64_t)now);
}
