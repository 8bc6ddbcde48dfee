/* Where media is decrypted and encrypted: a pair of functions that a side may have. Without it packets pass as they are. */
#ifndef SBC_SRTP_H
#define SBC_SRTP_H

#include <stdbool.h>
#include <stdint.h>

#define SRTP_ROOM 256 /* octets behind a packet that `protect` may use: authentication tag and master key index */

/* Both work in place, on the worker's thread alone, and change `size`; false: the packet is dropped and counted. */
struct srtp_hook {
    bool (*unprotect)(void *context, bool rtcp, uint8_t *data, uint32_t *size); /* on arrival, once the latch accepted */
    bool (*protect)(void *context, bool rtcp, uint8_t *data, uint32_t *size);   /* on departure by this side */
    void *context;
};

#endif
