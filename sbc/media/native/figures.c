/* How a stream stands and what it has counted, as Python is told it; the latter as plain numbers in a row. */
#include <string.h>

#include "endpoint.h"

static uint64_t refused(const struct arrivals *arrivals)
{
    uint64_t sum = 0;

    for (int n = 0; n < REASONS; n++)
        sum += arrivals->refused[n];
    return sum;
}

static void side_figures(const struct side_state *side, uint64_t *to)
{
    const struct port_state *rtp = &side->ports[0], *rtcp = &side->ports[1];
    const struct arrivals *first = &rtp->arrivals, *second = &rtcp->arrivals;
    const struct meter *meter = &side->meter;
    const struct meter_reports *reports = &side->reports;
    const uint64_t figures[FIGURES] = {
        first->rtp.packets + second->rtp.packets,
        first->rtp.octets + second->rtp.octets,
        first->rtcp.packets + second->rtcp.packets,
        first->rtcp.octets + second->rtcp.octets,
        rtp->departures.sent.packets,
        rtp->departures.sent.octets,
        rtcp->departures.sent.packets,
        rtcp->departures.sent.octets,
        /* Drops */
        refused(first) + refused(second),
        first->too_short + second->too_short,
        first->too_long + second->too_long,
        first->not_rtp + second->not_rtp,
        rtp->drops + rtcp->drops + first->unread + second->unread,
        first->policed + second->policed,
        rtp->departures.no_destination + rtcp->departures.no_destination,
        rtp->departures.failed + rtcp->departures.failed,
        first->unsealed[SEAL_UNKEYED] + second->unsealed[SEAL_UNKEYED],
        first->unsealed[SEAL_FORGED] + second->unsealed[SEAL_FORGED],
        first->unsealed[SEAL_REPLAYED] + second->unsealed[SEAL_REPLAYED],
        first->unsealed[SEAL_CLEAR] + second->unsealed[SEAL_CLEAR],
        first->unsealed[SEAL_EXPIRED] + second->unsealed[SEAL_EXPIRED],
        /* Tally */
        meter->received,
        meter->lost,
        meter->gaps,
        meter->duplicates,
        meter->late,
        meter->samples,
        meter->jitter >> 4,
        meter->jitter_sum,
        meter->jitter_max * 100ULL,
        /* Trips */
        reports->rtt_sum,
        reports->rtt_count,
        reports->rtt_max,
        reports->told,
        reports->told_lost,
    };

    for (int n = 0; n < FIGURES; n++)
        to[n] = figures[n];
}

void stream_figures(const struct stream_state *state, uint64_t figures[2 * FIGURES])
{
    side_figures(&state->sides[0], figures);
    side_figures(&state->sides[1], figures + FIGURES);
}

static void side_gather(const struct side *side, struct side_state *state, int64_t now)
{
    for (int n = 0; n < 2; n++) {
        const struct inlet *inlet = &side->ports[n];
        const struct outlet *outlet = &side->outlets[n];
        struct port_state *port = &state->ports[n];

        memset(port, 0, sizeof *port);
        if (outlet->aim.to_size)
            port->to = endpoint_address(&outlet->aim.to);
        port->departures = outlet->count;
        if (n && !side->has_rtcp)
            continue;
        port->signalled = inlet->latch.signalled;
        port->latched = inlet->latch.latched;
        port->reason = inlet->latch.reason;
        port->firm = latch_firm(&inlet->latch, now);
        port->arrivals = inlet->count;
    }
    state->meter = side->meter;
    state->reports = side->reports;
    state->held = side->ports[0].latch.held;
    state->mux = side_muxes(side);
    state->sealed = side->secured && (side->carrier ? side->carrier : side)->writes;
    state->shared = side->outlets[0].aim.prefixed || side->outlets[1].aim.prefixed || side->ports[0].shared ||
                    (side->has_rtcp && side->ports[1].shared);
}

void stream_gather(const struct stream *stream, struct stream_state *state, int64_t now)
{
    for (int n = 0; n < 2; n++)
        side_gather(&stream->sides[n], &state->sides[n], now);
}

void stream_rows(const struct stream *stream, struct stream_rows *rows)
{
    for (int n = 0; n < 4; n++) {
        const struct side *side = &stream->sides[n / 2];
        const struct seals *seals = n % 2 ? side->seals_rtcp : side->seals;
        int first = 2 * (n % 2);
        rows->counts[n / 2][first] = seals && seals->receive ? seal_rows(seals->receive, rows->rows[n / 2][first]) : 0;
        rows->counts[n / 2][first + 1] = seals_write(seals) ? seal_rows(seals->send, rows->rows[n / 2][first + 1]) : 0;
        if (seals && seals->receive)
            seal_used(seals->receive, rows->used[n / 2][n % 2]);
    }
}
