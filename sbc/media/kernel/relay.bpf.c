/* The kernel engine's data plane: forwards the RTP and RTCP of flows that user space has learned, and leaves everything
 * else to the stack. One source, two programs: `sbc_xdp` in front of the stack (driver or generic), `sbc_tc` behind it on the
 * same interface, which takes what XDP cannot send (a neighbour that must be asked for, an interface that takes no frames, a
 * checksum that the sender has left to its device), or all of it where there is no XDP. By a veth TC hands it to the other end.
 * See relay_maps.h for the maps.
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

/* Tell user space that something was counted that it must see to. */
static __always_inline void ring(struct relay_slot *slot)
{
    __u32 index = slot->index / 64;
    __u64 *word = bpf_map_lookup_elem(&news, &index);

    if (word)
        __sync_fetch_and_or(word, 1ull << slot->index % 64);
}

/* Take octets out of both buckets of a flow, or out of none. */
static __always_inline bool within(struct relay_slot *slot, __u64 now, __u32 octets)
{
    struct bucket *own = NULL, *shared = NULL;
    struct relay_slot *side;
    __u32 index = slot->own;

    if (index && (side = bpf_map_lookup_elem(&slots, &index)))
        own = &side->bucket;
    index = slot->realm;
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
    if (packet->kind == RTP) {
        slot->seen = packet->now;
        slot->ssrc = packet->ssrc;
        slot->sequence = packet->sequence;
        slot->timestamp = packet->timestamp;
        slot->heard = RELAY_HEARD_RTP;
        return;
    }
    slot->seen_else = packet->now;
    if (packet->kind == RTCP) {
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
    else if ((const void *)(payload + RTCP_SIZE + 20) <= end)
        __builtin_memcpy(head, payload, RTCP_SIZE + 20); /* a sender report without one */
    else
        return;
    meter_report(&slot->reports, &other->reports, head, packet->size, packet->now);
}

/* Note a packet of the latched source that is left to user space: there it is measured, and here it is not lost. Of those that were
 * joined one follows the other. */
static __always_inline void pass_by(struct relay_slot *slot, struct packet *packet)
{
    if (packet->kind != RTP || !(slot->takes & RTP))
        return;
    meter_left(&slot->meter, packet->ssrc, packet->sequence);
    if (packet->joined) {
        packet->sequence += packet->joined - 1;
        meter_carried(&slot->meter, packet->ssrc, packet->sequence);
    }
}

/* The same, and tell user space of it: it may be something that changes what is forwarded. */
static __always_inline void leave_to_others(struct relay_slot *slot, struct packet *packet)
{
    pass_by(slot, packet);
    __sync_fetch_and_add(&slot->others, 1);
    ring(slot);
}

/* Judge a packet that came to one of our flows. In front of the stack (`xdp`) only what can be sent from there is
 * forwarded; what goes up comes by here again, behind it, and is counted there. */
static __always_inline enum fate judge(void *ctx, struct relay_slot *slot, struct packet *packet,
                                       struct bpf_fib_lookup *way, const void *end, bool xdp)
{
    long found;

    if (packet->part || packet->joined) { /* the stack has it whole, or each by itself, and user space judges it */
        if (!xdp && from_source(slot, packet)) {
            pass_by(slot, packet);
            hear(slot, packet);
        }
        return UP;
    }
    if (!from_source(slot, packet)) {
        if ((__s64)(packet->now - slot->seen) >= (__s64)RELAY_SILENCE &&
            (__s64)(packet->now - slot->seen_else) >= (__s64)RELAY_SILENCE) {
            if (!xdp) {
                __sync_fetch_and_add(&slot->strangers, 1);
                ring(slot);
            }
            return UP;
        }
        __sync_fetch_and_add(&slot->wrong_source, 1);
        return DROPPED;
    }
    hear(slot, packet);
    if (packet->odd || !(slot->takes & packet->kind) || packet->size > slot->longest) {
        if (!xdp)
            leave_to_others(slot, packet);
        return UP;
    }
    found = xdp ? route(ctx, way, slot, packet) : route_anew(ctx, way, slot, packet);
    if (xdp) {
        if (found != BPF_FIB_LKUP_RET_SUCCESS || packet->partial || !sure(slot, way, packet->now))
            return UP;
    } else if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH) {
        if (found == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
            leave_to_others(slot, packet);
            return UP;
        }
        __sync_fetch_and_add(&slot->unrouted, 1);
        ring(slot);
        return UP;
    }
    if (!within(slot, packet->now, packet->size)) {
        __sync_fetch_and_add(&slot->policed, 1);
        ring(slot);
        return DROPPED; /* and lost, to whoever measures what has come */
    }
    measure(slot, packet, end);
    count(slot, packet);
    remark(slot, packet);
    return FORWARD;
}

