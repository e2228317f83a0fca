/*
 * Every message of the table: random values come back, and no other bytes are taken for them. The values come from the
 * rows themselves, so a new message is tested from the day it is added.
 */
#include "proto/gen/messages.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

#define ROUNDS 40

static _Alignas(16) uint8_t made[4096], back[4096];
static uint8_t body[3u << 20], again[sizeof(body)];
static uint8_t filler[1u << 21];
static uint64_t seed = 1;

/* xorshift64: the same values in every run. */
static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Boundary lengths more often than others. */
static size_t some_length(size_t low, size_t bound, size_t cap)
{
    size_t n = low;

    switch (next() % 4) {
    case 0:
        break;
    case 1:
        n = bound;
        break;
    default:
        n = low + next() % (bound - low + 1);
    }
    return n < cap ? n : cap;
}

static uint64_t some_number(void)
{
    static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX };

    return next() % 2 == 0 ? edges[next() % HF_COUNT(edges)] : next();
}

static hf_secret *some_secret(size_t len)
{
    hf_secret *s = NULL;

    assert_int_equal(hf_secret_new(len, &s), HF_OK);
    for (size_t i = 0; i < len; i++)
        hf_secret_bytes(s)[i] = (uint8_t)(0xa0 + i);
    return s;
}

static void fill(const hf_field *f, void *at, size_t cap)
{
    uint64_t v = some_number();

    switch (f->kind) {
    case HF_FIELD_U8:
        *(uint8_t *)at = (uint8_t)v;
        break;
    case HF_FIELD_U16:
        *(uint16_t *)at = (uint16_t)v;
        break;
    case HF_FIELD_U32:
        *(uint32_t *)at = (uint32_t)v;
        break;
    case HF_FIELD_U64:
        *(uint64_t *)at = v;
        break;
    case HF_FIELD_I64:
        *(int64_t *)at = (int64_t)v;
        break;
    case HF_FIELD_BOOL:
        *(bool *)at = v % 2 == 1;
        break;
    case HF_FIELD_FIXED:
        for (size_t i = 0; i < f->bound; i++)
            ((uint8_t *)at)[i] = (uint8_t)next();
        break;
    case HF_FIELD_TEXT:
    case HF_FIELD_BYTES:
        *(hf_view *)at = hf_view_of(filler, some_length(0, f->bound, cap));
        break;
    case HF_FIELD_SECRET:
        *(hf_secret **)at = some_secret(some_length(1, f->bound, cap));
        break;
    }
}

static void free_secrets(const hf_message_row *row, uint8_t *m)
{
    for (size_t i = 0; i < row->n_fields; i++)
        if (row->fields[i].kind == HF_FIELD_SECRET)
            hf_secret_freep((hf_secret **)(void *)(m + row->fields[i].offset));
}

static hf_err encode(const hf_message_row *row, const void *m, uint8_t *dst, size_t *ret_len)
{
    hf_writer w = hf_writer_on(dst, sizeof(body));
    hf_err e = hf_fields_encode(row->fields, row->n_fields, m, &w);

    *ret_len = w.len;
    return e;
}

static hf_err decode(const hf_message_row *row, uint8_t *bytes, size_t len)
{
    return hf_fields_decode(row->fields, row->n_fields, hf_view_of(bytes, len), back, row->size);
}

static void make(const hf_message_row *row, size_t cap)
{
    assert_true(row->size <= sizeof(made));
    memset(made, 0, row->size);
    for (size_t i = 0; i < row->n_fields; i++)
        fill(&row->fields[i], made + row->fields[i].offset, cap);
}

static void every_message_comes_back(void **state)
{
    (void)state;
    for (size_t r = 0; r < hf_message_row_count; r++) {
        const hf_message_row *row = &hf_message_rows[r];
        for (int round = 0; round < ROUNDS; round++) {
            size_t len, len_again;
            make(row, round < 2 ? SIZE_MAX : 600);
            assert_int_equal(encode(row, made, body, &len), HF_OK);
            memcpy(again, body, len);
            assert_int_equal(decode(row, again, len), HF_OK); /* wipes secrets in `again` */
            assert_int_equal(encode(row, back, again, &len_again), HF_OK);
            assert_true(len == len_again && memcmp(body, again, len) == 0);
            free_secrets(row, made);
            free_secrets(row, back);
        }
    }
}

