#include "init/contents.h"

#include "keysetfmt/keysetfmt.h"
#include "records/keyset_mac.h"
#include "records/root_keys.h"
#include "seal/seal.h"
#include "sys/fd.h"
#include "sys/sibling.h"
#include "x509/issue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_CAP 32768
#define KEYSET_CAP 65536
#define HOST_CAP 256

static hf_err say(char why[static WHY_CAP], const char *what, hf_err err)
{
    if (err != HF_OK)
        snprintf(why, WHY_CAP, "%s cannot be made: %s", what,
                 err == HF_ERR_SYSTEM ? strerrordesc_np(errno) : hf_err_text(err));
    return err;
}

/* ---- holdfast.conf ---- */

hf_err contents_conf(const struct init_options *o, const struct folder *f, char why[static WHY_CAP])
{
    static uint8_t text[CONF_CAP];
    char seal[64], address[320];
    const char *argv[] = { "config", "--print-defaults", seal, o->listen != NULL ? address : NULL, NULL };
    HF_AUTO(hf_fd_closep) int program = -1;
    size_t len = 0;

    snprintf(seal, sizeof(seal), "seal.kind=%.40s", o->seal);
    snprintf(address, sizeof(address), "server.listen=%.300s", o->listen != NULL ? o->listen : "");
    if (hf_sibling_open(o->libexec, "config", &program) != HF_OK) {
        snprintf(why, WHY_CAP, "the program 'config' is not beside init; say where with --libexec DIR");
        return HF_ERR_NOT_FOUND;
    }
    HF_TRY(say(why, "holdfast.conf", hf_sibling_print(program, argv, -1, text, sizeof(text), &len)));
    return say(why, "holdfast.conf", hf_file_replace(f->fd, "holdfast.conf", 0600, hf_view_of(text, len)));
}

/* ---- seal, store ---- */

hf_err contents_seal(const struct init_options *o, const struct folder *f, const hf_secret *root,
                     const hf_secret *passphrase, char why[static WHY_CAP])
{
    const hf_seal_backend *backend = hf_seal_find(hf_view_str(o->seal));
    HF_AUTO(hf_fd_closep) int dir = -1;

    HF_TRY(say(why, "seal/", backend == NULL ? HF_ERR_UNSUPPORTED : HF_OK));
    HF_TRY(say(why, "seal/", folder_make(f, "seal", &dir)));
    return say(why, "seal/", backend->create(dir, root, passphrase, false));
}

hf_err contents_store(const struct folder *f, char why[static WHY_CAP])
{
    HF_AUTO(hf_fd_closep) int dir = -1;

    HF_TRY(say(why, "store/", folder_make(f, "store", &dir)));
    return say(why, "store/", fsync(dir) == 0 ? HF_OK : HF_ERR_SYSTEM);
}

/* ---- tls ---- */

static hf_err tls_write(int dir, const hf_x509_bundle *b, bool keep_ca)
{
    HF_TRY(hf_file_replace(dir, "ca.pem", 0644, hf_view_str(b->ca_pem)));
    HF_TRY(hf_file_replace(dir, "server.pem", 0644, hf_view_str(b->server_pem)));
    HF_TRY(hf_file_replace(dir, "server-key.pem", 0600,
                           hf_view_of(hf_secret_read(b->server_key), hf_secret_len(b->server_key))));
    if (!keep_ca)
        return HF_OK;
    return hf_file_replace(dir, "ca-key.pem", 0600, hf_view_of(hf_secret_read(b->ca_key), hf_secret_len(b->ca_key)));
}

hf_err contents_tls(const struct init_options *o, const struct folder *f, char why[static WHY_CAP])
{
    const char *hosts[INIT_HOSTS_MAX + 1];
    char own[HOST_CAP] = "";
    hf_x509_request request = { .hosts = hosts, .n_hosts = o->n_hosts, .now = hf_wall_now() };
    HF_AUTO(hf_x509_bundle_free) hf_x509_bundle bundle = { .server_key = NULL };
    HF_AUTO(hf_fd_closep) int dir = -1;

    memcpy(hosts, o->hosts, o->n_hosts * sizeof(hosts[0]));
    for (size_t i = 0; i < o->n_hosts; i++)
        if (!hf_x509_host_ok(o->hosts[i])) {
            snprintf(why, WHY_CAP, "'%.253s' is neither a host name nor an address", o->hosts[i]);
            return HF_ERR_INVALID;
        }
    if (gethostname(own, sizeof(own) - 1) == 0 && hf_x509_host_ok(own) && strcmp(own, "localhost") != 0)
        hosts[request.n_hosts++] = own;
    HF_TRY(say(why, "the certificates", hf_x509_issue(&request, &bundle)));
    HF_TRY(say(why, "tls/", folder_make(f, "tls", &dir)));
    return say(why, "tls/", tls_write(dir, &bundle, o->keep_ca));
}

/* ---- keyset.json ---- */

static hf_err keyset_mac(const hf_secret *root, uint64_t generation, hf_view rows,
                         uint8_t mac[static HF_KEYSET_MAC_BYTES])
{
    HF_AUTO(hf_root_keys_freep) hf_root_keys *keys = NULL;

    HF_TRY(hf_root_keys_derive(root, &keys));
    return hf_keyset_mac(keys, generation, rows, mac);
}

hf_err contents_keyset(const struct folder *f, const hf_secret *root, hf_view rows, char why[static WHY_CAP])
{
    static uint8_t text[KEYSET_CAP];
    hf_writer json = hf_writer_on(text, sizeof(text));
    struct hf_keyset_head head = { .generation = 1, .has_mac = true };

    HF_TRY(say(why, "keyset.json", keyset_mac(root, head.generation, rows, head.mac)));
    HF_TRY(say(why, "keyset.json", hf_keyset_print(&head, rows, &json)));
    return say(why, "keyset.json", hf_file_replace(f->fd, "keyset.json", 0600, hf_writer_view(&json)));
}

/* ---- anchor ---- */

hf_err contents_anchor(const struct init_options *o, const struct folder *f, bool *ret_made, char why[static WHY_CAP])
{
    char path[PATH_MAX];
    struct stat st;

    if (o->anchor == NULL)
        return HF_OK;
    if (folder_contains(f, o->anchor)) {
        snprintf(why, WHY_CAP, "the anchor must lie outside the data folder, or it would be restored together with it");
        return HF_ERR_INVALID;
    }
    if (mkdir(o->anchor, 0700) == 0) {
        *ret_made = true;
        return HF_OK;
    }
    if (errno != EEXIST) {
        snprintf(why, WHY_CAP, "the anchor folder %.300s cannot be made: %s", o->anchor, strerrordesc_np(errno));
        return HF_ERR_SYSTEM;
    }
    snprintf(path, sizeof(path), "%s/anchor", o->anchor);
    if (lstat(path, &st) == 0) {
        snprintf(why, WHY_CAP, "%.300s holds the anchor of another HSM; choose a folder of its own", o->anchor);
        return HF_ERR_EXISTS;
    }
    return HF_OK;
}
