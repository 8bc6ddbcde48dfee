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
    const __u32 *from = (const __u32 *)slot->wide[2], *to = (const __u32 *)slot->wide[3];
    __u64 sum = 0;

    if (packet->family == 4)
        return (__u64)slot->hosts[2] + slot->hosts[3] + (__u32)~packet->source[0] + (__u32)~packet->local[0];
#pragma unroll
    for (int i = 0; i < 4; i++)
        sum += (__u64)from[i] + to[i] + (__u32)~packet->source[i] + (__u32)~packet->local[i];
    return sum;
}

static __always_inline __u64 ports_changed(const struct relay_slot *slot, const struct packet *packet)
{
    return (__u64)slot->ports[2] + slot->ports[3] + (__u16)~packet->source_port + (__u16)~packet->local_port;
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

/* Write the UDP checksum anew, where there is one and it is whole; what the sum over the packet changes by then, once the
 * addresses and ports are written, too. Checksums make up for what is summed up in them: so, where the UDP checksum has
 * the addresses in it, which the checksum of IPv4 has made up for already, for them once more. */
static __always_inline __u32 rewrite_checksums(void *data, void *end, const struct relay_slot *slot,
                                               const struct packet *packet)
{
    struct udphdr *udp = udp_of(data, end, packet);
    __u64 addresses, ports;
    __u16 checksum;

    if (!udp)
        return 0;
    addresses = addresses_changed(slot, packet);
    ports = ports_changed(slot, packet);
    if (!udp->check)
        return fold(ports);
    checksum = changed(udp->check, addresses + ports);
    udp->check = checksum ? checksum : 0xFFFF; /* 0 says that there is none (RFC 768) */
    return packet->family == 4 ? (__u16)~fold(addresses) : 0;
}

/* The same where the checksum may be left to a device: by the stack, which knows whether it is. Pointers into the packet are
 * void after this. */
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
    ip->saddr = slot->hosts[2];
    ip->daddr = slot->hosts[3];
}

/* What the sum over the packet changes by, since this header has no checksum that makes up for it. */
static __always_inline __u32 rewrite6(struct ipv6hdr *ip, const struct relay_slot *slot, const struct packet *packet)
{
    __u8 *first = (__u8 *)ip;
    __u16 *class = (__u16 *)ip, *limit = (__u16 *)&ip->nexthdr;
    __u64 sum = (__u16)~*class + (__u16)~*limit;

    first[0] = 0x60 | packet->tos >> 4;
    first[1] = (__u8)(packet->tos << 4) | (first[1] & 0x0F); /* the flow label stays */
    ip->hop_limit--;
    __builtin_memcpy(&ip->saddr, slot->wide[2], 16);
    __builtin_memcpy(&ip->daddr, slot->wide[3], 16);
    return fold(sum + *class + *limit);
}

/* All but the UDP checksum; what the sum over the packet changes by besides what that does. */
static __always_inline __u32 rewrite_headers(void *data, void *end, const struct relay_slot *slot,
                                             const struct packet *packet)
{
    void *ip = data + sizeof(struct ethhdr);
    struct udphdr *udp = udp_of(data, end, packet);
    __u32 change = 0;

    if (!udp)
        return 0;
    if (packet->family == 4)
        rewrite4(ip, slot, packet);
    else
        change = rewrite6(ip, slot, packet);
    udp->source = slot->ports[2];
    udp->dest = slot->ports[3];
    return change;
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
