/* What the backends have in common whose sealed root key is one file. */
#include "seal/seal.h"

#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

hf_err hf_seal_refuse(struct hf_seal_why *why, hf_err err, const char *name, const char *text)
{
    snprintf(why->text, sizeof(why->text), "seal/%s %s", name, text);
    return err;
}

hf_err hf_seal_image_write(int dir_fd, const char *name, const hf_secret *image, bool over)
{
    struct stat st;
    bool there = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

    HF_CHECK(there || errno == ENOENT, HF_ERR_SYSTEM);
    HF_CHECK(!there || over, HF_ERR_EXISTS);
    return hf_file_replace(dir_fd, name, 0600, hf_view_of(hf_secret_read(image), hf_secret_len(image)));
}

hf_err hf_seal_image_open(int dir_fd, const char *name, int *ret_fd, struct hf_seal_why *reterr_why)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char text[128];

    if (fd >= 0) {
        *ret_fd = fd;
        return HF_OK;
    }
    hf_err err = errno == ENOENT ? HF_ERR_NOT_FOUND : HF_ERR_SYSTEM;
    snprintf(text, sizeof(text), "cannot be opened: %s", strerrordesc_np(errno));
    return hf_seal_refuse(reterr_why, err, name, text);
}

hf_err hf_seal_image_read(int fd, const char *name, size_t bytes, hf_secret **ret, struct hf_seal_why *reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *image = NULL;
    size_t len = 0;

    reterr_why->text[0] = '\0';
    HF_TRY(hf_secret_new(bytes + 1, &image));
    hf_err err = hf_fd_read_all(fd, hf_secret_bytes(image), bytes + 1, &len);
    if (err == HF_ERR_SYSTEM)
        return hf_seal_refuse(reterr_why, err, name, "cannot be read");
    if (err != HF_OK || len != bytes)
        return hf_seal_refuse(reterr_why, HF_ERR_MALFORMED, name, "does not have the length of a sealed root key");
    return hf_secret_copy(hf_secret_read(image), bytes, ret);
}
