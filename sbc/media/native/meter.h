/* How well the RTP of one direction arrives, packet by packet (RFC 3550 appendices A.1, A.3 and A.8), and what RTCP tells
 * to somebody in the middle (section 6.4.1). Shared by the engines in user space and in the kernel: nothing but integers,
 * no library, no loop without a bound, no signed division. sbc/media/meter.py is the same in Python, and says more.
 */
#ifndef SBC_METER_H
#define SBC_METER_H

#ifdef __bpf__
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
#else
#include <stdint.h>
#endif

/* cffi: from here, what Python may see */
struct meter {
    uint64_t received;   /* packets, each once */
    uint64_t jitter_sum; /* of the jitter after each sample, in microseconds */
    uint32_t samples;
    uint32_t lost;       /* packets that were skipped and have not come since */
    uint32_t gaps;       /* times that any were skipped */
    uint32_t duplicates;
    uint32_t late;       /* came behind one that was sent after them */
    uint32_t jitter;     /* microseconds, times 16 */
    uint32_t ssrc;
    uint32_t timestamp;  /* of the latest packet that was timed, and when that came, in units of its clock */
    uint32_t arrival;
    uint32_t seen;       /* bit n: what is n behind `sequence` has come, or was sent before the run began */
    uint16_t sequence;   /* the furthest of the run */
    uint16_t awaited;    /* what follows a packet that has jumped */
    uint16_t jitter_max; /* tenths of milliseconds */
    uint8_t type;        /* payload type of the latest packet that was timed */
    uint8_t state;
};

struct meter_reports {
    uint64_t sent_at[2];   /* the two latest sender reports of this side: when they came (nanoseconds), */
    uint32_t sent_ssrc[2]; /* whose they are, */
    uint32_t sent_ntp[2];  /* and the middle of their NTP timestamps */
    uint64_t rtt_sum;      /* round trips between us and this side, microseconds */
    uint32_t rtt_count;
    uint32_t rtt;          /* the latest */
    uint32_t rtt_max;
    uint32_t told_lost;    /* what this side says it misses of what was sent to it: packets in all, */
    uint8_t told_fraction; /* and 256ths of those since its report before */
    uint8_t told;          /* whether it has said so */
    uint8_t next;
    uint8_t spare[5];
};

static inline void meter_packet(struct meter *m, const uint8_t *header, uint32_t clock, uint64_t now);
static inline void meter_pause(struct meter *m);
static inline void meter_resume(struct meter *m);
static inline void meter_carried(struct meter *m, uint32_t ssrc, uint16_t sequence);
static inline void meter_left(struct meter *m, uint32_t ssrc, uint16_t sequence);
static inline void meter_report(struct meter_reports *from, const struct meter_reports *other, const uint8_t *head,
                                uint32_t size, uint64_t now);
/* cffi: to here */

_Static_assert(sizeof(struct meter) == 64, "a meter is one cache line");
_Static_assert(sizeof(struct meter_reports) == 64, "so are the reports of a side");

#define METER_INLINE static inline __attribute__((always_inline))

#define METER_MAX_DROPOUT 3000    /* RFC 3550 appendix A.1 */
#define METER_MAX_MISORDER 100
#define METER_WINDOW 32           /* packets back that are told from each other: the bits of `seen` */
#define METER_MAX_CLOCK 1000000   /* Hz */
#define METER_MAX_LEAP 4          /* seconds that a packet may be off before it is taken for another time */
#define METER_PAUSE 10            /* a tenth of a second: so long a silence before a marker is no jitter */
#define METER_MAX_RTT 10000000    /* microseconds */
#define METER_HEADER 12           /* octets that meter_packet reads, */
#define METER_HEAD 52             /* and meter_report: a sender report with one block */

enum { METER_RUNNING = 1, METER_JUMPED = 2, METER_TIMED = 4, METER_AWAY = 8 };
enum { METER_SENDER_REPORT = 200, METER_RECEIVER_REPORT = 201 };

METER_INLINE uint16_t meter_read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

METER_INLINE uint32_t meter_read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The clock of a payload type: the static types of audio keep that of RFC 3551 table 4 whatever else was agreed upon. */
METER_INLINE uint32_t meter_clock(uint8_t type, uint32_t clock)
{
    if (type <= 18 && (0x4B3B9u >> type & 1)) /* 0, 3, 4, 5, 7, 8, 9, 12, 13, 15, 18 */
        return 8000;
    return clock <= METER_MAX_CLOCK ? clock : 0;
}

