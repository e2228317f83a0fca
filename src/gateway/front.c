#include "gateway/front.h"

#include <stdlib.h>
#include <unistd.h>

hf_err front_fds_of(const struct hf_config_gateway *config, const hf_message *m, front_fds *ret)
{
    front_fds fds = { -1, -1, -1, -1, -1 };
    int *const places[] = { &fds.listen, &fds.certificate, &fds.client_ca, &fds.local, &fds.metrics };
    const bool there[] = { true, true, config->client_certificates > HF_CLIENTS_OFF, config->local_socket,
                           config->metrics_socket };
    size_t n = 0;

    for (size_t i = 0; i < HF_COUNT(places); i++) {
        if (!there[i])
            continue;
        HF_CHECK(n < m->n_fds && m->fds[n] >= 0, HF_ERR_MALFORMED);
        *places[i] = m->fds[n++];
    }
    HF_CHECK(n == m->n_fds, HF_ERR_MALFORMED);
    *ret = fds;
    return HF_OK;
}

int front_fds_take(hf_message *m, int fd)
{
    for (size_t i = 0; i < m->n_fds && fd >= 0; i++)
        if (m->fds[i] == fd)
            m->fds[i] = -1;
    return fd;
}

static hf_err make_tls(const struct hf_config_gateway *config, int ca_fd, front *f)
{
    hf_tls_config tls = { .certificate = f->certificate,
                          .clients = (hf_client_certificates)config->client_certificates };
    uint8_t *pem = NULL;
    size_t len = 0;

    if (ca_fd >= 0)
        HF_TRY(hf_certificate_file(ca_fd, &pem, &len));
    tls.client_ca = hf_view_of(pem, len);
    hf_err e = hf_tls_server_new(&tls, &f->tls);
    free(pem);
    return e;
}

hf_err front_new(const struct hf_config_gateway *config, const front_fds *fds, front **ret, const char **reterr_why)
{
    hf_view at;
    front *f = calloc(1, sizeof(*f));

    *reterr_why = "memory for the certificate";
    HF_CHECK(f != NULL, HF_ERR_SYSTEM);
    atomic_init(&f->owners, 1);
    f->listen_fd = -1;
    *reterr_why = "gateway.trusted_proxies";
    hf_err e = hf_networks_parse(config->trusted_proxies, &f->proxies, &at);
    if (e == HF_OK) {
        *reterr_why = "the file of server.tls_certificate";
        e = hf_certificate_read(fds->certificate, &f->certificate);
    }
    if (e == HF_OK) {
        *reterr_why = "the file of server.client_ca";
        e = make_tls(config, fds->client_ca, f);
    }
    if (e != HF_OK) {
        front_free(f);
        return e;
    }
    *ret = f;
    return HF_OK;
}

front *front_share(front *f)
{
    atomic_fetch_add(&f->owners, 1);
    return f;
}

void front_free(front *f)
{
    if (f == NULL || atomic_fetch_sub(&f->owners, 1) > 1)
        return;
    if (f->listen_fd >= 0)
        close(f->listen_fd);
    hf_tls_server_free(f->tls);
    hf_certificate_free(f->certificate);
    free(f);
}
