#include "init/contents.h"

#include "keysetfmt/keysetfmt.h"
#include "records/keyset_mac.h"
#include "records/root_keys.h"
#include "seal/seal.h"
#include "sys/fd.h"
#include "x509/issue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONF_CAP 32768
#define KEYSET_CAP 65536
#define SETTINGS_MAX 2
#define HOST_CAP 256

static hf_err say(char why[static WHY_CAP], const char *what, hf_err err)
{
    if (err != HF_OK)
        snprintf(why, WHY_CAP, "%s cannot be made: %s", what,
                 err == HF_ERR_SYSTEM ? strerrordesc_np(errno) : hf_err_text(err));
    return err;
}

/* ---- holdfast.conf ---- */

static int config_program(const struct init_options *o)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (o->libexec == NULL && len <= 0)
        return -1;
    path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
    HF_AUTO(hf_fd_closep) int dir = open(o->libexec != NULL ? o->libexec : path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : openat(dir, "config", O_RDONLY | O_CLOEXEC);
}

static bool program_succeeded(int pidfd)
{
    siginfo_t info = { 0 };

    while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) != 0)
        if (errno != EINTR)
            return false;
    return info.si_code == CLD_EXITED && info.si_status == 0;
}

static hf_err pipe_read(int fd, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t at = 0;

    while (at < cap) {
        ssize_t n = read(fd, dst + at, cap - at);
        if (n < 0 && errno == EINTR)
            continue;
        HF_CHECK(n >= 0, HF_ERR_SYSTEM);
        if (n == 0) {
            *ret_len = at;
            return HF_OK;
        }
        at += (size_t)n;
    }
    return HF_ERR_TOO_LARGE;
}

/* What `config --print-defaults SETTING...` writes. It says itself on stderr which setting it refuses. */
static hf_err conf_print(int program, char *const settings[], uint8_t *dst, size_t cap, size_t *ret_len)
{
    char name[] = "config", action[] = "--print-defaults";
    char *argv[3 + SETTINGS_MAX] = { name, action, settings[0], settings[1], NULL };
    HF_AUTO(hf_fd_closep) int from = -1;
    HF_AUTO(hf_fd_closep) int pidfd = -1;
    int ends[2];
    pid_t pid;

    HF_CHECK(pipe2(ends, O_CLOEXEC) == 0, HF_ERR_SYSTEM);
    from = ends[0];
    hf_err err = hf_spawn(program, argv, NULL, &ends[1], 1, &pid, &pidfd);
    close(ends[1]);
    HF_TRY(err);
    err = pipe_read(from, dst, cap, ret_len);
    return program_succeeded(pidfd) ? err : HF_ERR_INVALID;
}

hf_err contents_conf(const struct init_options *o, const struct folder *f, char why[static WHY_CAP])
{
    static uint8_t text[CONF_CAP];
    char seal[64], address[320];
    char *settings[SETTINGS_MAX] = { seal, o->listen != NULL ? address : NULL };
    HF_AUTO(hf_fd_closep) int program = config_program(o);
    size_t len = 0;

    snprintf(seal, sizeof(seal), "seal.kind=%.40s", o->seal);
    snprintf(address, sizeof(address), "server.listen=%.300s", o->listen != NULL ? o->listen : "");
    if (program < 0) {
        snprintf(why, WHY_CAP, "the program 'config' is not beside init; say where with --libexec DIR");
        return HF_ERR_NOT_FOUND;
    }
    HF_TRY(say(why, "holdfast.conf", conf_print(program, settings, text, sizeof(text), &len)));
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
