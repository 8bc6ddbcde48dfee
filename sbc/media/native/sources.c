/* How far one key has been used. Nearly every key has one SSRC or two, so there is room for few until more come. */
#include "sources.h"

#include <stdlib.h>

#define FIRST 4

struct source *sources_find(struct sources *sources, uint32_t ssrc)
{
    if (sources->count && sources->all[sources->recent].ssrc == ssrc)
        return &sources->all[sources->recent];
    for (int n = 0; n < sources->count; n++)
        if (sources->all[n].ssrc == ssrc) {
            sources->recent = n;
            return &sources->all[n];
        }
    return NULL;
}

struct source *sources_enter(struct sources *sources, const struct source *source)
{
    int room = sources->room ? 2 * sources->room : FIRST;

    if (sources_full(sources))
        return NULL;
    if (sources->count == sources->room) {
        struct source *all = realloc(sources->all, (size_t)room * sizeof *all);
        if (!all)
            return NULL;
        sources->all = all;
        sources->room = room;
    }
    sources->grew = true;
    sources->recent = sources->count++;
    sources->all[sources->recent] = *source;
    return &sources->all[sources->recent];
}

void sources_free(struct sources *sources)
{
    free(sources->all);
    *sources = (struct sources){0};
}

void source_note(struct source *source, bool rtcp, int64_t index)
{
    int64_t *furthest = rtcp ? &source->index_rtcp : &source->index;

    if (index > *furthest)
        *furthest = index;
}

int64_t source_follow(int64_t furthest, uint16_t sequence)
{
    int64_t rolls = furthest >> 16;
    int last = (int)(furthest & 0xFFFF);

    if (furthest < 0)
        return sequence;
    if (last < 0x8000) {
        if (sequence - last > 0x8000 && rolls)
            rolls--;
    } else if (last - 0x8000 > sequence) {
        rolls++;
    }
    return rolls << 16 | sequence;
}
