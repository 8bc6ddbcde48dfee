/* What a system call tells beside a datagram: how it was, or is to be, marked. */
#ifndef SBC_BESIDE_H
#define SBC_BESIDE_H

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define BESIDE 64 /* octets: more than there is room needed for */

/* The octet of the IP header that a datagram came with, by what stands at `control`; -1 where that says nothing of it. What
   is there need not be aligned. */
static inline int beside_tos(const void *control, size_t size)
{
    const uint8_t *at = control;
    struct cmsghdr head;
    uint8_t octet;
    int whole;

    while (size >= CMSG_LEN(0)) {
        memcpy(&head, at, sizeof head);
        if (head.cmsg_len < CMSG_LEN(1) || head.cmsg_len > size)
            return -1;
        if (head.cmsg_level == IPPROTO_IP && head.cmsg_type == IP_TOS) {
            memcpy(&octet, at + CMSG_LEN(0), sizeof octet);
            return octet;
        }
        if (head.cmsg_level == IPPROTO_IPV6 && head.cmsg_type == IPV6_TCLASS && head.cmsg_len >= CMSG_LEN(sizeof whole)) {
            memcpy(&whole, at + CMSG_LEN(0), sizeof whole);
            return whole & 0xFF;
        }
        if (CMSG_ALIGN(head.cmsg_len) >= size)
            return -1;
        at += CMSG_ALIGN(head.cmsg_len);
        size -= CMSG_ALIGN(head.cmsg_len);
    }
    return -1;
}

/* Have a datagram for an address of that family leave with such an octet. `control` has room for BESIDE octets, and is
   aligned as a struct cmsghdr. */
static inline void beside_mark(struct msghdr *message, void *control, int family, int tos)
{
    struct cmsghdr *head = control;

    memset(control, 0, CMSG_SPACE(sizeof tos));
    head->cmsg_len = CMSG_LEN(sizeof tos);
    head->cmsg_level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    head->cmsg_type = family == AF_INET6 ? IPV6_TCLASS : IP_TOS;
    memcpy(CMSG_DATA(head), &tos, sizeof tos);
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(sizeof tos);
}

#endif
