/*
 * A server whose threads keep a key for each session in one pool: 48 locked bytes or so each, from a cache of the thread. Here the
 * clients are threads too, which ask for one session after the other over socket pairs.
 *
 *   cc -pthread session_keys.c $(pkg-config --cflags --libs holdfast-mem) -o session_keys
 */
#include <holdfast/mem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVERS = 4, SESSIONS = 500, OPEN_AT_ONCE = 64, KEY_BYTES = 32 };

static hf_pool *keys;
static atomic_uint refused;

/* Sessions live for a while: the newest OPEN_AT_ONCE of this thread. */
static void *serve(void *argument)
{
    int fd = *(int *)argument;
    void *open[OPEN_AT_ONCE] = { NULL };
    unsigned char request;

    for (unsigned n = 0; read(fd, &request, 1) == 1; n++) {
        void **slot = &open[n % OPEN_AT_ONCE];
        hf_pool_free(keys, *slot);
        *slot = NULL;
        unsigned char answer = 'k';
        if (hf_pool_alloc(keys, KEY_BYTES, slot) != HF_OK || getrandom(*slot, KEY_BYTES, 0) != KEY_BYTES) {
            atomic_fetch_add(&refused, 1); /* a client is told no: its key never lies in ordinary memory */
            answer = 'n';
        }
        if (write(fd, &answer, 1) != 1)
            break;
    }
    for (unsigned i = 0; i < OPEN_AT_ONCE; i++)
        hf_pool_free(keys, open[i]);
    close(fd);
    return NULL;
}

static void *client(void *argument)
{
    int fd = *(int *)argument;
    unsigned char byte = 's';

    for (unsigned n = 0; n < SESSIONS; n++)
        if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
            break;
    close(fd);
    return NULL;
}

int main(void)
{
    const hf_pool_spec spec = { .max_bytes = 1u << 20, .weakest = HF_BACKING_MLOCK };
    pthread_t thread[2 * SERVERS];
    int pair[SERVERS][2];
    const char *why;
    hf_err e = hf_pool_new(&spec, &keys, &why);

    if (e != HF_OK) {
        fprintf(stderr, "session_keys: %s (%s)\n", hf_err_text(e), why);
        return 1;
    }
    for (unsigned i = 0; i < SERVERS; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]) != 0 ||
            pthread_create(&thread[2 * i], NULL, serve, &pair[i][0]) != 0 ||
            pthread_create(&thread[2 * i + 1], NULL, client, &pair[i][1]) != 0)
            abort();
    for (unsigned i = 0; i < 2 * SERVERS; i++)
        pthread_join(thread[i], NULL);

    hf_pool_status status;
    hf_pool_status_get(keys, &status);
    printf("%d sessions, %u refused, %zu keys left\n", SERVERS * SESSIONS, atomic_load(&refused), status.live_blocks);
    return hf_pool_destroy(keys) == HF_OK ? 0 : 1;
}
