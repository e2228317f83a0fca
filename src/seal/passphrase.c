/*
 * The `passphrase` backend: the root key under a key that Argon2id makes of a passphrase. Whoever copies the file has to guess
 * the passphrase, at 64 MiB and three passes a guess.
 *
 *   format u8 = 1 | kind u8 = 2 | length u16 = 64 | memory_kib u32 | passes u32 | lanes u32 | salt 16 | nonce 12 |
 *   AES-256-GCM of the root key: ciphertext 64, tag 16          (numbers big endian)
 *
 * Key: Argon2id (RFC 9106, version 0x13) of passphrase and salt, 32 bytes. AAD: every byte before the ciphertext. Salt and
 * nonce are drawn anew each time. A wrong passphrase and an altered byte look the same to AES-GCM, so the answer is one.
 */
#include "seal/passphrase.h"

#include "crypto/crypto.h"
#include "seal/seal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_AT 4
#define SALT_AT 16
#define NONCE_AT (SALT_AT + HF_SEAL_SALT_BYTES)
#define SEALED_AT (NONCE_AT + HF_GCM_NONCE_BYTES)
#define SEALED_BYTES (HF_ROOT_KEY_BYTES + HF_GCM_TAG_BYTES)
_Static_assert(SEALED_AT + SEALED_BYTES == HF_SEAL_PASSPHRASE_BYTES, "the form's length");

/* The matrix is one block; an arena gives whole pages, and OpenSSL adds nothing to it. */
#define WORK_BYTES(memory_kib) (((size_t)(memory_kib) << 10) + 65536)

static hf_err refuse(struct hf_seal_why *why, hf_err err, const char *text)
{
    return hf_seal_refuse(why, err, HF_SEAL_PASSPHRASE_NAME, text);
}

/* ---- the form ---- */

static bool memory_ok(uint32_t memory_kib)
{
    return memory_kib >= HF_SEAL_MEMORY_MIN_KIB && memory_kib <= HF_SEAL_MEMORY_MAX_KIB;
}

static bool cost_ok(const struct hf_seal_cost *c)
{
    return memory_ok(c->memory_kib) && c->passes >= 1 && c->passes <= HF_SEAL_PASSES_MAX && c->lanes >= 1 &&
           c->lanes <= HF_SEAL_LANES_MAX;
}

hf_err hf_seal_passphrase_parse(hf_view bytes, struct hf_seal_sealed *ret)
{
    hf_reader r = hf_reader_of(bytes);
    struct hf_seal_sealed s = { .head = hf_view_of(bytes.ptr, bytes.len < SEALED_AT ? bytes.len : SEALED_AT) };

    uint8_t format = hf_get_u8(&r), kind = hf_get_u8(&r);
    HF_CHECK(!r.failed && format == HF_SEAL_FORMAT, r.failed ? HF_ERR_MALFORMED : HF_ERR_UNSUPPORTED);
    HF_CHECK(kind == HF_SEAL_PASSPHRASE && hf_get_u16(&r) == HF_ROOT_KEY_BYTES, HF_ERR_MALFORMED);
    s.cost.memory_kib = hf_get_u32(&r);
    s.cost.passes = hf_get_u32(&r);
    s.cost.lanes = hf_get_u32(&r);
    s.salt = hf_get_view(&r, HF_SEAL_SALT_BYTES);
    s.nonce = hf_get_view(&r, HF_GCM_NONCE_BYTES);
    s.ciphertext = hf_get_view(&r, SEALED_BYTES);
    HF_TRY(hf_reader_done(&r));
    HF_CHECK(cost_ok(&s.cost), HF_ERR_BOUNDS);
    *ret = s;
    return HF_OK;
}

static hf_err key_of(const struct hf_seal_cost *cost, hf_view salt, const hf_secret *passphrase, hf_secret **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *key = NULL;

    HF_TRY(hf_secret_new(HF_GCM_KEY_BYTES, &key));
    HF_TRY(hf_argon2id(passphrase, salt, cost->memory_kib, cost->passes, cost->lanes, hf_secret_bytes(key),
                       HF_GCM_KEY_BYTES));
    *ret = key;
    key = NULL; /* the caller's now */
    return HF_OK;
}

/* ---- sealing ---- */

