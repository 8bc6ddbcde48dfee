/* The engine's clock: monotonic nanoseconds, which a test may put forward. */
#ifndef SBC_CLOCK_H
#define SBC_CLOCK_H

#include <stdint.h>

/* cffi: from here, what Python may call */
uint64_t clock_now(void);
void clock_put_forward(uint64_t nanoseconds);
/* cffi: to here */

#endif
