/* Canaries behind the data of a block: src/mem/canary.h. */
#include "mem/canary.h"
#include "proof.h"

#define ROOM_MOST 64

static uint64_t block[ROOM_MOST / 8];

/* A block of any size up to ROOM_MOST, and data that leave at least 16 bytes of it. */
static size_t any_block(size_t *ret_n)
{
    size_t room = nondet_size(), n = nondet_size();
    GIVEN(room >= 32 && room <= ROOM_MOST && room % 16 == 0);
    GIVEN(n >= 1 && n <= room - HF_CANARY_LEAST);
    *ret_n = n;
    return room;
}

/*
 * A canary that was written is found intact whatever the data, writing it changes no byte of the data and nothing behind the
 * block. Unwind 10. Without --unsigned-overflow-check. Without --conversion-check.
 */
void proof_canary_intact(void)
{
    const uint64_t secret[2] = { nondet_u64(), nondet_u64() };
    size_t n = 0, room = any_block(&n), at = nondet_size();
    GIVEN(at < n);
    hf_canary_write(secret, block, n, room);
    PROVE(((uint8_t *)block)[at] == 0);
    ((uint8_t *)block)[at] = nondet_u8();
    PROVE(hf_canary_intact(secret, block, room));
    for (size_t i = room / 8; i < ROOM_MOST / 8; i++)
        PROVE(block[i] == 0);
    REACHED();
}

/* Any single byte that is changed behind the data is noticed, the first one and the last one too. Unwind 10. Without --unsigned-overflow-check. Without --conversion-check. */
void proof_canary_broken(void)
{
    const uint64_t secret[2] = { nondet_u64(), nondet_u64() };
    size_t n = 0, room = any_block(&n), at = nondet_size();
    GIVEN(at >= n && at < room);
    hf_canary_write(secret, block, n, room);
    uint8_t other = nondet_u8();
    GIVEN(other != ((uint8_t *)block)[at]);
    ((uint8_t *)block)[at] = other;
    PROVE(!hf_canary_intact(secret, block, room));
    REACHED();
}

/* The short form for blocks whose canary is 16 bytes is the same as the long one. Unwind 10. Without --unsigned-overflow-check. Without --conversion-check. */
void proof_canary_least(void)
{
    const uint64_t secret[2] = { nondet_u64(), nondet_u64() };
    size_t n = 0, room = any_block(&n);
    GIVEN(room == n + HF_CANARY_LEAST);
    hf_canary_write_least(secret, block, room);
    PROVE(hf_canary_intact(secret, block, room) && hf_canary_is_least(secret, block, room));
    size_t at = nondet_size();
    GIVEN(at >= n && at < room);
    uint8_t other = nondet_u8();
    GIVEN(other != ((uint8_t *)block)[at]);
    ((uint8_t *)block)[at] = other;
    PROVE(!hf_canary_is_least(secret, block, room));
    REACHED();
}
