/* How the kernel's program writes a packet anew: addresses, ports, DSCP, TTL, and the checksums by what has changed. */
#ifndef SBC_RELAY_REWRITE_H
#define SBC_RELAY_REWRITE_H

#include "relay_maps.h"
#include "relay_packet.h"
#include "relay_tables.h"

/* A checksum after words have changed, whose old ones sum up to `gone` in complements, and new ones to `come`: equation 3
 * of RFC 1624. */
static __always_inline __u16 changed(__u16 checksum, __u64 come_and_gone)
{
    return (__u16)~fold((__u16)~checksum + come_and_gone);
}

/* The change of the addresses, as `changed` takes it: the new ones and the complements of the old ones. */
static __always_inline __u64 addresses_changed(const struct relay_slot *slot, const struct packet *packet)
{
    const __u32 *from = (const __u32 *)slot->from.host, *to = (const __u32 *)slot->to.host;
    __u64 sum = 0;

#pragma unroll
    for (int i = 0; i < 4; i++)
        sum += (__u64)from[i] + to[i] + (__u32)~packet->source[i] + (__u32)~packet->local[i];
    return sum;
}

static __always_inline __u64 ports_changed(const struct relay_slot *slot, const struct packet *packet)
{
    return (__u64)slot->from.port + slot->to.port + (__u16)~packet->source_port + (__u16)~packet->local_port;
}

/* How a packet is to be marked when it leaves. */
static __always_inline void remark(const struct relay_slot *slot, struct packet *packet)
{
    __u32 number = slot->marks;
    struct relay_marks *table = number ? bpf_map_lookup_elem(&marks, &number) : NULL;
    __u8 leaves = table ? table->leaves[packet->tos >> 2 & 63] : RELAY_OWN;

    packet->tos = leaves == RELAY_OWN ? slot->tos : (__u8)(leaves << 2);
}

static __always_inline struct udphdr *udp_of(void *data, void *end, const struct packet *packet)
{
    void *ip = data + sizeof(struct ethhdr);
    struct udphdr *udp = packet->family == 4 ? ip + sizeof(struct iphdr) : ip + sizeof(struct ipv6hdr);

    return (void *)(udp + 1) > end ? NULL : udp;
}

/* The UDP checksum, where there is one and it is whole. */
static __always_inline void rewrite_checksums(void *data, void *end, const struct relay_slot *slot,
                                              const struct packet *packet)
{
    struct udphdr *udp = udp_of(data, end, packet);
    __u16 checksum;

    if (!udp || !udp->check)
        return;
    checksum = changed(udp->check, addresses_changed(slot, packet) + ports_changed(slot, packet));
    udp->check = checksum ? checksum : 0xFFFF; /* 0 says that there is none (RFC 768) */
}

/* The same by the stack, which knows of each packet whether its checksum is whole. Pointers into it are void after this. */
static __always_inline void replace_checksums(struct __sk_buff *skb, const struct relay_slot *slot,
                                              const struct packet *packet)
{
    __u32 at = sizeof(struct ethhdr) + (packet->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));

    at += __builtin_offsetof(struct udphdr, check);
    bpf_l4_csum_replace(skb, at, 0, fold(addresses_changed(slot, packet)), BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
    bpf_l4_csum_replace(skb, at, 0, fold(ports_changed(slot, packet)), BPF_F_MARK_MANGLED_0);
}

static __always_inline void rewrite4(struct iphdr *ip, const struct relay_slot *slot, const struct packet *packet)
{
    __u16 *class = (__u16 *)ip, *ttl = (__u16 *)&ip->ttl;
    __u64 sum = addresses_changed(slot, packet) + (__u16)~*class + (__u16)~*ttl;

    ip->tos = packet->tos;
    ip->ttl--;
    ip->check = changed(ip->check, sum + *class + *ttl);
    __builtin_memcpy(&ip->saddr, slot->from.host, 4);
    __builtin_memcpy(&ip->daddr, slot->to.host, 4);
}

static __always_inline void rewrite6(struct ipv6hdr *ip, const struct relay_slot *slot, const struct packet *packet)
{
    __u8 *first = (__u8 *)ip;

    first[0] = 0x60 | packet->tos >> 4;
    first[1] = (__u8)(packet->tos << 4) | (first[1] & 0x0F); /* the flow label stays */
    ip->hop_limit--;
    __builtin_memcpy(&ip->saddr, slot->from.host, 16);
    __builtin_memcpy(&ip->daddr, slot->to.host, 16);
}

/* All but the UDP checksum. */
static __always_inline void rewrite_headers(void *data, void *end, const struct relay_slot *slot,
                                            const struct packet *packet)
{
    void *ip = data + sizeof(struct ethhdr);
    struct udphdr *udp = udp_of(data, end, packet);

    if (!udp)
        return;
    if (packet->family == 4)
        rewrite4(ip, slot, packet);
    else
        rewrite6(ip, slot, packet);
    udp->source = slot->from.port;
    udp->dest = slot->to.port;
}

static __always_inline void rewrite_ethernet(void *data, void *end, const __u8 *from, const __u8 *to)
{
    struct ethhdr *ethernet = data;

    if ((void *)(ethernet + 1) > end)
        return;
    __builtin_memcpy(ethernet->h_source, from, ETH_ALEN);
    __builtin_memcpy(ethernet->h_dest, to, ETH_ALEN);
}

#endif
