/* What the fuzzers' targets share: an input that is read octet by octet, and how they say that something is broken. */
#ifndef SBC_FUZZ_H
#define SBC_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define MUST(what)    \
    do {              \
        if (!(what))  \
            broken(); \
    } while (0)

void broken(void);

static const int64_t PAUSES[8] = {0, 1, 20000000, 149999999, 150000000, 1000000000, 3000000000, 60000000000};

struct input {
    const uint8_t *data;
    size_t size;
};

/* The next octet, 0 behind the last. */
static inline uint8_t next(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
