/* The kernel engine's data plane: forwards the RTP and RTCP of flows that user space has learned, and leaves everything
 * else to the stack. One source, two programs: `sbc_xdp` in front of the stack (driver or generic), `sbc_tc` behind it on the
 * same interface, which takes what XDP cannot send (a neighbour that must be asked for, an interface that takes no frames, a
 * checksum that the sender has left to its device), or all of it where there is no XDP. See relay_maps.h for the maps.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "relay_barrier.h"
#include "relay_maps.h"
#include "relay_packet.h"
#include "relay_rewrite.h"
#include "relay_route.h"
#include "relay_tables.h"

char relay_license[] SEC("license") = "Dual MIT/GPL"; /* bpf_fib_lookup is for GPL programs alone */

/* What becomes of a packet. */
enum fate {
    UP,      /* left to the stack */
    DROPPED,
    FORWARD, /* it is counted, and has only to be rewritten and sent */
};

/* Count something that user space must see to. */
static __always_inline void ring(struct relay_slot *slot, __u64 *counter)
{
    __u32 index = slot->index / 64;
    __u64 *word = bpf_map_lookup_elem(&news, &index);

    __sync_fetch_and_add(counter, 1);
    if (word)
        __sync_fetch_and_or(word, 1ull << slot->index % 64);
}

/* Take octets out of both buckets of a flow, or out of none. */
static __always_inline bool within(struct relay_slot *slot, __u64 now, __u32 octets)
{
    struct bucket *own = NULL, *shared = NULL;
    __u32 index = slot->buckets[0];

    if (index)
        own = bpf_map_lookup_elem(&buckets, &index);
    index = slot->buckets[1];
    if (index)
        shared = bpf_map_lookup_elem(&buckets, &index);
    if (own && !bucket_take(own, octets, now))
        return false;
    if (shared && !bucket_take(shared, octets, now)) {
        if (own)
            __sync_fetch_and_sub(&own->full_at, bucket_time(own->step, octets));
        return false;
    }
    return true;
}

/* Note what the latched source has said last, for the latch in user space. */
static __always_inline void hear(struct relay_slot *slot, const struct packet *packet)
{
    slot->seen = packet->now;
    if (packet->kind == RTP) {
        slot->ssrc = packet->ssrc;
        slot->sequence = packet->sequence;
        slot->timestamp = packet->timestamp;
        slot->rtp_seen = packet->now;
        slot->heard = RELAY_HEARD_RTP;
    } else if (packet->kind == RTCP) {
        slot->rtcp_ssrc = packet->ssrc;
        slot->heard |= RELAY_HEARD_RTCP;
    }
}

static __always_inline void count(struct relay_slot *slot, const struct packet *packet)
{
    if (packet->kind == RTP) {
        __sync_fetch_and_add(&slot->packets, 1);
        __sync_fetch_and_add(&slot->octets, packet->size);
    } else {
        __sync_fetch_and_add(&slot->rtcp_packets, 1);
        __sync_fetch_and_add(&slot->rtcp_octets, packet->size);
    }
}

/* Note how it arrives. `end` is the frame's. */
static __always_inline void measure(struct relay_slot *slot, const struct packet *packet, const void *end)
{
    const __u8 *payload = packet->payload;
    struct relay_slot *other;
    __u8 head[METER_HEAD] = {};

    if (packet->kind == RTP) {
        if ((const void *)(payload + METER_HEADER) <= end)
            meter_packet(&slot->meter, payload, slot->clock, packet->now);
        return;
    }
    other = bpf_map_lookup_elem(&slots, &slot->other);
    if (!other)
        return;
    if ((const void *)(payload + METER_HEAD) <= end)
        __builtin_memcpy(head, payload, METER_HEAD);
    else if ((const void *)(payload + RTCP_SIZE + 24) <= end)
        __builtin_memcpy(head, payload, RTCP_SIZE + 24); /* a receiver report with one block */
    else
        return;
    meter_report(&slot->reports, &other->reports, head, packet->size, packet->now);
}

/* Judge a packet that came to one of our flows. In front of the stack (`xdp`) only what can be sent from there is
 * forwarded; what goes up comes by here again, behind it, and is counted there. */
static __always_inline enum fate judge(void *ctx, struct relay_slot *slot, struct packet *packet,
                                       struct bpf_fib_lookup *way, const void *end, bool xdp)
{
    long found;

    if (!from_source(slot, packet)) {
        if ((__s64)(packet->now - slot->seen) >= (__s64)RELAY_SILENCE) {
            if (!xdp)
                ring(slot, &slot->strangers);
            return UP;
        }
        __sync_fetch_and_add(&slot->wrong_source, 1);
        return DROPPED;
    }
    hear(slot, packet);
    if (packet->odd || !(slot->takes & packet->kind) || packet->size > slot->longest) {
        if (!xdp)
            ring(slot, &slot->others);
        return UP;
    }
    found = xdp ? route(ctx, way, slot, packet) : route_anew(ctx, way, slot, packet);
    if (xdp) {
        if (found != BPF_FIB_LKUP_RET_SUCCESS || packet->partial || !sure(slot, way, packet->now))
            return UP;
    } else if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH) {
        ring(slot, found == BPF_FIB_LKUP_RET_FRAG_NEEDED ? &slot->others : &slot->unrouted);
        return UP;
    }
    if (!within(slot, packet->now, packet->size)) {
        ring(slot, &slot->policed);
        return DROPPED; /* and lost, to whoever measures what has come */
    }
    measure(slot, packet, end);
    count(slot, packet);
    remark(slot, packet);
    return FORWARD;
}

