/* Real-time priority for who needs little: see urgent.h. */
#include "urgent.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

/* Both ways with SCHED_RESET_ON_FORK: a thread without CAP_SYS_NICE may set that flag but never take it off again, so that
   SCHED_OTHER without it is refused to who has been urgent. To have the flag alone means nothing to a thread of the usual
   priority. */
static bool urgent_set(bool real_time)
{
    struct sched_param least = {.sched_priority = real_time ? sched_get_priority_min(SCHED_RR) : 0};

    return !sched_setscheduler(0, (real_time ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK, &least);
}

static void *urgent_try(void *may)
{
    *(bool *)may = urgent_set(true) && urgent_set(false);
    return NULL;
}

bool urgent_may(void)
{
    pthread_t another;
    bool may = false;

    /* Who has started us with another policy has thought of priorities himself. */
    if (sched_getscheduler(0) != SCHED_OTHER)
        return false;
    /* Tried on a thread that ends, there and back as workers go: the caller's is not touched, whatever is refused. */
    if (pthread_create(&another, NULL, urgent_try, &may))
        return false;
    pthread_join(another, NULL);
    return may;
}

bool urgent_deserves(bool has, uint64_t used, uint64_t passed)
{
    return has ? used <= passed / 2 : used < passed / 4; /* not to and fro at the bound */
}

static uint64_t urgent_used(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

void urgent_begin(struct urgent *urgent, uint64_t now)
{
    urgent->has = urgent_set(true);
    urgent->seen = now;
    urgent->used = urgent_used();
}

void urgent_see(struct urgent *urgent, uint64_t now)
{
    uint64_t used, passed = now - urgent->seen;
    bool deserves;

    if (passed < URGENT_WINDOW)
        return;
    used = urgent_used();
    deserves = urgent_deserves(urgent->has, used - urgent->used, passed);
    if (deserves != urgent->has && urgent_set(deserves))
        urgent->has = deserves;
    urgent->seen = now;
    urgent->used = used;
}
