/*
 * Canaries at the end of blocks. From behind the last byte of the data to the end of the block stand words that depend on the
 * pool's secret and on the block's address; the last one also says how long that part is, so that a block needs no header.
 */
#ifndef HF_MEM_CANARY_H
#define HF_MEM_CANARY_H

#include "mem/internal.h"

#define HF_CANARY_LEAST ((size_t)16)

/* Both halves of a product with a secret, so that a canary that was read past one block does not give those of others. */
static inline uint64_t hf_canary_word(const uint64_t secret[2], const void *block)
{
    unsigned __int128 x = (unsigned __int128)((uint64_t)(uintptr_t)block ^ secret[0]) * secret[1];
    return (uint64_t)x ^ (uint64_t)(x >> 64);
}

/* The bits of the word at n / 8 * 8 that lie at or behind n. */
static inline uint64_t hf_canary_mask(size_t n)
{
    unsigned bits = (unsigned)(n % 8) * 8;
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? UINT64_MAX << bits : UINT64_MAX >> bits;
}

/* What stands in all words but the last. It depends on the length too, so that no byte of the last one can change alone. */
static inline uint64_t hf_canary_fill(uint64_t canary, uint64_t slack)
{
    return canary ^ slack * UINT64_C(0x9e3779b97f4a7c15);
}

/* room: bytes of the block, a multiple of 16 and at least n + 16. The block is 16-aligned and zero behind n. */
static inline void hf_canary_write(const uint64_t secret[2], void *block, size_t n, size_t room)
{
    uint64_t *word = block, canary = hf_canary_word(secret, block), fill = hf_canary_fill(canary, room - n);
    size_t at = n / 8, last = room / 8 - 1;
    word[at] |= fill & hf_canary_mask(n);
    while (++at < last)
        word[at] = fill;
    word[last] = ~canary ^ (room - n);
}

/* The n of a block with an intact canary; 0 when it cannot be one. */
static inline size_t hf_canary_data_bytes(const uint64_t secret[2], const void *block, size_t room)
{
    const uint64_t *word = block;
    uint64_t slack = ~hf_canary_word(secret, block) ^ word[room / 8 - 1];
    return slack < HF_CANARY_LEAST || slack >= room ? 0 : room - slack;
}

static inline bool hf_canary_intact(const uint64_t secret[2], const void *block, size_t room)
{
    const uint64_t *word = block;
    size_t n = hf_canary_data_bytes(secret, block, room);
    if (n == 0)
        return false;
    uint64_t fill = hf_canary_fill(hf_canary_word(secret, block), room - n);
    size_t at = n / 8, last = room / 8 - 1;
    uint64_t differing = (word[at] ^ fill) & hf_canary_mask(n);
    while (++at < last)
        differing |= word[at] ^ fill;
    return differing == 0;
}

/* The same two for blocks whose canary is as short as can be, which most are: room is n + 16. */
static inline void hf_canary_write_least(const uint64_t secret[2], void *block, size_t room)
{
    uint64_t *end = (uint64_t *)(void *)((uint8_t *)block + room);
    uint64_t canary = hf_canary_word(secret, block);
    end[-2] = hf_canary_fill(canary, HF_CANARY_LEAST);
    end[-1] = ~canary ^ HF_CANARY_LEAST;
}

static inline bool hf_canary_is_least(const uint64_t secret[2], const void *block, size_t room)
{
    const uint64_t *end = (const uint64_t *)(const void *)((const uint8_t *)block + room);
    uint64_t canary = hf_canary_word(secret, block);
    return end[-2] == hf_canary_fill(canary, HF_CANARY_LEAST) && end[-1] == (~canary ^ HF_CANARY_LEAST);
}

#endif
