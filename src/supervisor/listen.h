/* The sockets that the gateway serves: opened here, before anything drops its rights. */
#ifndef HF_SUPERVISOR_LISTEN_H
#define HF_SUPERVISOR_LISTEN_H

#include "base/macros.h"

/* "IPv4:PORT" or "[IPv6]:PORT". SO_REUSEADDR, TCP_NODELAY (inherited by accepted connections), backlog 4096. Logs the reason. */
hf_err listen_tcp(const char *address, int *ret_fd) HF_MUST_USE;

/*
 * A stream socket at path, mode 0660. A socket that is left there from before is replaced; anything else is refused. Its
 * folder is made when missing. Logs the reason.
 */
hf_err listen_local(const char *path, int *ret_fd) HF_MUST_USE;

#endif
