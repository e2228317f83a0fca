/*
 * A key that can be read only while it is used: its page has no rights at rest, and a stray pointer meets SIGSEGV there.
 *
 *   cc key_in_scopes.c $(pkg-config --cflags --libs holdfast-mem libcrypto) -o key_in_scopes
 */
#include <holdfast/mem.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 32, TAG_BYTES = 32 };

static void check(hf_err e, const char *what)
{
    if (e == HF_OK)
        return;
    fprintf(stderr, "key_in_scopes: %s: %s\n", what, hf_err_text(e));
    exit(1);
}

/* The key is open between these two calls and at no other time. */
static int tag_of(hf_buffer *key, const char *message, unsigned char tag[TAG_BYTES])
{
    void *bytes;
    unsigned length = TAG_BYTES;

    check(hf_buffer_open(key, HF_ACCESS_READ, &bytes), "the key cannot be opened");
    int done =
        HMAC(EVP_sha256(), bytes, KEY_BYTES, (const unsigned char *)message, strlen(message), tag, &length) != NULL;
    hf_buffer_close(key);
    return done;
}

static sigjmp_buf after_fault;

static void on_fault(int signal_number)
{
    siglongjmp(after_fault, signal_number);
}

/* What a bug elsewhere in the program would meet. */
static int signal_of_a_stray_read(hf_buffer *key)
{
    struct sigaction handler = { .sa_handler = on_fault }, before;

    sigaction(SIGSEGV, &handler, &before);
    int caught = sigsetjmp(after_fault, 1);
    if (caught == 0)
        (void)*(volatile unsigned char *)hf_buffer_bytes(key);
    sigaction(SIGSEGV, &before, NULL);
    return caught;
}

int main(void)
{
    const hf_buffer_spec spec = { .bytes = KEY_BYTES, .weakest = HF_BACKING_MLOCK, .at_rest = HF_ACCESS_NONE };
    hf_buffer *key;
    const char *why;

    hf_err e = hf_buffer_new(&spec, &key, &why);
    check(e, why);
    check(hf_buffer_randomize(key), "no random bytes");

    unsigned char tag[TAG_BYTES], again[TAG_BYTES];
    if (!tag_of(key, "pay 12.50 to Alice", tag) || !tag_of(key, "pay 12.50 to Alice", again))
        return 1;
    printf("tags agree: %s\n", hf_mem_equal(tag, again, sizeof(tag)) ? "yes" : "no");
    printf("a stray read: %s\n", signal_of_a_stray_read(key) == SIGSEGV ? "SIGSEGV" : "not stopped");
    hf_buffer_free(key);
    return 0;
}
