/*
 * A program of somebody else that keeps needles in the library's memory on command, for the scans of test_library_memory.py. Its own
 * memory never holds them: their bytes are read from standard input straight into place.
 *
 * A command is one byte, some followed by the 32 bytes of a needle; each is answered by a line.
 *
 *   m needle  into malloc          p needle  into a pool           s needle  into a secret
 *   b needle  into a buffer that is closed at rest          o  opens the buffer       c  closes it
 *   x needle  into a secret that is then sealed             u  opens the seal         d  frees what came out
 *   f  forks; the child sleeps     z  frees everything but the control
 */
#include <holdfast/mem.h>
#include <holdfast/sealed.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NEEDLE_BYTES 32

static void must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "probe: %s\n", what);
        exit(1);
    }
}

static void take(void *dst)
{
    for (size_t got = 0; got < NEEDLE_BYTES;) {
        ssize_t n = read(STDIN_FILENO, (unsigned char *)dst + got, NEEDLE_BYTES - got);
        must(n > 0, "the needle does not come");
        got += (size_t)n;
    }
}

static void say(const char *what, const void *where)
{
    printf("%s %p\n", what, where);
    fflush(stdout);
}

static hf_pool *pool;
static void *block;
static hf_secret *secret, *opened;
static hf_buffer *buffer;
static hf_coffer *coffer;
static hf_sealed *sealed;

static void keep_in_pool(void)
{
    const hf_pool_spec spec = { .weakest = HF_BACKING_MLOCK };
    const char *why = "";
    must(hf_pool_new(&spec, &pool, &why) == HF_OK, why);
    must(hf_pool_alloc(pool, NEEDLE_BYTES, &block) == HF_OK, "pool");
    take(block);
    hf_pool_status now;
    hf_pool_status_get(pool, &now);
    say(hf_backing_name(now.backing), block);
}

static void keep_in_secret(void)
{
    must(hf_secret_new(NEEDLE_BYTES, &secret) == HF_OK, "secret");
    take(hf_secret_bytes(secret));
    say("secret", hf_secret_read(secret));
}

static void keep_in_buffer(void)
{
    const hf_buffer_spec spec = { .bytes = NEEDLE_BYTES, .weakest = HF_BACKING_MLOCK, .at_rest = HF_ACCESS_NONE };
    const char *why = "";
    void *p = NULL;
    must(hf_buffer_new(&spec, &buffer, &why) == HF_OK, why);
    must(hf_buffer_open(buffer, HF_ACCESS_READ_WRITE, &p) == HF_OK, "open");
    take(p);
    hf_buffer_close(buffer);
    say(hf_backing_name(hf_buffer_backing(buffer)), p);
}

static void keep_sealed(void)
{
    const char *why = "";
    hf_secret *plain = NULL;
    must(hf_coffer_new(NULL, &coffer, &why) == HF_OK, why);
    must(hf_secret_new(NEEDLE_BYTES, &plain) == HF_OK, "secret");
    take(hf_secret_bytes(plain));
    must(hf_sealed_take(coffer, &plain, &sealed) == HF_OK, "seal");
    say("sealed", NULL);
}

static void fork_one(void)
{
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0)
        for (;;)
            (void)pause();
    printf("%d\n", (int)child);
    fflush(stdout);
}

static void free_all(void)
{
    hf_pool_free(pool, block);
    must(hf_pool_destroy(pool) == HF_OK, "destroy");
    hf_secret_free(secret);
    hf_buffer_free(buffer);
    hf_secret_free(opened);
    hf_sealed_free(sealed);
    hf_coffer_free(coffer);
    say("freed", NULL);
}

int main(void)
{
    void *p = NULL;
    for (char command = 0; read(STDIN_FILENO, &command, 1) == 1;)
        switch (command) {
        case 'm':
            p = malloc(NEEDLE_BYTES);
            must(p != NULL, "malloc");
            take(p);
            say("malloc", p);
            break;
        case 'p':
            keep_in_pool();
            break;
        case 's':
            keep_in_secret();
            break;
        case 'b':
            keep_in_buffer();
            break;
        case 'o':
            must(hf_buffer_open(buffer, HF_ACCESS_READ, &p) == HF_OK, "open");
            say("open", p);
            break;
        case 'c':
            hf_buffer_close(buffer);
            say("closed", NULL);
            break;
        case 'x':
            keep_sealed();
            break;
        case 'u':
            must(hf_sealed_open(sealed, &opened) == HF_OK, "unseal");
            say("opened", hf_secret_read(opened));
            break;
        case 'd':
            hf_secret_freep(&opened);
            say("dropped", NULL);
            break;
        case 'f':
            fork_one();
            break;
        case 'z':
            free_all();
            break;
        default:
            must(0, "what is that?");
        }
    return 0;
}
