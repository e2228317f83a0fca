#include "file/entry.h"

#include <string.h>

hf_err hf_entry_print(const hf_entry *e, const char *path, const hf_secret *entry_key,
                      uint8_t dst[static HF_FILE_ENTRY_MAX_BYTES], size_t *ret_len)
{
    hf_writer w = hf_writer_on(dst, HF_FILE_ENTRY_MAX_BYTES);
    hf_tag mac;

    HF_CHECK(strlen(path) < HF_FILE_PATH_CAP, HF_ERR_BOUNDS);
    hf_put_u8(&w, HF_ENTRY_FORMAT);
    hf_put_u8(&w, (uint8_t)e->state);
    hf_put_bytes(&w, e->tag.bytes, sizeof(e->tag.bytes));
    hf_put_bytes(&w, e->previous.bytes, sizeof(e->previous.bytes));
    hf_put_view16(&w, hf_view_str(path));
    HF_TRY(hf_tag_of(entry_key, hf_writer_view(&w), &mac));
    hf_put_bytes(&w, mac.bytes, sizeof(mac.bytes));
    HF_CHECK(!w.failed, HF_ERR_BOUNDS);
    *ret_len = w.len;
    return HF_OK;
}

/* One way to write each state. */
static bool state_ok(const hf_entry *e)
{
    static const hf_tag none;

    switch (e->state) {
    case HF_ENTRY_SETTLED:
    case HF_ENTRY_BEGINNING:
        return hf_tag_equal(&e->previous, &none);
    case HF_ENTRY_CHANGING:
        return true;
    }
    return false;
}

hf_err hf_entry_parse(hf_view bytes, hf_entry_parts *ret)
{
    hf_reader r = hf_reader_of(bytes);
    hf_entry_parts p;
    uint8_t format = hf_get_u8(&r);

    HF_CHECK(!r.failed, HF_ERR_MALFORMED);
    HF_CHECK(format == HF_ENTRY_FORMAT, HF_ERR_UNSUPPORTED);
    p.entry.state = (hf_entry_state)hf_get_u8(&r);
    hf_get_bytes(&r, p.entry.tag.bytes, sizeof(p.entry.tag.bytes));
    hf_get_bytes(&r, p.entry.previous.bytes, sizeof(p.entry.previous.bytes));
    p.path = hf_get_view16(&r);
    p.covered = hf_view_of(bytes.ptr, bytes.len - r.left.len);
    hf_get_bytes(&r, p.mac.bytes, sizeof(p.mac.bytes));
    HF_TRY(hf_reader_done(&r));
    HF_CHECK(state_ok(&p.entry) && p.path.len > 0 && p.path.len < HF_FILE_PATH_CAP, HF_ERR_MALFORMED);
    *ret = p;
    return HF_OK;
}

hf_err hf_entry_open(hf_view bytes, const char *path, const hf_secret *entry_key, hf_entry *ret,
                     const char **reterr_why)
{
    hf_entry_parts p;
    hf_tag mac;
    hf_err err = hf_entry_parse(bytes, &p);

    *reterr_why = err == HF_ERR_UNSUPPORTED ? "the store's entry has a format that this release does not know"
                                            : "the store's entry is damaged: it does not have the form of one";
    HF_TRY(err);
    *reterr_why = "the cryptographic library failed";
    HF_TRY(hf_tag_of(entry_key, p.covered, &mac));
    *reterr_why = "the store's entry is not genuine: it was altered, or made with another key";
    HF_CHECK(hf_tag_equal(&mac, &p.mac), HF_ERR_INTEGRITY);
    *reterr_why = "the store's entry is that of another path: entries were exchanged";
    HF_CHECK(hf_view_eq_str(p.path, path), HF_ERR_INTEGRITY);
    *ret = p.entry;
    return HF_OK;
}
