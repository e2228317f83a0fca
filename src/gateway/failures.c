#include "gateway/failures.h"

#include "base/address.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct failures {
    pthread_mutex_t lock;
    failure rows[FAILURES_MAX];
    size_t n;
};

hf_err failures_new(failures **ret)
{
    failures *f = calloc(1, sizeof(*f));

    HF_CHECK(f != NULL, HF_ERR_SYSTEM);
    if (pthread_mutex_init(&f->lock, NULL) != 0) {
        free(f);
        return HF_ERR_SYSTEM;
    }
    *ret = f;
    return HF_OK;
}

void failures_free(failures *f)
{
    if (f == NULL)
        return;
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static void prefix_of(const uint8_t address[static 16], uint8_t prefix[static 16])
{
    uint32_t uid;

    memset(prefix, 0, 16);
    memcpy(prefix, address, hf_address_is_user(address, &uid) ? 16 : hf_address_is_ipv4(address) ? 15 : 6);
}

static failure *row_of(failures *f, const uint8_t prefix[static 16], hf_err reason)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->rows[i].reason == reason && memcmp(f->rows[i].prefix, prefix, 16) == 0)
            return &f->rows[i];
    if (f->n == FAILURES_MAX)
        return NULL;
    f->rows[f->n] = (failure) { .reason = reason };
    memcpy(f->rows[f->n].prefix, prefix, 16);
    return &f->rows[f->n++];
}

void failures_count(failures *f, const uint8_t address[static 16], hf_err reason)
{
    static const uint8_t everyone[16];
    uint8_t prefix[16];

    prefix_of(address, prefix);
    pthread_mutex_lock(&f->lock);
    failure *row = row_of(f, prefix, reason);
    /* A flood from many prefixes must not grow this: the last row takes what finds no other. */
    if (row == NULL) {
        row = &f->rows[FAILURES_MAX - 1];
        memcpy(row->prefix, everyone, sizeof(everyone));
    }
    if (row->count < UINT32_MAX)
        row->count++;
    pthread_mutex_unlock(&f->lock);
}

size_t failures_take(failures *f, failure *dst)
{
    pthread_mutex_lock(&f->lock);
    size_t n = f->n;
    memcpy(dst, f->rows, n * sizeof(*dst));
    f->n = 0;
    pthread_mutex_unlock(&f->lock);
    return n;
}
