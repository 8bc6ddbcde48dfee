/* Loads the kernel's programs and maps with libbpf, keeps them pinned, and puts flows in and out. See relay_maps.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader_relay.h"

static const char *const MAPS[] = {"flows", "slots", "arrivals", "buckets", "news", "confirmed", "lease", "marks", "near"}; /* that are pinned */
#define LONGEST_WAIT 1000000000ull /* ns to wait for a program to leave a slot; it takes microseconds */

__u64 relay_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (__u64)now.tv_sec * 1000000000u + (__u64)now.tv_nsec;
}

/* libbpf's words on why a program is refused; the last of them say it. */
static __thread char last_words[512];

static int listen_to_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
    if (level == LIBBPF_WARN)
        vsnprintf(last_words, sizeof(last_words), format, arguments);
    return 0;
}

static void say(char *why, size_t size, const char *what, int error)
{
    size_t end = strcspn(last_words, "\n");

    snprintf(why, size, "%s: %s%s%.*s", what, strerror(error < 0 ? -error : error), end ? "; " : "", (int)end, last_words);
}

/* So many places are there in `near` that few flows meet at one; a power of two. */
static __u32 places(__u32 room)
{
    __u32 count = 4096;

    while (count / 4 < room && count < 1u << 30)
        count *= 2;
    return count;
}

static int prepare_maps(struct relay *relay, const char *directory)
{
    char path[256];

    for (size_t each = 0; each < sizeof(MAPS) / sizeof(*MAPS); each++) {
        struct bpf_map *map = bpf_object__find_map_by_name(relay->object, MAPS[each]);
        if (!map || (size_t)snprintf(path, sizeof(path), "%s/%s", directory ? directory : "", MAPS[each]) >= sizeof(path))
            return -ENAMETOOLONG;
        if (!strcmp(MAPS[each], "flows") || !strcmp(MAPS[each], "slots") || !strcmp(MAPS[each], "arrivals"))
            bpf_map__set_max_entries(map, relay->room);
        else if (!strcmp(MAPS[each], "news"))
            bpf_map__set_max_entries(map, relay->room / 64 + 1);
        else if (!strcmp(MAPS[each], "near"))
            bpf_map__set_max_entries(map, relay->places / 16);
        if (directory && bpf_map__set_pin_path(map, path))
            return -errno;
    }
    return 0;
}

static void *share(int map, size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

    return at == MAP_FAILED ? NULL : at;
}

static int find_maps(struct relay *relay)
{
    relay->flows = bpf_object__find_map_fd_by_name(relay->object, "flows");
    relay->outlets = bpf_object__find_map_fd_by_name(relay->object, "outlets");
    relay->bans = bpf_object__find_map_fd_by_name(relay->object, "bans");
    relay->doors = bpf_object__find_map_fd_by_name(relay->object, "doors");
    relay->slots = share(bpf_object__find_map_fd_by_name(relay->object, "slots"), relay->room * sizeof(*relay->slots));
    relay->arrivals = share(bpf_object__find_map_fd_by_name(relay->object, "arrivals"), relay->room * sizeof(*relay->arrivals));
    relay->buckets = share(bpf_object__find_map_fd_by_name(relay->object, "buckets"),
                           (RELAY_REALMS + 1) * sizeof(*relay->buckets));
    relay->near = share(bpf_object__find_map_fd_by_name(relay->object, "near"), relay->places / 16 * sizeof(*relay->near));
    relay->news = share(bpf_object__find_map_fd_by_name(relay->object, "news"), (relay->room / 64 + 1) * sizeof(__u64));
    relay->lease = share(bpf_object__find_map_fd_by_name(relay->object, "lease"), sizeof(*relay->lease));
    relay->marks = share(bpf_object__find_map_fd_by_name(relay->object, "marks"), RELAY_TABLES * sizeof(*relay->marks));
    relay->barrier = share(bpf_object__find_map_fd_by_name(relay->object, "barrier"), sizeof(*relay->barrier));
    relay->watched = calloc(relay->room, sizeof(*relay->watched));
    if (!relay->slots || !relay->arrivals || !relay->buckets || !relay->news || !relay->lease || !relay->marks || !relay->barrier ||
        !relay->near || !relay->watched)
        return -ENOMEM;
    relay->lease->near = relay->places - 1;
    return 0;
}

/* Load the programs, with the maps that are pinned in `directory` or with new ones that are pinned there; NULL with `why`
 * if that cannot be. NULL for `directory`: nothing is pinned. `room`: flows there can be, slot 0 not counted, which serves nobody. */
struct relay *relay_load(const char *directory, __u32 room, char *why, size_t size)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "sbc_relay");
    struct relay *relay = calloc(1, sizeof(*relay));
    int error;

    last_words[0] = 0;
    if (!relay) {
        say(why, size, "no memory", ENOMEM);
        return NULL;
    }
    libbpf_set_print(listen_to_libbpf);
    relay->room = room + 1;
    relay->places = places(room);
    relay->object = bpf_object__open_mem(relay_object, relay_object_size, &options);
    if (!relay->object) {
        say(why, size, "cannot read the program", errno);
        free(relay);
        return NULL;
    }
    relay->directory = directory ? strdup(directory) : NULL;
    error = directory && !relay->directory ? -ENOMEM : prepare_maps(relay, directory);
    if (!error)
        error = bpf_object__load(relay->object);
    if (!error)
        error = find_maps(relay);
    if (error) {
        say(why, size, "cannot load the program", error);
        relay_free(relay);
        return NULL;
    }
    relay->xdp = bpf_program__fd(bpf_object__find_program_by_name(relay->object, "sbc_xdp"));
    relay->tc = bpf_program__fd(bpf_object__find_program_by_name(relay->object, "sbc_tc"));
    return relay;
}

