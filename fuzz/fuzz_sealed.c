/*
 * Target functions: hf_coffer_open_into, hf_coffer_open, hf_coffer_seal, hf_sealed_aad, hf_sealed_plain_size,
 * hf_sealed_size
 *
 * Blobs that somebody else wrote, and ours after somebody changed them or calls them by another name. Input: what to
 * do, three numbers, then bytes.
 */
#include "sealmem/internal.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LARGEST 65536

static hf_coffer *coffer;
static uint8_t blob[LARGEST + HF_SEALED_OVERHEAD_BYTES], opened[LARGEST];

static void must(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const hf_coffer_spec spec = { .weakest = HF_BACKING_MALLOC };
    const char *why = NULL;

    must(hf_coffer_new(&spec, &coffer, &why) == HF_OK);
    return 0;
}

typedef struct task {
    uint8_t number[3];
    hf_view bytes;
} task;

/* The first bytes as a name, the next ones as an owner. */
static hf_sealed_id id_of(const task *t)
{
    size_t name = t->number[0] < t->bytes.len ? t->number[0] : t->bytes.len;
    size_t owner = t->number[1] < t->bytes.len - name ? t->number[1] : t->bytes.len - name;
    return (hf_sealed_id) { t->bytes.ptr, name, t->bytes.ptr + name, owner, t->number[2], t->number[0] };
}

static void must_refuse(const hf_sealed_id *id, hf_view b)
{
    size_t len = hf_sealed_plain_size(b.len), n = 77;
    hf_secret *s = NULL;

    must(len <= LARGEST);
    memset(opened, 0xa5, len);
    must(hf_coffer_open_into(coffer, id, b.ptr, b.len, opened, sizeof(opened), &n) == HF_ERR_BAD_CIPHERTEXT && n == 77);
    for (size_t i = 0; i < len; i++)
        must(opened[i] == 0);
    must(hf_coffer_open(coffer, id, b.ptr, b.len, &s) == HF_ERR_BAD_CIPHERTEXT && s == NULL);
}

/* Nobody makes a blob that opens without sealing it. */
static void from_outside(const task *t)
{
    const hf_sealed_id id = id_of(t);
    must_refuse(&id, t->bytes);
}

/* Gives the length of the blob; 0 when nothing can be sealed. */
static size_t seal(const task *t, const hf_sealed_id *id)
{
    size_t n = 0, want = hf_sealed_size(t->bytes.len);
    hf_err e = hf_coffer_seal(coffer, id, t->bytes.ptr, t->bytes.len, blob, sizeof(blob), &n);
    must(e == (want == 0 ? HF_ERR_BOUNDS : HF_OK) && n == want);
    return n;
}

static void of_ours(const task *t)
{
    const hf_sealed_id id = id_of(t);
    size_t len = seal(t, &id), n = 0;
    hf_secret *s = NULL;

    if (len == 0)
        return;
    must(hf_coffer_open_into(coffer, &id, blob, len, opened, t->bytes.len - 1, &n) == HF_ERR_BOUNDS && n == 0);
    must(hf_coffer_open_into(coffer, &id, blob, len, opened, t->bytes.len, &n) == HF_OK && n == t->bytes.len);
    must(memcmp(opened, t->bytes.ptr, n) == 0);
    must(hf_coffer_open(coffer, &id, blob, len, &s) == HF_OK && hf_secret_len(s) == n);
    must(memcmp(hf_secret_read(s), t->bytes.ptr, n) == 0);
    hf_secret_free(s);
}

static void changed(const task *t)
{
    const hf_sealed_id id = id_of(t);
    size_t len = seal(t, &id);

    if (len == 0)
        return;
    blob[(size_t)(t->number[0] << 8 | t->number[1]) % len] ^= t->number[2] == 0 ? 1 : t->number[2];
    must_refuse(&id, hf_view_of(blob, len));
}

static void cut(const task *t)
{
    const hf_sealed_id id = id_of(t);
    size_t len = seal(t, &id);

    if (len > 0)
        must_refuse(&id, hf_view_of(blob, (size_t)(t->number[0] << 8 | t->number[1]) % len));
}

/* The same bytes in another division, another number, a name too long. */
static void renamed(const task *t)
{
    hf_sealed_id id = id_of(t), other = id;
    size_t len = seal(t, &id), n = 77;

    if (len == 0)
        return;
    if (other.owner_len > 0) {
        other.name_len++;
        other.owner_len--;
        other.owner = (const uint8_t *)other.owner + 1;
    } else {
        other.expires++;
    }
    must_refuse(&other, hf_view_of(blob, len));
    other = id;
    other.version = ~other.version;
    must_refuse(&other, hf_view_of(blob, len));
    other.name_len = HF_SEALED_NAMES_MAX_BYTES + 1;
    other.name = opened;
    must(hf_coffer_open_into(coffer, &other, blob, len, opened, sizeof(opened), &n) == HF_ERR_BOUNDS && n == 77);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tasks[])(const task *) = { from_outside, of_ours, changed, cut, renamed };

    if (size < 4 || size > LARGEST)
        return 0;
    const task t = { { data[1], data[2], data[3] }, hf_view_of(data + 4, size - 4) };
    tasks[data[0] % HF_COUNT(tasks)](&t);
    return 0;
}
