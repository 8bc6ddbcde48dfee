/* The maps of the kernel's program: relay_maps.h says what is in them. */
#ifndef SBC_RELAY_TABLES_H
#define SBC_RELAY_TABLES_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include "relay_maps.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, struct relay_address);
    __type(value, __u32);
    __uint(max_entries, 65536); /* user space says how many */
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct relay_near);
    __uint(max_entries, 16384);
    __uint(map_flags, BPF_F_MMAPABLE);
} near SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct relay_slot);
    __uint(max_entries, 65536);
    __uint(map_flags, BPF_F_MMAPABLE);
} slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct bucket);
    __uint(max_entries, RELAY_REALMS + 1);
    __uint(map_flags, BPF_F_MMAPABLE);
} buckets SEC(".maps");

/* What was recorded last of each slot's meter. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct relay_arrival);
    __uint(max_entries, 65537);
    __uint(map_flags, BPF_F_MMAPABLE);
} arrivals SEC(".maps");

/* A bit for each slot at which something has happened that user space must see to. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, __u64);
    __uint(max_entries, 1025);
    __uint(map_flags, BPF_F_MMAPABLE);
} news SEC(".maps");

/* What the programs may do at an interface (by index): RELAY_FRAMES, RELAY_PEER. No other process takes this over: to it other
 * things may be let, and of what it does not look at nothing may be known. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, RELAY_OUTLETS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
} outlets SEC(".maps");

/* When each neighbour was last used by way of the stack, which so keeps asking whether it is still there. */
struct neighbour {
    __u32 device;
    __u8 mac[6];
    __u16 spare;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __type(key, struct neighbour);
    __type(value, __u64);
    __uint(max_entries, 4096);
} confirmed SEC(".maps");

/* The hosts next on the way by interfaces that have RELAY_PEER or may have it, each as one processor has found it lately. */
struct hop {
    __u32 host[4]; /* as in a packet; of IPv4 the rest is 0 */
    __u32 device;
    __u8 near; /* whether packets for it may be handed over, */
    __u8 from[6], to[6]; /* and the link's addresses then */
    __u64 until; /* when all this is to be found again, */
    __u64 asked; /* and when the neighbour was last used by way of the stack; nanoseconds */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, __u32);
    __type(value, struct hop);
    __uint(max_entries, RELAY_HOPS);
} hops SEC(".maps");

/* Until when somebody answers for what is forwarded. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct relay_lease);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_MMAPABLE);
} lease SEC(".maps");

/* What becomes of the DSCP that packets come with. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct relay_marks);
    __uint(max_entries, RELAY_TABLES);
    __uint(map_flags, BPF_F_MMAPABLE);
} marks SEC(".maps");

/* Who is banned, and the ports that we signal at, each with its realm. No other process takes these over. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, struct relay_banned);
    __type(value, struct relay_ban);
    __uint(max_entries, RELAY_BANS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
} bans SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, struct relay_address);
    __type(value, __u32);
    __uint(max_entries, RELAY_DOORS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
} doors SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct relay_barrier);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_MMAPABLE);
} barrier SEC(".maps");

#endif