/* Let go of it all; what is pinned or attached stays. */
void relay_free(struct relay *relay)
{
    if (relay->slots)
        munmap(relay->slots, relay->room * sizeof(*relay->slots));
    if (relay->arrivals)
        munmap(relay->arrivals, relay->room * sizeof(*relay->arrivals));
    if (relay->buckets)
        munmap(relay->buckets, (RELAY_REALMS + 1) * sizeof(*relay->buckets));
    if (relay->near)
        munmap(relay->near, relay->places / 16 * sizeof(*relay->near));
    if (relay->news)
        munmap(relay->news, (relay->room / 64 + 1) * sizeof(__u64));
    if (relay->lease)
        munmap(relay->lease, sizeof(*relay->lease));
    if (relay->marks)
        munmap(relay->marks, RELAY_TABLES * sizeof(*relay->marks));
    if (relay->barrier)
        munmap(relay->barrier, sizeof(*relay->barrier));
    free(relay->watched);
    free(relay->directory);
    bpf_object__close(relay->object);
    free(relay);
}

struct relay_slot *relay_slots(struct relay *relay)
{
    return relay->slots;
}

struct relay_arrival *relay_arrivals(struct relay *relay)
{
    return relay->arrivals;
}

struct bucket *relay_buckets(struct relay *relay)
{
    return relay->buckets;
}

struct relay_marks *relay_marks(struct relay *relay)
{
    return relay->marks;
}

struct relay_lease *relay_lease(struct relay *relay)
{
    return relay->lease;
}

/* Whether a bucket holds so much, and take it out. The programs draw from it meanwhile: at worst a packet is given away. */
int relay_has(const struct bucket *bucket, __u64 octets)
{
    return bucket_has(bucket, octets, relay_now());
}

void relay_take(struct bucket *bucket, __u64 octets)
{
    bucket_take(bucket, octets, relay_now());
}

/* Let a bucket be filled by a rate from now on; see bucket_change(). */
void relay_fill(struct bucket *bucket, __u64 octets, __u64 burst)
{
    bucket_change(bucket, octets, burst, relay_now());
}

/* The address of ours that the flow of a slot comes to: its key in `flows`. */
static struct relay_address key_of(const struct relay_slot *slot)
{
    struct relay_address key = {.port = slot->ports[0], .family = slot->family};

    if (slot->family == 4)
        memcpy(key.host, &slot->hosts[0], sizeof(slot->hosts[0]));
    else
        memcpy(key.host, slot->wide[0], sizeof(key.host));
    return key;
}

/* Where `near` may say which slot serves an address of ours. */
static __u32 *place_of(struct relay *relay, const struct relay_address *local)
{
    __u32 host[4], place;

    memcpy(host, local->host, sizeof(host));
    place = relay_place(host, ntohs(local->port), relay->places - 1);
    return &relay->near[place / 16].slots[place % 16];
}

/* Let the kernel forward the flow that has been written into a slot. */
int relay_enter(struct relay *relay, __u32 index)
{
    struct relay_slot *slot = &relay->slots[index];
    struct relay_address local = key_of(slot);

    __atomic_store_n(&slot->gate, 0, __ATOMIC_SEQ_CST);
    if (bpf_map_update_elem(relay->flows, &local, &index, BPF_NOEXIST))
        return -errno;
    __atomic_store_n(place_of(relay, &local), index, __ATOMIC_SEQ_CST);
    return 0;
}

/* Let it forward it no more. When this returns the slot's counters are final. */
int relay_shut(struct relay *relay, __u32 index)
{
    struct relay_slot *slot = &relay->slots[index];
    struct relay_address local = key_of(slot);
    __u64 begun = relay_now();
    __u32 *place = place_of(relay, &local), found = index;

    __atomic_fetch_or(&slot->gate, RELAY_SHUT, __ATOMIC_SEQ_CST);
    __atomic_compare_exchange_n(place, &found, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (relay_find(relay, &local) == (int)index)
        bpf_map_delete_elem(relay->flows, &local);
    while (__atomic_load_n(&slot->gate, __ATOMIC_SEQ_CST) != RELAY_SHUT) {
        if (relay_now() - begun > LONGEST_WAIT)
            return -EBUSY;
        sched_yield();
    }
    return 0;
}

/* The slot of the flow that comes to `local`. */
int relay_find(const struct relay *relay, const struct relay_address *local)
{
    __u32 index;

    return bpf_map_lookup_elem(relay->flows, local, &index) ? -errno : (int)index;
}

/* The address of ours that comes after one (NULL: the first) in no particular order. */
int relay_next(const struct relay *relay, const struct relay_address *after, struct relay_address *next)
{
    return bpf_map_get_next_key(relay->flows, after, next) ? -errno : 0;
}

/* Run one of the programs on a frame, as if it had come to the interface, for the tests. */
int relay_run(const struct relay *relay, int tc, int interface, const char *frame, __u32 size, char *out, __u32 *out_size,
              __u32 *action)
{
    struct xdp_md xdp = {.data_end = size, .ingress_ifindex = (__u32)interface};
    struct __sk_buff skb = {.ifindex = (__u32)interface};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = size, .data_out = out,
                .data_size_out = *out_size, .repeat = 1);

    run.ctx_in = tc ? (void *)&skb : (void *)&xdp;
    run.ctx_size_in = tc ? sizeof(skb) : sizeof(xdp);
    if (bpf_prog_test_run_opts(tc ? relay->tc : relay->xdp, &run))
        return -errno;
    *out_size = run.data_size_out;
    *action = run.retval;
    return 0;
}
