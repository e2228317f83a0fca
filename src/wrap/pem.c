#include "wrap/pem.h"

#include "base/text.h"
#include <string.h>

static const char begin[] = "-----BEGIN ", end[] = "-----END ", dashes[] = "-----";
static const char wanted[] = "PRIVATE KEY";

/* Labels that people have in their files instead, and the way on. */
static const struct {
    const char *label, *why;
} others[] = {
    { "ENCRYPTED PRIVATE KEY",
      "the key file is encrypted; decrypt it into the pipe: openssl pkcs8 -in F | holdfast key import NAME --private -" },
    { "RSA PRIVATE KEY",
      "the key file is in the old RSA form; convert it into the pipe: openssl pkcs8 -topk8 -nocrypt -in F" },
    { "EC PRIVATE KEY",
      "the key file is in the old EC form; convert it into the pipe: openssl pkcs8 -topk8 -nocrypt -in F" },
    { "EC PARAMETERS",
      "the key file is in the old EC form; convert it into the pipe: openssl pkcs8 -topk8 -nocrypt -in F" },
    { "OPENSSH PRIVATE KEY", "the key file is in OpenSSH's form; ssh-keygen -p -m PKCS8 converts a copy of it" },
    { "PUBLIC KEY", "the key file holds a public key; import it with --public" },
    { "CERTIFICATE", "the key file begins with a certificate; leave the private key alone in it" },
};

static const uint8_t *find(hf_view text, const char *what)
{
    return text.len == 0 ? NULL : memmem(text.ptr, text.len, what, strlen(what));
}

static hf_view from(hf_view text, const uint8_t *at)
{
    return hf_view_of(at, text.len - (size_t)(at - text.ptr));
}

bool pem_is(hf_view text)
{
    const uint8_t *at = find(text, begin);

    return at != NULL && (at == text.ptr || at[-1] == '\n');
}

static hf_err refuse(const char **reterr_why, const char *why)
{
    *reterr_why = why;
    return HF_ERR_BAD_KEY;
}

static hf_err check_label(hf_view label, const char **reterr_why)
{
    if (hf_view_eq_str(label, wanted))
        return HF_OK;
    for (size_t i = 0; i < HF_COUNT(others); i++)
        if (hf_view_eq_str(label, others[i].label))
            return refuse(reterr_why, others[i].why);
    return refuse(reterr_why, "the key file's PEM block is no PRIVATE KEY (PKCS#8)");
}

/* The text between the first block's lines. */
static hf_err block_find(hf_view text, hf_view *ret_body, const char **reterr_why)
{
    const uint8_t *first = find(text, begin);

    if (first == NULL)
        return refuse(reterr_why, "the key file holds no PEM block");
    hf_view label = from(text, first + strlen(begin));
    const uint8_t *label_end = find(label, dashes);
    if (label_end == NULL)
        return refuse(reterr_why, "the first line of the key file's PEM block does not end in dashes");
    hf_view body = from(label, label_end + strlen(dashes));
    label.len -= body.len + strlen(dashes);
    HF_TRY(check_label(label, reterr_why));
    const uint8_t *body_end = find(body, end);
    if (body_end == NULL || find(from(body, body_end), wanted) == NULL)
        return refuse(reterr_why, "the key file's PEM block has no end");
    if (find(from(body, body_end), begin) != NULL)
        return refuse(reterr_why, "the key file holds more than one PEM block; leave the private key alone in it");
    *ret_body = hf_view_of(body.ptr, (size_t)(body_end - body.ptr));
    return HF_OK;
}

static hf_err block_decode(hf_view body, uint8_t *letters, hf_secret **ret, const char **reterr_why)
{
    size_t n = 0, len = 0;

    for (size_t i = 0; i < body.len; i++)
        if (strchr(" \t\r\n", body.ptr[i]) == NULL || body.ptr[i] == '\0')
            letters[n++] = body.ptr[i];
    HF_AUTO(hf_secret_freep) hf_secret *der = NULL;
    HF_TRY(hf_secret_new(HF_B64_MAX_BYTES(n), &der));
    if (n == 0 || hf_b64_decode(hf_view_of(letters, n), hf_secret_bytes(der), hf_secret_len(der), &len) != HF_OK)
        return refuse(reterr_why, "the key file's PEM block is not base64");
    return hf_secret_copy(hf_secret_read(der), len, ret);
}

hf_err pem_read_private(hf_view text, hf_secret **ret, const char **reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *letters = NULL;
    hf_view body = { 0 };

    *reterr_why = "there is no locked memory for the key";
    HF_TRY(block_find(text, &body, reterr_why));
    HF_TRY(hf_secret_new(body.len + 1, &letters));
    return block_decode(body, hf_secret_bytes(letters), ret, reterr_why);
}
