/* Addresses as sockets name them, and as latches do. */
#ifndef SBC_ENDPOINT_H
#define SBC_ENDPOINT_H

#include <string.h>

#include "flow.h"

static inline bool endpoint_same(const union endpoint *one, const union endpoint *other)
{
    if (one->any.sa_family != other->any.sa_family)
        return false;
    if (one->any.sa_family == AF_INET)
        return one->v4.sin_addr.s_addr == other->v4.sin_addr.s_addr && one->v4.sin_port == other->v4.sin_port;
    return one->v6.sin6_port == other->v6.sin6_port && one->v6.sin6_scope_id == other->v6.sin6_scope_id &&
           !memcmp(&one->v6.sin6_addr, &other->v6.sin6_addr, 16);
}

static inline struct address endpoint_address(const union endpoint *endpoint)
{
    struct address address = {0};

    if (endpoint->any.sa_family == AF_INET) {
        address.family = FAMILY_IPV4;
        address.port = ntohs(endpoint->v4.sin_port);
        memcpy(address.host, &endpoint->v4.sin_addr, 4);
    } else {
        address.family = FAMILY_IPV6;
        address.port = ntohs(endpoint->v6.sin6_port);
        memcpy(address.host, &endpoint->v6.sin6_addr, 16);
    }
    return address;
}

static inline uint32_t endpoint_from(union endpoint *endpoint, const struct address *address)
{
    memset(endpoint, 0, sizeof *endpoint);
    if (address->family == FAMILY_IPV4) {
        endpoint->v4.sin_family = AF_INET;
        endpoint->v4.sin_port = htons(address->port);
        memcpy(&endpoint->v4.sin_addr, address->host, 4);
        return sizeof endpoint->v4;
    }
    endpoint->v6.sin6_family = AF_INET6;
    endpoint->v6.sin6_port = htons(address->port);
    memcpy(&endpoint->v6.sin6_addr, address->host, 16);
    return sizeof endpoint->v6;
}

#endif
