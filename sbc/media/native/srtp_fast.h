/* OpenSSL in the place of what libsrtp was built with, where both are there. */
#ifndef SBC_SRTP_FAST_H
#define SBC_SRTP_FAST_H

/* Have libsrtp, once it has begun, encrypt and authenticate by OpenSSL for sessions made from now on. It tests each function first, by
   vectors of its own and of ours; what fails stays as it was. */
void srtp_fast_begin(void);

#endif