/* Every field at its bound fits in what channels let through, or no such message could be sent. */
static void bounds_fit_the_row(void **state)
{
    (void)state;
    for (size_t r = 0; r < hf_message_row_count; r++) {
        const hf_message_row *row = &hf_message_rows[r];
        size_t fixed = 0;
        for (size_t i = 0; i < row->n_fields; i++) {
            hf_field_kind k = row->fields[i].kind;
            bool variable = k == HF_FIELD_TEXT || k == HF_FIELD_BYTES || k == HF_FIELD_SECRET;
            fixed += variable ? 4 : k == HF_FIELD_FIXED ? row->fields[i].bound : 8;
            assert_true(row->fields[i].bound <= row->max_bytes);
            assert_true(row->fields[i].offset < row->size || row->size == 0);
        }
        assert_true(fixed <= row->max_bytes && row->max_bytes <= 2u << 20);
        assert_ptr_equal(hf_message_row_of(row->type), row);
        assert_int_equal(hf_message_max_body(row->type), row->max_bytes);
        if (row->reply != 0)
            assert_non_null(hf_message_row_of(row->reply));
    }
    assert_null(hf_message_row_of(0x7777));
    assert_int_equal(hf_message_max_body(0x7777), 0);
    assert_false(hf_message_allowed(0x7777, HF_PEER_SUPERVISOR));
}

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* Refused, and nothing half-made is left behind (the sanitizer would see a secret that is not freed). */
static void refuse(const hf_message_row *row, size_t len)
{
    assert_int_equal(decode(row, again, len), HF_ERR_MALFORMED);
    assert_true(is_zero(back, row->size));
}

static void cut_or_longer_is_refused(void **state)
{
    (void)state;
    for (size_t r = 0; r < hf_message_row_count; r++) {
        const hf_message_row *row = &hf_message_rows[r];
        size_t len;
        make(row, 20);
        assert_int_equal(encode(row, made, body, &len), HF_OK);
        for (size_t cut = 0; cut < len; cut++) {
            memcpy(again, body, len);
            refuse(row, cut);
        }
        memcpy(again, body, len);
        again[len] = 0;
        refuse(row, len + 1);
        free_secrets(row, made);
    }
}

static void above_its_bound_is_refused(void **state)
{
    (void)state;
    for (size_t r = 0; r < hf_message_row_count; r++) {
        const hf_message_row *row = &hf_message_rows[r];
        for (size_t i = 0; i < row->n_fields; i++) {
            const hf_field *f = &row->fields[i];
            if (f->kind != HF_FIELD_TEXT && f->kind != HF_FIELD_BYTES)
                continue;
            size_t len;
            hf_field wide[64];
            assert_true(row->n_fields <= HF_COUNT(wide));
            memcpy(wide, row->fields, row->n_fields * sizeof(*wide));
            wide[i].bound++;
            make(row, 10);
            *(hf_view *)(void *)(made + f->offset) = hf_view_of(filler, f->bound + 1);
            assert_int_equal(encode(row, made, body, &len), HF_ERR_BOUNDS);
            /* A sender with other bounds. */
            hf_writer w = hf_writer_on(again, sizeof(again));
            assert_int_equal(hf_fields_encode(wide, row->n_fields, made, &w), HF_OK);
            refuse(row, w.len);
            free_secrets(row, made);
        }
    }
}

static void text_is_text(void **state)
{
    (void)state;
    static const char *const bad[] = { "a\nb", "\x80", "\xc0\xaf", "\x7f", "\xed\xa0\x80" };

    for (size_t i = 0; i < HF_COUNT(bad); i++) {
        struct hf_alarm m = { .what = hf_view_str(bad[i]) };
        hf_writer w = hf_writer_on(body, sizeof(body));
        assert_int_equal(hf_alarm_encode(&m, &w), HF_ERR_BOUNDS);
        w = hf_writer_on(body, sizeof(body));
        hf_put_view32(&w, m.what);
        struct hf_alarm ret = { 0 };
        assert_int_equal(hf_alarm_decode(hf_writer_view(&w), &ret), HF_ERR_MALFORMED);
        assert_null(ret.what.ptr);
    }
}

