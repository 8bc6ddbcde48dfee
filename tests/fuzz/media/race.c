// Two threads that count, each for itself or both in one place with nothing between them: bin/sanitize believes
// ThreadSanitizer only where it sees the latter, and that alone.
#include <pthread.h>
#include <stdint.h>

#define TIMES 1000

static int counted[2];

static void *count(void *place)
{
    for (int n = 0; n < TIMES; n++)
        counted[(intptr_t)place]++;
    return NULL;
}

static int both(intptr_t second)
{
    pthread_t other;
    if (pthread_create(&other, NULL, count, (void *)second))
        return -1;
    count((void *)0);
    pthread_join(other, NULL);
    return counted[0] + counted[1];
}

int apart(void)
{
    return both(1);
}

int race(void)
{
    return both(0);
}
