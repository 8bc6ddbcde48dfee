/* What Python asks of libbpf and of the maps: see relay_maps.h for those. What can fail returns a negative errno. */
#ifndef SBC_LOADER_H
#define SBC_LOADER_H

#include <stddef.h>

#include "relay_maps.h"

/* cffi: from here, what Python may call */
struct relay;

struct relay *relay_load(const char *directory, __u32 room, char *why, size_t size);
void relay_free(struct relay *relay);
struct relay_slot *relay_slots(struct relay *relay);
struct relay_arrival *relay_arrivals(struct relay *relay);
struct bucket *relay_buckets(struct relay *relay);
struct relay_lease *relay_lease(struct relay *relay);
int relay_has(const struct bucket *bucket, __u64 octets);
void relay_take(struct bucket *bucket, __u64 octets);
void relay_fill(struct bucket *bucket, __u64 octets, __u64 burst);

int relay_enter(struct relay *relay, __u32 index);
int relay_shut(struct relay *relay, __u32 index);
int relay_find(const struct relay *relay, const struct relay_address *local);
int relay_next(const struct relay *relay, const struct relay_address *after, struct relay_address *next);
void relay_watch(struct relay *relay, __u32 index, int watched);
int relay_look(struct relay *relay, __u32 *found, __u32 *what, int most);

struct relay_marks *relay_marks(struct relay *relay);
struct relay_barrier *relay_barrier(struct relay *relay);
int relay_bar(struct relay *relay, const struct relay_banned *who, __u64 until);
int relay_unbar(struct relay *relay, const struct relay_banned *who);
int relay_barred(const struct relay *relay, const struct relay_banned *who, struct relay_ban *found);
int relay_door(struct relay *relay, const struct relay_address *first, __u32 count, __u32 realm);

int relay_attach_xdp(const struct relay *relay, int interface, int generic, const char *pin);
int relay_renew_xdp(const struct relay *relay, const char *pin);
int relay_xdp_mode(int interface);
int relay_detach_xdp(const char *pin);
int relay_seen_tc(const char *directory, int interface);
__u32 relay_tc_id(const struct relay *relay);
int relay_attach_tc(const struct relay *relay, int interface);
int relay_detach_tc(const struct relay *relay, int interface);
int relay_sweep_tc(const struct relay *relay, int interface);
int relay_outlet(const struct relay *relay, int interface, __u32 may);

int relay_run(const struct relay *relay, int tc, int interface, const char *frame, __u32 size, char *out, __u32 *out_size,
              __u32 *action);

int bpffs_is(const char *path);
int bpffs_mount(const char *path);
int interface_takes_frames(int interface);
int interface_programs(int interface);
__u64 relay_now(void);
/* cffi: to here */

enum { RELAY_STRANGERS = 1, RELAY_OTHERS = 2, RELAY_UNROUTED = 4, RELAY_POLICED = 8 };

#endif