hf_err hf_seal_passphrase_make(const struct hf_seal_cost *cost, const hf_secret *root, const hf_secret *passphrase,
                               uint8_t image[static HF_SEAL_PASSPHRASE_BYTES])
{
    HF_AUTO(hf_secret_freep) hf_secret *key = NULL;
    hf_writer w = hf_writer_on(image, HF_SEAL_PASSPHRASE_BYTES);
    hf_view head = hf_view_of(image, SEALED_AT);

    HF_CHECK(hf_secret_len(root) == HF_ROOT_KEY_BYTES, HF_ERR_BOUNDS);
    hf_put_u8(&w, HF_SEAL_FORMAT);
    hf_put_u8(&w, HF_SEAL_PASSPHRASE);
    hf_put_u16(&w, HF_ROOT_KEY_BYTES);
    hf_put_u32(&w, cost->memory_kib);
    hf_put_u32(&w, cost->passes);
    hf_put_u32(&w, cost->lanes);
    HF_TRY(hf_random(image + SALT_AT, HF_SEAL_SALT_BYTES + HF_GCM_NONCE_BYTES));
    HF_TRY(key_of(cost, hf_view_of(image + SALT_AT, HF_SEAL_SALT_BYTES), passphrase, &key));
    return hf_gcm_seal(hf_secret_read(key), image + NONCE_AT, &head, 1,
                       hf_view_of(hf_secret_read(root), HF_ROOT_KEY_BYTES), image + SEALED_AT);
}

static hf_err create(int dir_fd, const hf_secret *root, const hf_secret *passphrase, bool over)
{
    static const struct hf_seal_cost cost = HF_SEAL_COST_STANDARD;
    HF_AUTO(hf_secret_freep) hf_secret *image = NULL;

    HF_CHECK(passphrase != NULL && hf_secret_len(passphrase) >= HF_PASSPHRASE_MIN_BYTES &&
                 hf_secret_len(passphrase) <= HF_PASSPHRASE_MAX_BYTES,
             HF_ERR_BOUNDS);
    HF_TRY(hf_secret_new(HF_SEAL_PASSPHRASE_BYTES, &image));
    HF_TRY(hf_seal_passphrase_make(&cost, root, passphrase, hf_secret_bytes(image)));
    return hf_seal_image_write(dir_fd, HF_SEAL_PASSPHRASE_NAME, image, over);
}

/* ---- opening ---- */

static hf_err prepare(int dir_fd, struct hf_seal_source *ret, struct hf_seal_why *reterr_why)
{
    uint8_t bytes[4];
    int fd = -1;

    HF_TRY(hf_seal_image_open(dir_fd, HF_SEAL_PASSPHRASE_NAME, &fd, reterr_why));
    bool got = pread(fd, bytes, sizeof(bytes), MEMORY_AT) == (ssize_t)sizeof(bytes);
    hf_reader r = hf_reader_of(hf_view_of(bytes, sizeof(bytes)));
    uint32_t memory_kib = got ? hf_get_u32(&r) : 0;
    /* A number that is not taken needs no memory: open refuses it with its sentence. */
    *ret = (struct hf_seal_source) { .fd = fd, .work_bytes = memory_ok(memory_kib) ? WORK_BYTES(memory_kib) : 0 };
    return HF_OK;
}

static hf_err parse(const hf_secret *image, struct hf_seal_sealed *ret, struct hf_seal_why *why)
{
    hf_err err = hf_seal_passphrase_parse(hf_view_of(hf_secret_read(image), hf_secret_len(image)), ret);

    if (err == HF_ERR_UNSUPPORTED)
        return refuse(why, err, "was written by another release: its format is not known here");
    if (err == HF_ERR_BOUNDS)
        return refuse(why, HF_ERR_MALFORMED, "asks for more memory or time than is ever given: it was altered");
    if (err != HF_OK)
        return refuse(why, err, "is damaged, or of another kind of seal than the configuration names");
    return HF_OK;
}

static hf_err open_passphrase(int fd, const hf_secret *passphrase, hf_secret **ret, struct hf_seal_why *reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *image = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *key = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *root = NULL;
    struct hf_seal_sealed s;

    HF_TRY(hf_seal_image_read(fd, HF_SEAL_PASSPHRASE_NAME, HF_SEAL_PASSPHRASE_BYTES, &image, reterr_why));
    HF_TRY(parse(image, &s, reterr_why));
    HF_CHECK(passphrase != NULL, refuse(reterr_why, HF_ERR_DENIED, "needs its passphrase"));
    HF_TRY(hf_secret_new(HF_ROOT_KEY_BYTES, &root));
    HF_TRY(key_of(&s.cost, s.salt, passphrase, &key));
    hf_err err = hf_gcm_open(hf_secret_read(key), s.nonce.ptr, &s.head, 1, s.ciphertext, hf_secret_bytes(root));
    if (err == HF_ERR_BAD_CIPHERTEXT)
        return refuse(reterr_why, HF_ERR_DENIED, "does not open: the passphrase is wrong, or the file was altered");
    HF_TRY(err);
    *ret = root;
    root = NULL; /* the caller's now */
    return HF_OK;
}

const hf_seal_backend hf_seal_passphrase = {
    .kind = HF_SEAL_PASSPHRASE,
    .name = "passphrase",
    .file_name = HF_SEAL_PASSPHRASE_NAME,
    .asks_passphrase = true,
    .create_work_bytes = WORK_BYTES(HF_SEAL_MEMORY_STANDARD_KIB),
    .create = create,
    .prepare = prepare,
    .open = open_passphrase,
};
