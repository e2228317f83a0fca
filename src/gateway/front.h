/* What clients meet first: listening socket, certificate, who may be a client, trusted proxies. One value for all lanes, never changed. */
#ifndef HF_GATEWAY_FRONT_H
#define HF_GATEWAY_FRONT_H

#include "base/networks.h"
#include "ipc/channel.h"
#include "proto/gen/messages.h"
#include "tlsio/server.h"
#include <stdatomic.h>

typedef struct front {
    atomic_uint owners;
    int listen_fd; /* closed with it */
    hf_certificate *certificate;
    hf_tls_server *tls;
    hf_networks proxies;
} front;

/* The descriptors of a CONFIG_GATEWAY, -1 where there is none. They stay the message's until front_fds_take. */
typedef struct front_fds {
    int listen, certificate, client_ca, local, metrics;
} front_fds;
/* HF_ERR_MALFORMED when the message does not carry what it says. */
hf_err front_fds_of(const struct hf_config_gateway *config, const hf_message *m, front_fds *ret) HF_MUST_USE;
/* Takes one of them out of the message. */
int front_fds_take(hf_message *m, int fd);

/* Reads certificate and authorities. Errors: *reterr_why is a sentence's object ("the certificate"). */
hf_err front_new(const struct hf_config_gateway *config, const front_fds *fds, front **ret, const char **reterr_why)
    HF_MUST_USE;
front *front_share(front *f);
void front_free(front *f); /* one owner less; NULL is fine */

#endif