static void a_bool_is_zero_or_one(void **state)
{
    (void)state;
    struct hf_verified m = { .valid = true, .version = 7 };
    hf_writer w = hf_writer_on(body, sizeof(body));

    assert_int_equal(hf_verified_encode(&m, &w), HF_OK);
    assert_int_equal(hf_verified_decode(hf_writer_view(&w), &m), HF_OK);
    for (int v = 2; v < 256; v++) {
        body[0] = (uint8_t)v;
        assert_int_equal(hf_verified_decode(hf_writer_view(&w), &m), HF_ERR_MALFORMED);
    }
}

/* After decoding, and after refusing, the receive buffer does not hold the root key. */
static void secrets_leave_the_buffer(void **state)
{
    (void)state;
    hf_secret *root = some_secret(64);
    struct hf_root_key m = { .root = root }, ret = { 0 };

    for (size_t more = 0; more < 2; more++) {
        hf_writer w = hf_writer_on(body, sizeof(body));
        assert_int_equal(hf_root_key_encode(&m, &w), HF_OK);
        assert_memory_equal(body + 4, hf_secret_read(root), 64);
        body[w.len] = 0;
        hf_err e = hf_root_key_decode(hf_view_of(body, w.len + more), &ret);
        assert_int_equal(e, more == 0 ? HF_OK : HF_ERR_MALFORMED);
        assert_true(is_zero(body + 4, 64));
        if (e == HF_OK)
            assert_memory_equal(hf_secret_read(ret.root), hf_secret_read(root), 64);
        else
            assert_null(ret.root);
        hf_secret_freep(&ret.root);
    }
    /* One byte too long is not copied, but wiped too. */
    hf_writer w = hf_writer_on(body, sizeof(body));
    hf_put_view32(&w, hf_view_of(filler, 65));
    assert_int_equal(hf_root_key_decode(hf_writer_view(&w), &ret), HF_ERR_MALFORMED);
    assert_true(is_zero(body + 4, 65));
    assert_int_equal(hf_root_key_decode(hf_view_of("\0\0\0", 4), &ret), HF_ERR_MALFORMED); /* empty is no secret */
    hf_secret_free(root);
    struct hf_root_key none = { 0 };
    w = hf_writer_on(body, sizeof(body));
    assert_int_equal(hf_root_key_encode(&none, &w), HF_ERR_BOUNDS);
}

static void lists(void **state)
{
    (void)state;
    struct hf_store_row row = { .kind = 3, .version = UINT64_MAX, .blob = hf_view_of(filler, 1000) }, got;
    hf_writer w = hf_writer_on(body, sizeof(body));

    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_store_row_encode(&row, &w), HF_OK);
    size_t len = w.len, n = 0;
    hf_reader r = hf_reader_of(hf_view_of(body, len));
    while (hf_store_row_next(&r, &got)) {
        assert_true(got.kind == 3 && got.version == UINT64_MAX && hf_view_eq(got.blob, row.blob));
        n++;
    }
    assert_true(n == 3 && !r.failed);
    for (size_t cut = 1; cut < len; cut += 97) { /* a list that is cut fails, unless between two records */
        r = hf_reader_of(hf_view_of(body, len - cut));
        while (hf_store_row_next(&r, &got))
            continue;
        assert_int_equal(r.failed, (len - cut) % (len / 3) != 0);
        assert_false(hf_store_row_next(&r, &got));
    }
    /* A record whose length says more than its fields. */
    body[3] = (uint8_t)(body[3] + 1);
    r = hf_reader_of(hf_view_of(body, len));
    assert_false(hf_store_row_next(&r, &got));
    assert_true(r.failed);
    w = hf_writer_on(body, 100);
    assert_int_equal(hf_store_row_encode(&row, &w), HF_ERR_BOUNDS);
}

static int set_up(void **state)
{
    (void)state;
    hf_arena *arena = NULL;
    const char *why = NULL;
    const hf_arena_spec spec = { .bytes = 1u << 20, .weakest = HF_BACKING_MALLOC };

    memset(filler, 'f', sizeof(filler));
    if (hf_arena_create(&spec, &arena, &why) != HF_OK)
        return -1;
    hf_secret_use_arena(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back),
        cmocka_unit_test(bounds_fit_the_row),
        cmocka_unit_test(cut_or_longer_is_refused),
        cmocka_unit_test(above_its_bound_is_refused),
        cmocka_unit_test(text_is_text),
        cmocka_unit_test(a_bool_is_zero_or_one),
        cmocka_unit_test(secrets_leave_the_buffer),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
