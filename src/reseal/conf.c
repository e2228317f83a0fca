#include "reseal/conf.h"

#include "sys/fd.h"
#include "sys/sibling.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/holdfast/holdfast.conf"

static hf_err say(char why[static WHY_CAP], hf_err err, const char *what, const char *path)
{
    snprintf(why, WHY_CAP, "%s %.300s: %s", what, path, strerrordesc_np(errno));
    return err;
}

/* The real path: a link to the file is kept, and what it leads to is replaced. */
static bool find(const struct reseal_options *o, int data_fd, char real[static PATH_MAX])
{
    char path[64];

    if (o->config != NULL)
        return realpath(o->config, real) != NULL;
    snprintf(path, sizeof(path), "/proc/self/fd/%d/holdfast.conf", data_fd);
    return realpath(path, real) != NULL || realpath(SYSTEM_CONFIG, real) != NULL;
}

hf_err conf_open(const struct reseal_options *o, int data_fd, struct conf *ret, char why[static WHY_CAP])
{
    struct conf c = { .dir_fd = -1, .program = -1 };

    if (!find(o, data_fd, c.path))
        return say(why, HF_ERR_NOT_FOUND, "the configuration cannot be found; say where with --config F:",
                   o->config != NULL ? o->config : "holdfast.conf");
    char *slash = strrchr(c.path, '/');
    snprintf(c.name, sizeof(c.name), "%s", slash + 1);
    *slash = '\0';
    c.dir_fd = open(slash == c.path ? "/" : c.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (c.dir_fd < 0 || fstatat(c.dir_fd, c.name, &c.st, AT_SYMLINK_NOFOLLOW) != 0)
        return say(why, HF_ERR_SYSTEM, "the configuration cannot be opened:", c.path);
    if (c.st.st_uid != geteuid()) {
        snprintf(why, WHY_CAP, "%.300s belongs to another user: run this as user number %u", c.path,
                 (unsigned)c.st.st_uid);
        return HF_ERR_DENIED;
    }
    if (hf_sibling_open(o->libexec, "config", &c.program) != HF_OK) {
        snprintf(why, WHY_CAP, "the program 'config' is not beside reseal; say where with --libexec DIR");
        return HF_ERR_NOT_FOUND;
    }
    *ret = c;
    return HF_OK;
}

/* ---- the program `config` ---- */

/* What `config MODE [VALUE]` prints about the file. It says itself on stderr what it refuses. */
static hf_err ask(const struct conf *c, const char *mode, const char *value, uint8_t *dst, size_t cap, size_t *ret_len)
{
    const char *argv[] = { "config", mode, value, NULL };
    HF_AUTO(hf_fd_closep) int file = openat(c->dir_fd, c->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    HF_CHECK(file >= 0, HF_ERR_SYSTEM);
    return hf_sibling_print(c->program, argv, file, dst, cap, ret_len);
}

hf_err conf_seal(const struct conf *c, char kind[static KIND_CAP], char why[static WHY_CAP])
{
    uint8_t text[KIND_CAP];
    size_t len = 0;
    hf_err err = ask(c, "--print-seal", NULL, text, sizeof(text), &len);

    if (err == HF_OK)
        err = hf_view_to_str(hf_view_of(text, len), kind, KIND_CAP);
    if (err != HF_OK)
        snprintf(why, WHY_CAP, "which seal %.300s names cannot be read", c->path);
    return err;
}

hf_err conf_set_seal(const struct conf *c, const char *kind, char why[static WHY_CAP])
{
    static uint8_t text[CONF_CAP];
    size_t len = 0;
    hf_err err = ask(c, "--set-seal", kind, text, sizeof(text), &len);

    snprintf(why, WHY_CAP, "seal.kind in %.300s cannot be changed; set it to '%s' by hand", c->path, kind);
    HF_TRY(err);
    return hf_file_replace(c->dir_fd, c->name, c->st.st_mode & 0777, hf_view_of(text, len));
}