/* The slot that may be that of the flow a packet belongs to, by `near`; else by `flows`. */
static __always_inline struct relay_slot *find(const struct packet *packet, __u32 most)
{
    __u32 place = relay_place(packet->local, bpf_ntohs(packet->local_port), most);
    __u32 line = place / 16, *index;
    struct relay_near *beside = bpf_map_lookup_elem(&near, &line);
    struct relay_slot *slot = NULL;
    struct relay_address key;

    if (beside && beside->slots[place % 16])
        slot = bpf_map_lookup_elem(&slots, &beside->slots[place % 16]);
    if (slot && is_flow_of(slot, packet))
        return slot;
    local_address(&key, packet);
    index = bpf_map_lookup_elem(&flows, &key);
    return index ? bpf_map_lookup_elem(&slots, index) : NULL;
}

/* The slot of the flow a packet belongs to, entered; NULL if there is none. Who has entered leaves again. What nobody
 * answers for is the stack's, as if there were no flow: to sockets if there are any, else the host says that nobody is here.
 * In front of the stack (`xdp`) that is not counted. */
static __always_inline struct relay_slot *enter(struct packet *packet, bool xdp)
{
    __u32 index = 0;
    struct relay_lease *held = bpf_map_lookup_elem(&lease, &index);
    struct relay_slot *slot = held ? find(packet, held->near) : NULL;

    if (!slot)
        return NULL;
    packet->now = bpf_ktime_get_ns();
    if (packet->now >= held->until) {
        if (!xdp)
            __sync_fetch_and_add(&held->passed, 1);
        return NULL;
    }
    if (!(__sync_fetch_and_add(&slot->gate, 1) & RELAY_SHUT) && is_flow_of(slot, packet)) {
        if (slot->seen < held->anew)
            slot->meter.state = 0;
        return slot;
    }
    __sync_fetch_and_sub(&slot->gate, 1); /* the flow is being taken out, or the entry has become another's */
    return NULL;
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

static __always_inline __u64 mac_sum(const __u8 *mac)
{
    const __u16 *words = (const __u16 *)mac;

    return (__u64)words[0] + words[1] + words[2];
}

/* Where a sum over the packet is known (CHECKSUM_COMPLETE), sending it on by a neighbour adds the link's header as it came, and a
 * veth takes it off as it leaves: who receives it there would find the sum wrong, and what a tunnel's end has summed up by
 * itself it would drop. So the difference is made up for, as far as the neighbour is known. */
static __always_inline void sum_link(struct __sk_buff *skb, const struct relay_slot *slot, const struct packet *packet)
{
    const struct ethhdr *came = (void *)(long)skb->data;
    struct bpf_fib_lookup way = {};
    __u64 sum;

    if ((void *)(came + 1) > (void *)(long)skb->data_end)
        return;
    sum = ~mac_sum(came->h_dest) & 0xFFFFFFFF;
    sum += ~mac_sum(came->h_source) & 0xFFFFFFFF;
    if (route(skb, &way, slot, packet) == BPF_FIB_LKUP_RET_SUCCESS)
        bpf_csum_update(skb, fold(sum + mac_sum(way.dmac) + mac_sum(way.smac)));
}

/* Write a packet anew, and what its skb has of it: the sum over it, where a device has done that (CHECKSUM_COMPLETE), or where
 * one is to do it yet. `sent`: it is to be sent on by a neighbour. */
static __always_inline void rewrite(struct __sk_buff *skb, const struct relay_slot *slot, const struct packet *packet, bool sent)
{
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    __u32 change;

    if (packet->partial) {
        replace_checksums(skb, slot, packet);
        data = (void *)(long)skb->data;
        end = (void *)(long)skb->data_end;
        rewrite_headers(data, end, slot, packet);
        return;
    }
    change = rewrite_checksums(data, end, slot, packet);
    change += rewrite_headers(data, end, slot, packet);
    if (bpf_csum_update(skb, change) >= 0 && sent)
        sum_link(skb, slot, packet);
}

/* Hand a packet to the other end of the veth that it would be sent by, as if it came in there: without what was noted of it
 * here, which a veth takes off. */
static __always_inline int hand_over(struct __sk_buff *skb, const struct hop *hop)
{
    rewrite_ethernet((void *)(long)skb->data, (void *)(long)skb->data_end, hop->from, hop->to);
    skb->priority = 0;
    skb->mark = 0;
    return bpf_redirect_peer(hop->device, 0);
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
    slot = parse(&packet, data, end) ? enter(&packet, false) : NULL;
    if (ctx->gso_size)
        packet.joined = packet.size ? (__u16)((packet.size - 1) / ctx->gso_size + 1) : 1;
    if (!slot)
        return barred(ctx, data, end) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
    fate = judge(ctx, slot, &packet, &way, end, false);
    if (fate == DROPPED) {
        action = TC_ACT_SHOT;
    } else if (fate == FORWARD) {
        const struct hop *hop = near_hop(ctx, &way, slot, &packet);

        rewrite(ctx, slot, &packet, !hop);
        if (!hop && slot->priority != RELAY_UNSET)
            ctx->priority = slot->priority;
        action = hop ? hand_over(ctx, hop) : send(&way);
    }
    leave(slot);
    return action;
}