/* Nanoseconds in units of a clock, modulo 2^32. */
METER_INLINE uint32_t meter_units(uint64_t now, uint32_t clock)
{
    return (uint32_t)(now / 1000000000u * clock + now % 1000000000u * clock / 1000000000u);
}

METER_INLINE void meter_begin(struct meter *m, uint32_t ssrc, uint16_t sequence)
{
    m->ssrc = ssrc;
    m->sequence = sequence;
    m->seen = 0xFFFFFFFFu;
    m->state = METER_RUNNING | (m->state & METER_AWAY);
}

/* Count a packet of the run that is going on. Whether it came for the first time, and so may be timed. */
METER_INLINE int meter_count(struct meter *m, uint16_t sequence)
{
    uint16_t ahead = (uint16_t)(sequence - m->sequence);
    uint16_t back = (uint16_t)(m->sequence - sequence);

    if (back < METER_WINDOW) {
        uint32_t bit = 1u << back;
        if (m->seen & bit) {
            m->duplicates++;
            return 0;
        }
        m->seen |= bit;
        m->received++;
        m->lost--;
        m->late++;
        return 1;
    }
    if (back < METER_MAX_MISORDER) { /* too late for any use: lost it stays */
        m->late++;
        return 1;
    }
    if (ahead < METER_MAX_DROPOUT) {
        m->seen = ahead < METER_WINDOW ? m->seen << ahead | 1 : 1;
        m->lost += ahead - 1u;
        m->gaps += ahead > 1;
        m->received++;
        m->sequence = sequence;
        m->state &= (uint8_t)~METER_JUMPED;
        return 1;
    }
    if (m->state & METER_JUMPED && sequence == m->awaited) {
        meter_begin(m, m->ssrc, sequence);
        m->received += 2;
        return 1;
    }
    m->state |= METER_JUMPED;
    m->awaited = (uint16_t)(sequence + 1);
    return 0;
}

METER_INLINE void meter_sample(struct meter *m, uint32_t off, uint32_t clock)
{
    uint32_t jitter;

    m->jitter += (uint32_t)((uint64_t)off * 1000000u / clock) - ((m->jitter + 8) >> 4);
    jitter = m->jitter >> 4;
    m->samples++;
    m->jitter_sum += jitter;
    if (jitter / 100 > m->jitter_max)
        m->jitter_max = (uint16_t)(jitter / 100);
}

METER_INLINE void meter_time(struct meter *m, uint8_t type, int marker, uint32_t timestamp, uint32_t clock, uint64_t now)
{
    uint32_t arrival = meter_units(now, clock);

    if (m->state & METER_TIMED && type == m->type) {
        uint32_t gone = arrival - m->arrival;
        uint32_t off = gone - (timestamp - m->timestamp);
        if (timestamp == m->timestamp)
            return;
        if (off >> 31)
            off = 0u - off;
        if (off <= METER_MAX_LEAP * clock && !(marker && gone > clock / METER_PAUSE))
            meter_sample(m, off, clock);
    }
    m->type = type;
    m->timestamp = timestamp;
    m->arrival = arrival;
    m->state |= METER_TIMED;
}

/* Take a packet that was accepted and not policed: the first METER_HEADER octets of it. `clock` is the side's in Hz (0: not known), `now`
 * in nanoseconds of any clock that only goes on. */
METER_INLINE void meter_packet(struct meter *m, const uint8_t *header, uint32_t clock, uint64_t now)
{
    uint8_t type = header[1] & 0x7F;
    uint16_t sequence = meter_read16(header + 2);
    uint32_t ssrc = meter_read32(header + 8);

    if ((m->state & (METER_RUNNING | METER_AWAY)) != METER_RUNNING || m->ssrc != ssrc) {
        meter_begin(m, ssrc, sequence);
        m->received++;
    } else if (!meter_count(m, sequence)) {
        return;
    }
    clock = meter_clock(type, clock);
    if (clock)
        meter_time(m, type, header[1] >> 7, meter_read32(header + 4), clock, now);
    else
        m->state &= (uint8_t)~METER_TIMED;
}

/* Somebody else takes the packets from now on. What comes here all the same is a run by itself: what is missing between is not
 * lost. */
METER_INLINE void meter_pause(struct meter *m)
{
    m->state = METER_AWAY;
}

