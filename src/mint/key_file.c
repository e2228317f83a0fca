#include "mint/key_file.h"

#include "base/text.h"
#include "crypto/keyfile.h"
#include "jose/alg.h"
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

/* ---- one PEM block ---- */

static const struct label {
    const char *begin, *end;
    bool is_pkcs8;
} labels[] = {
    { "-----BEGIN PRIVATE KEY-----\n", "\n-----END PRIVATE KEY-----", true },
    { "-----BEGIN RSA PRIVATE KEY-----\n", "\n-----END RSA PRIVATE KEY-----", false },
};

/* The block begins at the first byte and ends at the last, so nothing is skipped and a second one cannot hide. */
static bool block_is(hf_view text, const struct label *l)
{
    size_t begin = strlen(l->begin), end = strlen(l->end);

    return text.len > begin + end && hf_view_eq_str(hf_view_of(text.ptr, begin), l->begin) &&
           hf_view_eq_str(hf_view_of(text.ptr + text.len - end, end), l->end);
}

/* Base64 over several lines, undone; the text is overwritten. */
static hf_err base64_take(uint8_t *text, size_t len, hf_secret **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *bytes = NULL;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n')
            text[n++] = text[i];
    }
    HF_CHECK(n != 0, HF_ERR_MALFORMED);
    HF_TRY(hf_secret_new(HF_B64_MAX_BYTES(n), &bytes));
    HF_TRY(hf_b64_decode(hf_view_of(text, n), hf_secret_bytes(bytes), hf_secret_len(bytes), &len));
    HF_CHECK(len != 0, HF_ERR_MALFORMED);
    return hf_secret_copy(hf_secret_read(bytes), len, ret);
}

static hf_err pkcs8_load(const hf_secret *der, hf_key **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    hf_alg alg = HF_ALG_NONE;

    HF_TRY(hf_key_read_pkcs8(HF_ALG_NONE, der, &alg, &material));
    HF_CHECK(hf_jose_alg_name(alg) != NULL && alg != HF_ALG_HMAC_SHA256, HF_ERR_BAD_KEY);
    return hf_key_load_private(alg, material, ret);
}

/* RSAPrivateKey (RFC 8017) is the form that our own records have. */
static hf_err pkcs1_load(const hf_secret *der, hf_key **ret)
{
    if (hf_key_load_private(HF_ALG_RSA_2048, der, ret) == HF_OK)
        return HF_OK;
    return hf_key_load_private(HF_ALG_RSA_3072, der, ret);
}

static hf_err pem_load(uint8_t *text, size_t len, hf_key **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *der = NULL;

    for (size_t i = 0; i < HF_COUNT(labels); i++) {
        size_t begin = strlen(labels[i].begin), end = strlen(labels[i].end);
        if (!block_is(hf_view_of(text, len), &labels[i]))
            continue;
        HF_TRY(base64_take(text + begin, len - begin - end, &der));
        return labels[i].is_pkcs8 ? pkcs8_load(der, ret) : pkcs1_load(der, ret);
    }
    return HF_ERR_BAD_KEY;
}

/* ---- a file of either kind ---- */

static hf_err secret_load(uint8_t *text, size_t len, hf_secret **ret)
{
    hf_secret *secret;

    HF_TRY(base64_take(text, len, &secret));
    if (hf_secret_len(secret) < HF_HS256_MIN_BYTES || hf_secret_len(secret) > HF_HS256_MAX_BYTES) {
        hf_secret_free(secret);
        return HF_ERR_BAD_KEY;
    }
    *ret = secret;
    return HF_OK;
}

static hf_err signer_load(int fd, bool is_secret, struct mint_signer *ret, const char **reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *text = NULL;
    size_t len;

    if (hf_secret_new(HF_KEYFILE_MAX_BYTES + 1, &text) != HF_OK)
        return refuse(reterr_why, HF_ERR_LOCKED_MEMORY, "there is no locked memory for the key");
    HF_TRY(text_read(fd, text, &len, reterr_why));
    if (len != 0 && hf_secret_read(text)[len - 1] == '\n')
        len--;
    if (is_secret && secret_load(hf_secret_bytes(text), len, &ret->secret) != HF_OK)
        return refuse(reterr_why, HF_ERR_BAD_KEY,
                      "the secret file is not base64 of 32 to 64 bytes; 'openssl rand -base64 32' makes such a secret");
    if (!is_secret && pem_load(hf_secret_bytes(text), len, &ret->key) != HF_OK)
        return refuse(
            reterr_why, HF_ERR_BAD_KEY,
            "the key file is not one unencrypted 'PRIVATE KEY' (PKCS#8) or 'RSA PRIVATE KEY' block with an EC "
            "P-256, Ed25519, RSA-2048 or RSA-3072 key; 'openssl pkey -in F -out G' rewrites others");
    return HF_OK;
}

hf_err mint_signer_read(const char *path, bool is_secret, struct mint_signer *ret, const char **reterr_why)
{
    HF_AUTO(hf_fd_closep) int fd = -1;

    if (strcmp(path, "-") == 0)
        return signer_load(STDIN_FILENO, is_secret, ret, reterr_why);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse(reterr_why, HF_ERR_NOT_FOUND,
                      errno == ENOENT   ? "the key file cannot be opened: there is none with this name"
                      : errno == EACCES ? "the key file cannot be opened: it is not yours to read"
                                        : "the key file cannot be opened");
    HF_TRY(file_check(fd, reterr_why));
    return signer_load(fd, is_secret, ret, reterr_why);
}

void mint_signer_free(struct mint_signer *signer)
{
    hf_key_free(signer->key);
    hf_secret_free(signer->secret);
    *signer = (struct mint_signer) { 0 };
}
