#include "crypto/openssl.h"

void *hf_pool_take(hf_pool *pool)
{
    for (size_t i = 0; i < HF_POOL_SLOTS; i++) {
        /* the load keeps the cache line shared while the slot is empty */
        if (atomic_load_explicit(&pool->slot[i], memory_order_relaxed) == NULL)
            continue;
        void *item = atomic_exchange_explicit(&pool->slot[i], NULL, memory_order_acquire);
        if (item != NULL)
            return item;
    }
    return NULL;
}

bool hf_pool_give(hf_pool *pool, void *item)
{
    for (size_t i = 0; i < HF_POOL_SLOTS; i++) {
        void *empty = NULL;
        if (atomic_compare_exchange_strong_explicit(&pool->slot[i], &empty, item, memory_order_release,
                                                    memory_order_relaxed))
            return true;
    }
    return false;
}
