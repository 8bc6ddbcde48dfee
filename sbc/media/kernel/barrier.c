/* Puts bans in and out, and the ports of ours that they keep sources from: see relay_barrier.h. */
#include <arpa/inet.h>
#include <errno.h>

#include <bpf/bpf.h>

#include "loader_relay.h"

struct relay_barrier *relay_barrier(struct relay *relay)
{
    return relay->barrier;
}

/* Ban a source until then. One that is banned goes on to be counted where it was: what is dropped in this very moment may
 * be missing in its own count, though not in that of all. 1 where it was not banned before. */
int relay_bar(struct relay *relay, const struct relay_banned *who, __u64 until)
{
    struct relay_ban ban = {0};
    int is_new = bpf_map_lookup_elem(relay->bans, who, &ban) != 0;

    ban.until = until;
    if (bpf_map_update_elem(relay->bans, who, &ban, BPF_ANY))
        return -errno;
    if (is_new)
        __atomic_fetch_add(&relay->barrier->bans, 1, __ATOMIC_SEQ_CST);
    return is_new;
}

/* Let it in again. */
int relay_unbar(struct relay *relay, const struct relay_banned *who)
{
    if (bpf_map_delete_elem(relay->bans, who))
        return -errno;
    __atomic_fetch_sub(&relay->barrier->bans, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int relay_barred(const struct relay *relay, const struct relay_banned *who, struct relay_ban *found)
{
    return bpf_map_lookup_elem(relay->bans, who, found) ? -errno : 0;
}

/* We signal in a realm at so many ports, from `first` on; or (0) no more. */
int relay_door(struct relay *relay, const struct relay_address *first, __u32 count, __u32 realm)
{
    struct relay_address door = *first;

    for (__u32 n = 0; n < count; n++) {
        door.port = htons((__u16)(ntohs(first->port) + n));
        if (realm ? bpf_map_update_elem(relay->doors, &door, &realm, BPF_ANY) : bpf_map_delete_elem(relay->doors, &door))
            if (realm || errno != ENOENT)
                return -errno;
    }
    return 0;
}
