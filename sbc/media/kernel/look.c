/* Looks over the slots in use for what user space must see to: a few words of memory each, no system call. */
#include "loader_relay.h"

/* From now on look after a slot, or no more. */
void relay_watch(struct relay *relay, __u32 index, int watched)
{
    const struct relay_slot *slot = &relay->slots[index];

    relay->watched[index] = (struct watched){watched, slot->strangers, slot->others, slot->unrouted, slot->policed};
    if (watched && index >= relay->end)
        relay->end = index + 1;
}

static __u32 changed(struct watched *then, const struct relay_slot *now)
{
    __u32 what = 0;

    if (then->strangers != now->strangers)
        what |= RELAY_STRANGERS;
    if (then->others != now->others)
        what |= RELAY_OTHERS;
    if (then->unrouted != now->unrouted)
        what |= RELAY_UNROUTED;
    if (then->policed != now->policed)
        what |= RELAY_POLICED;
    return what;
}

/* The slots (`found`) at which something has happened since the last look, and what; how many. At most `most`: the others
 * are found by the next look. */
int relay_look(struct relay *relay, __u32 *found, __u32 *what, int most)
{
    int count = 0;

    for (__u32 index = 1; index < relay->end && count < most; index++) {
        struct watched *then = &relay->watched[index];
        if (!then->on)
            continue;
        what[count] = changed(then, &relay->slots[index]);
        if (what[count]) {
            relay_watch(relay, index, 1);
            found[count++] = index;
        }
    }
    return count;
}
