/* What a stream has counted as Python is told it: plain numbers in a row. */
#include "counters.h"

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
