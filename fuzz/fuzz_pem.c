/*
 * Target functions: pem_read_private, pem_is, block_find, block_decode
 *
 * A private key file that somebody wants to import. What is taken must be one block with one meaning: written again as
 * PEM it gives the same bytes, and without its dashes nothing is found. The first byte chooses the form: the text as it
 * is, or the rest as DER in a block that is right, so that decoding is reached.
 */
#include "base/text.h"
#include "wrap/pem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_CAP 65536
#define DER_MAX 16384

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    hf_arena *arena = NULL;
    const char *why;

    (void)argc;
    (void)argv;
    if (hf_arena_create(&(hf_arena_spec) { 1u << 22, HF_BACKING_MALLOC }, &arena, &why) != HF_OK)
        abort();
    hf_secret_use_arena(arena);
    return 0;
}

/* RFC 7468: 64 characters a line. */
static hf_view written(hf_view der, char *text)
{
    static char letters[HF_B64_LEN(DER_MAX)];
    hf_writer w = hf_writer_on(text, TEXT_CAP);
    size_t n = hf_b64_encode(der, letters);

    hf_put_view(&w, hf_view_str("-----BEGIN PRIVATE KEY-----\n"));
    for (size_t i = 0; i < n; i += 64) {
        hf_put_bytes(&w, letters + i, n - i < 64 ? n - i : 64);
        hf_put_u8(&w, '\n');
    }
    hf_put_view(&w, hf_view_str("-----END PRIVATE KEY-----\n"));
    return hf_writer_view(&w);
}

static void comes_back(const hf_secret *der)
{
    static char text[TEXT_CAP];
    hf_secret *again = NULL;
    const char *why = NULL;
    hf_view v = hf_view_of(hf_secret_read(der), hf_secret_len(der));

    if (v.len > DER_MAX)
        return;
    if (pem_read_private(written(v, text), &again, &why) != HF_OK || hf_secret_len(again) != v.len ||
        !hf_view_eq(v, hf_view_of(hf_secret_read(again), v.len)))
        abort();
    hf_secret_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_CAP];
    hf_secret *der = NULL;
    const char *why = NULL;

    if (size < 2 || size > DER_MAX)
        return 0;
    hf_view in = hf_view_of(data + 1, size - 1);
    if (data[0] % 2 == 1)
        in = written(in, text);
    hf_err e = pem_read_private(in, &der, &why);
    if (e == HF_OK && memmem(in.ptr, in.len, "-----BEGIN ", 11) == NULL)
        abort();
    if (e == HF_OK)
        comes_back(der);
    else if (e == HF_ERR_BAD_KEY && (why == NULL || why[0] == '\0' || data[0] % 2 == 1))
        abort(); /* said without a reason, or refused what is right */
    if (pem_is(in) && memmem(in.ptr, in.len, "-----BEGIN ", 11) == NULL)
        abort();
    hf_secret_free(der);
    return 0;
}
