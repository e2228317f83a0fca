/*
 * The `file` backend. The root key stands in the file as it is: what protects it is the file's mode (0600) and whatever
 * protects the disk. The MAC finds damage, not malice: whoever can write the file can also compute a new one, and is
 * then stopped by the records, which do not open under another root.
 *
 *   format u8 = 1 | kind u8 = 1 | length u16 = 64 | salt 32 | root 64 | HMAC-SHA-256 32
 *
 * The MAC key is HKDF-SHA-256 (RFC 5869) of the root with the salt, info "holdfast seal file"; the MAC (FIPS 198-1)
 * covers every byte before it.
 */
#include "seal/seal.h"

#include "crypto/crypto.h"

#include <string.h>

#define SALT_BYTES 32
#define MAC_BYTES 32
#define HEAD_BYTES 4
#define SALT_AT HEAD_BYTES
#define ROOT_AT (SALT_AT + SALT_BYTES)
#define MAC_AT (ROOT_AT + HF_ROOT_KEY_BYTES)
#define FILE_BYTES (MAC_AT + MAC_BYTES)

static const char mac_info[] = "holdfast seal file";

/* The MAC over the first MAC_AT bytes of a file image, which holds salt and root. */
static hf_err image_mac(const uint8_t image[static FILE_BYTES], uint8_t dst[static MAC_BYTES])
{
    HF_AUTO(hf_secret_freep) hf_secret *key = NULL;
    hf_view covered = hf_view_of(image, MAC_AT);

    HF_TRY(hf_secret_new(MAC_BYTES, &key));
    HF_TRY(hf_hkdf(HF_HASH_SHA256, hf_view_of(image + ROOT_AT, HF_ROOT_KEY_BYTES),
                   hf_view_of(image + SALT_AT, SALT_BYTES), hf_view_str(mac_info), hf_secret_bytes(key), MAC_BYTES));
    return hf_hmac(HF_HASH_SHA256, hf_view_of(hf_secret_read(key), MAC_BYTES), &covered, 1, dst);
}

static hf_err image_make(const hf_secret *root, uint8_t image[static FILE_BYTES])
{
    HF_CHECK(hf_secret_len(root) == HF_ROOT_KEY_BYTES, HF_ERR_BOUNDS);
    image[0] = HF_SEAL_FORMAT;
    image[1] = HF_SEAL_FILE;
    image[2] = 0;
    image[3] = HF_ROOT_KEY_BYTES;
    HF_TRY(hf_random(image + SALT_AT, SALT_BYTES));
    memcpy(image + ROOT_AT, hf_secret_read(root), HF_ROOT_KEY_BYTES);
    return image_mac(image, image + MAC_AT);
}

static hf_err create(int dir_fd, const hf_secret *root, const hf_secret *passphrase, bool over)
{
    HF_AUTO(hf_secret_freep) hf_secret *image = NULL;

    (void)passphrase;
    HF_TRY(hf_secret_new(FILE_BYTES, &image));
    HF_TRY(image_make(root, hf_secret_bytes(image)));
    return hf_seal_image_write(dir_fd, HF_SEAL_FILE_NAME, image, over);
}

static hf_err prepare(int dir_fd, struct hf_seal_source *ret, struct hf_seal_why *reterr_why)
{
    int fd;

    HF_TRY(hf_seal_image_open(dir_fd, HF_SEAL_FILE_NAME, &fd, reterr_why));
    *ret = (struct hf_seal_source) { .fd = fd };
    return HF_OK;
}

static hf_err refuse(struct hf_seal_why *why, hf_err err, const char *text)
{
    return hf_seal_refuse(why, err, HF_SEAL_FILE_NAME, text);
}

static hf_err image_check(const uint8_t image[static FILE_BYTES], struct hf_seal_why *why)
{
    uint8_t mac[MAC_BYTES];

    if (image[0] != HF_SEAL_FORMAT)
        return refuse(why, HF_ERR_UNSUPPORTED, "was written by another release: its format is not known here");
    if (image[1] != HF_SEAL_FILE)
        return refuse(why, HF_ERR_MALFORMED, "belongs to another kind of seal than the configuration names");
    HF_TRY(image_mac(image, mac));
    if (!hf_ct_equal(mac, image + MAC_AT, MAC_BYTES) || image[2] != 0 || image[3] != HF_ROOT_KEY_BYTES)
        return refuse(why, HF_ERR_INTEGRITY, "was altered or is damaged; put back the copy from your backup");
    return HF_OK;
}

static hf_err open_file(int fd, const hf_secret *passphrase, hf_secret **ret, struct hf_seal_why *reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *image = NULL;

    (void)passphrase;
    HF_TRY(hf_seal_image_read(fd, HF_SEAL_FILE_NAME, FILE_BYTES, &image, reterr_why));
    HF_TRY(image_check(hf_secret_read(image), reterr_why));
    return hf_secret_copy(hf_secret_read(image) + ROOT_AT, HF_ROOT_KEY_BYTES, ret);
}

const hf_seal_backend hf_seal_file = {
    .kind = HF_SEAL_FILE,
    .name = "file",
    .file_name = HF_SEAL_FILE_NAME,
    .opens_alone = true,
    .create = create,
    .prepare = prepare,
    .open = open_file,
};
