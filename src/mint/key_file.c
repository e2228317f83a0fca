#include "mint/key_file.h"

#include "crypto/keyfile.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static hf_err refuse(const char **reterr_why, hf_err e, const char *why)
{
    *reterr_why = why;
    return e;
}

/* Asked of the open descriptor, so that the file that is checked is the one that is read. */
static hf_err file_check(int fd, const char **reterr_why)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return refuse(reterr_why, HF_ERR_INVALID, "the key file is not a regular file");
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return refuse(reterr_why, HF_ERR_DENIED,
                      "the key file is open to its group or to others; run 'chmod 600' on it");
    if (st.st_uid != geteuid() && geteuid() != 0)
        return refuse(reterr_why, HF_ERR_DENIED, "the key file belongs to somebody else");
    return HF_OK;
}

static hf_err text_read(int fd, hf_secret *text, size_t *ret_len, const char **reterr_why)
{
    uint8_t *dst = hf_secret_bytes(text);
    size_t len = 0;

    while (len < hf_secret_len(text)) {
        ssize_t n = read(fd, dst + len, hf_secret_len(text) - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse(reterr_why, HF_ERR_SYSTEM, "the key file cannot be read");
        if (n == 0) {
            *ret_len = len;
            return HF_OK;
        }
        len += (size_t)n;
    }
    return refuse(reterr_why, HF_ERR_TOO_LARGE, "the key file is larger than a key");
}

static hf_err key_load(int fd, hf_key **ret, const char **reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *text = NULL;
    size_t len;

    if (hf_secret_new(HF_KEYFILE_MAX_BYTES + 1, &text) != HF_OK)
        return refuse(reterr_why, HF_ERR_LOCKED_MEMORY, "there is no locked memory for the key");
    HF_TRY(text_read(fd, text, &len, reterr_why));
    if (hf_key_load_pem_private(hf_view_of(hf_secret_read(text), len), ret) != HF_OK)
        return refuse(reterr_why, HF_ERR_BAD_KEY,
                      "the key file is not one unencrypted PKCS#8 'PRIVATE KEY' block with an EC P-256 or Ed25519 key");
    return HF_OK;
}

hf_err mint_key_read(const char *path, hf_key **ret, const char **reterr_why)
{
    HF_AUTO(hf_fd_closep) int fd = -1;

    if (strcmp(path, "-") == 0)
        return key_load(STDIN_FILENO, ret, reterr_why);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse(reterr_why, HF_ERR_NOT_FOUND,
                      errno == ENOENT   ? "the key file cannot be opened: there is none with this name"
                      : errno == EACCES ? "the key file cannot be opened: it is not yours to read"
                                        : "the key file cannot be opened");
    HF_TRY(file_check(fd, reterr_why));
    return key_load(fd, ret, reterr_why);
}
