/* How a target is run. With libFuzzer it is led by coverage; with -DOWN_LOOP it has a main of its own, for any compiler:

       target FILE...            each of these inputs once
       target SECONDS FILE...    and then mutations of them, for so much processor time; one that fails is written to ./found.bin */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#ifndef OWN_LOOP
void broken(void)
{
    abort();
}
#else
#include <stdio.h>
#include <time.h>

#define LONGEST 4096
#define MOST 4096

void __sanitizer_set_death_callback(void (*callback)(void));

static uint8_t inputs[MOST][LONGEST], made[LONGEST];
static size_t sizes[MOST], made_size, count;

static void keep_made(void)
{
    FILE *file = made_size ? fopen("found.bin", "wb") : NULL;
    if (file != NULL) {
        fwrite(made, 1, made_size, file);
        fclose(file);
    }
}

void broken(void)
{
    keep_made();
    abort();
}

static uint32_t chance(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static void load(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (file == NULL || count == MOST) {
        fprintf(stderr, "cannot take %s\n", name);
        exit(2);
    }
    sizes[count] = fread(inputs[count], 1, LONGEST, file);
    fclose(file);
    count++;
}

/* Another input: one that there is, spliced with a second, and some octets of it changed. */
static void mutate(void)
{
    size_t one = chance() % count, other = chance() % count;
    size_t size = chance() % (sizes[one] + 1), more = chance() % (sizes[other] + 1);
    if (size + more > LONGEST)
        more = LONGEST - size;
    memcpy(made, inputs[one], size);
    memcpy(made + size, inputs[other] + (sizes[other] - more), more);
    made_size = size + more;
    for (uint32_t times = chance() % 8; made_size > 0 && times > 0; times--) {
        uint8_t *at = &made[chance() % made_size];
        *at = chance() & 1 ? (uint8_t)chance() : (uint8_t)(*at ^ 1u << chance() % 8);
    }
}

static void fuzz_for(long seconds)
{
    clock_t end = clock() + seconds * CLOCKS_PER_SEC;
    unsigned long runs = 0;
    __sanitizer_set_death_callback(keep_made);
    for (; runs % 4096 || clock() < end; runs++) {
        mutate();
        LLVMFuzzerTestOneInput(made, made_size);
    }
    printf("%lu mutations of %zu inputs\n", runs, count);
}

int main(int argc, char **argv)
{
    char *rest = argc > 1 ? argv[1] : NULL;
    long seconds = argc > 1 ? strtol(argv[1], &rest, 10) : 0;
    bool timed = argc > 1 && *rest == '\0';
    for (int n = timed ? 2 : 1; n < argc; n++)
        load(argv[n]);
    for (size_t n = 0; n < count; n++) {
        LLVMFuzzerTestOneInput(inputs[n], sizes[n]);
    }
    printf("%zu inputs\n", count);
    if (timed && count > 0)
        fuzz_for(seconds);
    return 0;
}
#endif
