/* GET /api/v1/audit/recent?limit and /api/v1/audit/events?after&limit */
#include "gateway/routes.h"

#include "audit/record.h"
#include "base/address.h"
#include <string.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

hf_err route_audit_recent_ask(call *c, hf_writer *w)
{
    query_field q[] = { { .name = "limit" } };
    struct hf_audit_recent m = { .head = c->head };
    uint64_t wanted;

    HF_TRY(query_read(c, q, HF_COUNT(q)));
    HF_TRY(query_uint(c, &q[0], 1, LIMIT_MAX, LIMIT_DEFAULT, &wanted));
    m.limit = (uint32_t)wanted;
    return hf_audit_recent_encode(&m, w);
}

hf_err route_audit_events_ask(call *c, hf_writer *w)
{
    enum { AFTER, LIMIT };
    query_field q[] = { { .name = "after" }, { .name = "limit" } };
    struct hf_audit_events m = { .head = c->head };
    uint64_t wanted;

    HF_TRY(query_read(c, q, HF_COUNT(q)));
    HF_TRY(query_uint(c, &q[AFTER], 0, JSON_INT_MAX, 0, &m.after));
    HF_TRY(query_uint(c, &q[LIMIT], 1, LIMIT_MAX, LIMIT_DEFAULT, &wanted));
    m.limit = (uint32_t)wanted;
    return hf_audit_events_encode(&m, w);
}

/* "key:rotate", or the message's own name when no right goes with it. */
static const char *action_word(uint16_t type)
{
    const hf_message_row *row = hf_message_row_of(type);

    if (row == NULL)
        return NULL;
    return row->action != NULL ? row->action : row->name;
}

static void show_roles(json_out *o, uint16_t roles)
{
    json_key(o, "roles");
    json_open(o, '[');
    for (uint32_t bit = 1; bit <= HF_ROLE_ALL; bit <<= 1)
        if ((roles & bit) != 0)
            json_word(o, hf_role_name(bit));
    json_close(o, ']');
}

static void show_address(json_out *o, const uint8_t address[static 16])
{
    static const uint8_t nobody[16];
    char text[HF_ADDRESS_CAP];

    if (memcmp(address, nobody, sizeof(nobody)) == 0)
        return;
    hf_address_format(address, text);
    json_key(o, "address");
    json_word(o, text);
}

static void show_key_used(json_out *o, const struct hf_audit_record *e)
{
    static const uint8_t none[16];

    if (memcmp(e->key_id, none, sizeof(none)) == 0)
        return;
    json_key(o, "key_id");
    json_uuid(o, e->key_id);
    json_key(o, "key_version");
    json_uint(o, e->key_version);
}

static void show_payload(json_out *o, const struct hf_audit_record *e)
{
    static const uint8_t none[16];

    if (memcmp(e->payload_mac, none, sizeof(none)) == 0)
        return;
    json_key(o, "payload_mac_b64");
    json_b64(o, hf_view_of(e->payload_mac, sizeof(e->payload_mac)));
}

static void show_event(json_out *o, const struct hf_audit_record *e)
{
    json_open(o, '{');
    json_key(o, "seq");
    json_uint(o, e->seq);
    json_key(o, "time");
    json_time(o, e->time.ns);
    json_key(o, "action");
    json_word(o, action_word(e->action));
    json_key(o, "result");
    json_word(o, hf_audit_result_name(e->result));
    json_key(o, "actor");
    json_text(o, e->actor);
    show_roles(o, e->roles);
    show_key_used(o, e);
    show_address(o, e->address);
    json_key(o, "request_id");
    json_text(o, e->request_id);
    json_key(o, "detail");
    json_text(o, e->detail);
    json_key(o, "count");
    json_uint(o, e->count);
    show_payload(o, e);
    json_close(o, '}');
}

hf_err route_audit_events_tell(reply *r)
{
    struct hf_events m;
    struct hf_audit_event item;
    struct hf_audit_record e;

    HF_TRY(hf_events_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "items");
    json_open(r->out, '[');
    for (hf_reader list = hf_reader_of(m.items); hf_audit_event_next(&list, &item);) {
        HF_TRY(hf_audit_record_decode(item.record, &e));
        show_event(r->out, &e);
    }
    json_close(r->out, ']');
    json_key(r->out, "has_more");
    json_bool(r->out, m.more);
    json_close(r->out, '}');
    return HF_OK;
}
