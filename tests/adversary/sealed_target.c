/*
 * A program with a sealed secret, to be looked into while it waits. The secret comes on standard input, 32 bytes,
 * straight into locked memory. It says `ready BLOB LEFT RIGHT BACKING` (hex; where the halves lie), then does what the
 * letters on standard input say and answers `done`:
 *
 *   u  seals and opens a few times       o  opens and keeps the plaintext open     c  closes it
 *   n  makes new halves                  s  stays inside a loop of opens, until the next letter
 */
#include "sealmem/internal.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECRET 32
#define BLOB (SECRET + HF_SEALED_OVERHEAD_BYTES)

static const hf_sealed_id id = {
    .name = "db/password", .name_len = 11, .owner = "alice", .owner_len = 5, .version = 3, .expires = 1000
};

static hf_coffer *coffer;
static uint8_t blob[BLOB];
static hf_secret *opened;

static void must(bool ok)
{
    if (!ok)
        _exit(1);
}

static void take_in(void)
{
    hf_secret *s = NULL;
    size_t n = 0;
    must(hf_secret_new(SECRET, &s) == HF_OK);
    must(read(0, hf_secret_bytes(s), SECRET) == SECRET);
    must(hf_coffer_seal_secret(coffer, &id, &s, blob, sizeof blob, &n) == HF_OK);
}

static void use(void)
{
    hf_secret *s = NULL;
    size_t n = 0;
    must(hf_coffer_open(coffer, &id, blob, sizeof blob, &s) == HF_OK);
    must(hf_coffer_seal_secret(coffer, &id, &s, blob, sizeof blob, &n) == HF_OK);
}

static void act(char letter)
{
    struct pollfd in = { .fd = 0, .events = POLLIN };
    switch (letter) {
    case 'u':
        for (int i = 0; i < 100; i++)
            use();
        break;
    case 'o':
        must(hf_coffer_open(coffer, &id, blob, sizeof blob, &opened) == HF_OK);
        break;
    case 'c':
        hf_secret_freep(&opened);
        break;
    case 'n':
        must(hf_coffer_rerandomize(coffer) == HF_OK);
        break;
    case 's':
        while (poll(&in, 1, 0) == 0)
            use();
        break;
    default:
        must(false);
    }
}

static void say_ready(void)
{
    hf_coffer_status now;
    hf_coffer_status_get(coffer, &now);
    printf("ready ");
    for (size_t i = 0; i < sizeof blob; i++)
        printf("%02x", blob[i]);
    printf(" %lx %lx %s\n", (unsigned long)coffer->left, (unsigned long)coffer->right, hf_backing_name(now.backing));
    fflush(stdout);
}

int main(void)
{
    const hf_coffer_spec spec = { .weakest = HF_BACKING_MLOCK,
                                  .rerandomize_ms = UINT32_MAX,
                                  .rerandomize_uses = UINT32_MAX };
    const char *why = NULL;
    must(hf_coffer_new(&spec, &coffer, &why) == HF_OK);
    take_in();
    use();
    say_ready();
    char letter;
    while (read(0, &letter, 1) == 1) {
        act(letter);
        puts("done");
        fflush(stdout);
    }
    hf_coffer_free(coffer);
    return 0;
}