/* They come here again. */
METER_INLINE void meter_resume(struct meter *m)
{
    m->state &= (uint8_t)~METER_AWAY;
}

/* Somebody else has taken the packets up to this one. What has followed it here meanwhile stays the furthest. */
METER_INLINE void meter_carried(struct meter *m, uint32_t ssrc, uint16_t sequence)
{
    uint16_t ahead = (uint16_t)(m->sequence - sequence);

    if ((m->state & (METER_RUNNING | METER_AWAY)) != (METER_RUNNING | METER_AWAY) || m->ssrc != ssrc || ahead >= METER_MAX_DROPOUT)
        meter_begin(m, ssrc, sequence);
}

/* Somebody else takes this one packet of those that come here. It is not lost, and whoever takes it counts it; what is missing
 * before it is lost all the same. */
METER_INLINE void meter_left(struct meter *m, uint32_t ssrc, uint16_t sequence)
{
    uint16_t ahead = (uint16_t)(sequence - m->sequence), back = (uint16_t)(m->sequence - sequence);
    uint64_t received = m->received;

    if (!(m->state & METER_RUNNING) || m->ssrc != ssrc || (ahead >= METER_MAX_DROPOUT && back >= METER_MAX_MISORDER))
        meter_begin(m, ssrc, sequence);
    else
        meter_count(m, sequence);
    m->received = received;
}

METER_INLINE void meter_remember(struct meter_reports *from, uint32_t ssrc, uint32_t ntp, uint64_t now)
{
    uint8_t at = from->next & 1;

    if (!ntp || (from->sent_ntp[at ^ 1] == ntp && from->sent_ssrc[at ^ 1] == ssrc))
        return; /* it has no clock, or came twice */
    from->sent_at[at] = now;
    from->sent_ssrc[at] = ssrc;
    from->sent_ntp[at] = ntp;
    from->next = at ^ 1;
}

METER_INLINE void meter_round_trip(struct meter_reports *from, uint64_t sent_at, uint32_t delay, uint64_t now)
{
    uint64_t gone = (now - sent_at) / 1000u;
    uint64_t kept = (uint64_t)delay * 1000000u >> 16;
    uint32_t rtt;

    if (gone < kept || gone - kept > METER_MAX_RTT)
        return;
    rtt = (uint32_t)(gone - kept);
    from->rtt = rtt;
    from->rtt_sum += rtt;
    from->rtt_count++;
    if (rtt > from->rtt_max)
        from->rtt_max = rtt;
}

/* Take a block about what the other side has sent, if it is about the source of that side's sender report number `at`: who
 * knows that SSRC has read the report, and it is none of SRTCP's, where all from the ninth octet on is encrypted. */
METER_INLINE void meter_block(struct meter_reports *from, const struct meter_reports *other, int at, const uint8_t *block,
                              uint64_t now)
{
    if (!other->sent_ntp[at] || other->sent_ssrc[at] != meter_read32(block))
        return;
    from->told = 1;
    from->told_fraction = block[4];
    from->told_lost = block[5] >> 7 ? 0 : meter_read32(block + 4) & 0x7FFFFF; /* signed: there may be duplicates */
    if (other->sent_ntp[at] == meter_read32(block + 16))
        meter_round_trip(from, other->sent_at[at], meter_read32(block + 20), now);
}

/* Take RTCP of `size` octets that was accepted from one side; `head` is the first METER_HEAD of it, with anything behind
 * its end. `other` is the other side, to which what is reported belongs. Only the first packet of a compound is read, and
 * the first block in it: a call has one source on each side. */
METER_INLINE void meter_report(struct meter_reports *from, const struct meter_reports *other, const uint8_t *head,
                               uint32_t size, uint64_t now)
{
    uint32_t length = 4u + 4u * meter_read16(head + 2);
    uint32_t begin = head[1] == METER_SENDER_REPORT ? 28 : 8;
    const uint8_t *block;

    if (head[0] >> 6 != 2 || length > size || length < begin)
        return;
    if (head[1] == METER_SENDER_REPORT)
        meter_remember(from, meter_read32(head + 4), meter_read32(head + 10), now);
    else if (head[1] != METER_RECEIVER_REPORT)
        return;
    if (!(head[0] & 0x1F) || length < begin + 24)
        return;
    block = begin == 28 ? head + 28 : head + 8;
    meter_block(from, other, 0, block, now);
    meter_block(from, other, 1, block, now);
}

#endif