/* Whether somebody answers for what is forwarded. Where not, the packet is the stack's, as if there were no flow: to sockets
 * if there are any, else the host says that nobody is here. In front of the stack (`xdp`) it is not counted. */
static __always_inline bool answered(__u64 now, bool xdp)
{
    __u32 index = 0;
    struct relay_lease *found = bpf_map_lookup_elem(&lease, &index);

    if (!found)
        return false;
    if (now < found->until)
        return true;
    if (!xdp)
        __sync_fetch_and_add(&found->passed, 1);
    return false;
}

/* The slot of the flow a packet belongs to, entered; NULL if there is none. Who has entered leaves again. */
static __always_inline struct relay_slot *enter(struct packet *packet, bool xdp)
{
    struct relay_address key;
    struct relay_slot *slot;
    __u32 *index;

    local_address(&key, packet);
    index = bpf_map_lookup_elem(&flows, &key);
    if (!index)
        return NULL;
    packet->now = bpf_ktime_get_ns();
    if (!answered(packet->now, xdp))
        return NULL;
    slot = bpf_map_lookup_elem(&slots, index);
    if (!slot)
        return NULL;
    if (__sync_fetch_and_add(&slot->gate, 1) & RELAY_SHUT || !same_address(&slot->local, &key)) {
        __sync_fetch_and_sub(&slot->gate, 1); /* the flow is being taken out, or the entry has become another's */
        return NULL;
    }
    return slot;
}

static __always_inline void leave(struct relay_slot *slot)
{
    __sync_fetch_and_sub(&slot->gate, 1);
}

SEC("xdp")
int sbc_xdp(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct bpf_fib_lookup way = {};
    struct packet packet = {};
    struct relay_slot *slot;
    enum fate fate;
    int action = XDP_PASS;

    slot = parse(&packet, data, end) ? enter(&packet, true) : NULL;
    if (!slot)
        return barred(ctx, data, end) ? XDP_DROP : XDP_PASS;
    fate = judge(ctx, slot, &packet, &way, end, true);
    if (fate == DROPPED) {
        action = XDP_DROP;
    } else if (fate == FORWARD) {
        rewrite_checksums(data, end, slot, &packet);
        rewrite_headers(data, end, slot, &packet);
        rewrite_ethernet(data, end, way.smac, way.dmac);
        action = way.ifindex == ctx->ingress_ifindex ? XDP_TX : bpf_redirect(way.ifindex, 0);
    }
    leave(slot);
    return action;
}

/* Send a packet on by the stack's own neighbours: it asks for those it does not know, and holds the packet meanwhile. */
static __always_inline int send(const struct bpf_fib_lookup *way)
{
    struct bpf_redir_neigh next = {.nh_family = way->family};

    if (way->family == AF_INET)
        next.ipv4_nh = way->ipv4_dst;
    else
        __builtin_memcpy(next.ipv6_nh, way->ipv6_dst, 16);
    return bpf_redirect_neigh(way->ifindex, &next, sizeof(next), 0);
}

SEC("tc")
int sbc_tc(struct __sk_buff *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct bpf_fib_lookup way = {};
    struct packet packet = {};
    struct relay_slot *slot;
    enum fate fate;
    int action = TC_ACT_UNSPEC; /* on to the filters of others, and to the stack */

    /* Not to this host; of another VLAN, whose own interface has its own filter. */
    if (ctx->pkt_type != 0 || ctx->vlan_present)
        return TC_ACT_UNSPEC;
    if (data + HEADERS > end && ctx->len > (__u32)(end - data)) {
        if (bpf_skb_pull_data(ctx, ctx->len < HEADERS ? ctx->len : HEADERS))
            return TC_ACT_UNSPEC;
        data = (void *)(long)ctx->data;
        end = (void *)(long)ctx->data_end;
    }
    packet.length = ctx->len;
    /* Several datagrams that were joined are no flow's. */
    slot = !ctx->gso_size && parse(&packet, data, end) ? enter(&packet, false) : NULL;
    if (!slot)
        return barred(ctx, data, end) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
    fate = judge(ctx, slot, &packet, &way, end, false);
    if (fate == DROPPED) {
        action = TC_ACT_SHOT;
    } else if (fate == FORWARD) {
        replace_checksums(ctx, slot, &packet); /* the stack knows whether they are whole, or left to a device */
        data = (void *)(long)ctx->data;
        end = (void *)(long)ctx->data_end;
        rewrite_headers(data, end, slot, &packet);
        if (slot->priority != RELAY_UNSET)
            ctx->priority = slot->priority;
        action = send(&way);
    }
    leave(slot);
    return action;
}
