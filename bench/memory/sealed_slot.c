/*
 * Holdfast's sealed memory: a blob is made and opened again.
 *
 *   speed    bytes=32      seal, and open into a block of a pool that is kept; ns for both together
 *   secret   bytes=32      seal, and open into a new hf_secret, which is freed
 *   made     bytes=32      hf_coffer_new and hf_coffer_free
 *
 * The identity makes 32 bytes of additional data, as the floor has.
 */
#include "floor.h"
#include <holdfast/sealed.h>

#define LARGEST ((size_t)1 << 20)

static const hf_sealed_id id = { .name = "password", .name_len = 8 };

static hf_coffer *coffer;
static size_t text_bytes;
static unsigned char text[LARGEST], blob[LARGEST + HF_SEALED_OVERHEAD_BYTES];

static void must(hf_err e)
{
    if (e != HF_OK)
        floor_fail(hf_err_text(e));
}

static void slots(void *state, uint64_t n)
{
    size_t length = 0;
    for (uint64_t i = 0; i < n; i++) {
        must(hf_coffer_seal(coffer, &id, text, text_bytes, blob, sizeof blob, &length));
        must(hf_coffer_open_into(coffer, &id, blob, length, state, text_bytes, &length));
        floor_touch(state);
    }
}

static void secrets(void *state, uint64_t n)
{
    size_t length = 0;
    hf_secret *s = NULL;
    (void)state;
    for (uint64_t i = 0; i < n; i++) {
        must(hf_coffer_seal(coffer, &id, text, text_bytes, blob, sizeof blob, &length));
        must(hf_coffer_open(coffer, &id, blob, length, &s));
        floor_touch(hf_secret_bytes(s));
        hf_secret_free(s);
    }
}

static void coffers(void *state, uint64_t n)
{
    const char *why = NULL;
    (void)state;
    for (uint64_t i = 0; i < n; i++) {
        hf_coffer *c = NULL;
        must(hf_coffer_new(NULL, &c, &why));
        hf_coffer_free(c);
    }
}

int main(int argc, char **argv)
{
    const char *mode = floor_start(argc, argv);
    static const struct {
        const char *mode;
        void (*work)(void *, uint64_t);
    } modes[] = { { "speed", slots }, { "secret", secrets }, { "made", coffers } };
    const char *why = NULL;
    hf_pool *pool = NULL;
    void *slot = NULL;
    text_bytes = floor_setting("bytes", 32);
    must(hf_coffer_new(NULL, &coffer, &why));
    must(hf_pool_of_process(&pool));
    must(hf_pool_alloc(pool, text_bytes, &slot));
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].mode, mode) != 0)
            continue;
        floor_print_timing("hf_coffer", mode, floor_measure(modes[i].work, slot));
        return 0;
    }
    return 2;
}
