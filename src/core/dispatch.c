#include "core/op.h"
#include "core/tls_keys.h"
#include "core/unsealing.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/*
 * The order of every operation: limits, token, role, key state and usage, policy, approval, clock, act, audit, reply.
 * It is here once, from the message row and the op row; an operation cannot forget a step.
 */
#define KEY_OF(s) offsetof(struct s, key)
#define PLAIN .key_at = NO_FIELD, .version_at = NO_FIELD

const op_row op_rows[] = {
    { HF_MSG_STATUS, .open_to_all = true, PLAIN, .act = op_status },
    { HF_MSG_CAPABILITIES, PLAIN, .act = op_capabilities },
    { HF_MSG_METRICS, PLAIN, .act = op_metrics },
    { HF_MSG_METRICS_LOCAL, .open_to_all = true, PLAIN, .act = op_metrics },
    { HF_MSG_KEY_CREATE, PLAIN, .act = op_key_create },
    { HF_MSG_KEY_LIST, PLAIN, .act = op_key_list },
    { HF_MSG_KEY_SHOW, .key_at = KEY_OF(hf_key_show), .version_at = NO_FIELD, .act = op_key_show },
    { HF_MSG_KEY_VERSIONS, .key_at = KEY_OF(hf_key_versions), .version_at = NO_FIELD, .act = op_key_versions },
    { HF_MSG_KEY_PUBLIC, .key_at = KEY_OF(hf_key_public), .version_at = offsetof(struct hf_key_public, version),
      .loads = true, .act = op_key_public },
    { HF_MSG_KEY_ROTATE, .key_at = KEY_OF(hf_key_rotate), .version_at = NO_FIELD, .act = op_key_rotate },
    { HF_MSG_KEY_UPDATE, .key_at = KEY_OF(hf_key_update), .version_at = NO_FIELD, .act = op_key_update },
    { HF_MSG_KEY_IMPORT, PLAIN, .act = op_key_import },
    { HF_MSG_KEY_REVOKE, .key_at = KEY_OF(hf_key_revoke), .version_at = NO_FIELD, .act = op_key_revoke },
    { HF_MSG_KEY_DESTROY, .key_at = KEY_OF(hf_key_destroy), .version_at = NO_FIELD, .act = op_key_destroy },
    { HF_MSG_SIGN, .key_at = KEY_OF(hf_sign), .version_at = NO_FIELD, .usage = HF_USE_SIGN, .loads = true,
      .act = op_sign },
    { HF_MSG_VERIFY, .key_at = KEY_OF(hf_verify), .version_at = offsetof(struct hf_verify, version),
      .usage = HF_USE_VERIFY, .loads = true, .act = op_verify },
    { HF_MSG_ENCRYPT, .key_at = KEY_OF(hf_encrypt), .version_at = NO_FIELD, .usage = HF_USE_ENCRYPT, .loads = true,
      .act = op_encrypt },
    { HF_MSG_DECRYPT, .key_at = KEY_OF(hf_decrypt), .version_at = NO_FIELD, .usage = HF_USE_DECRYPT,
      .act = op_decrypt },
    { HF_MSG_MAC, .key_at = KEY_OF(hf_mac), .version_at = NO_FIELD, .usage = HF_USE_SIGN, .loads = true,
      .act = op_mac },
    { HF_MSG_RANDOM, PLAIN, .act = op_random },
    { HF_MSG_REWRAP, .key_at = KEY_OF(hf_rewrap), .version_at = NO_FIELD, .usage = HF_USE_ENCRYPT, .loads = true,
      .act = op_rewrap },
    { HF_MSG_ENCAPSULATE, .key_at = KEY_OF(hf_encapsulate), .version_at = NO_FIELD, .usage = HF_USE_ENCAPSULATE,
      .loads = true, .act = op_encapsulate },
    { HF_MSG_DECAPSULATE, .key_at = KEY_OF(hf_decapsulate), .version_at = offsetof(struct hf_decapsulate, version),
      .usage = HF_USE_DECAPSULATE, .loads = true, .act = op_decapsulate },
    { HF_MSG_AUDIT_RECENT, PLAIN, .act = op_audit_recent },
    { HF_MSG_AUDIT_EVENTS, PLAIN, .act = op_audit_events },
    { HF_MSG_AUDIT_HEAD, PLAIN, .act = op_audit_head },
    { HF_MSG_AUDIT_EXPORT, PLAIN, .act = op_audit_export },
    { HF_MSG_KEYSET_SHOW, PLAIN, .act = op_keyset_show },
    { HF_MSG_KEYSET_APPLY, PLAIN, .act = op_keyset_apply },
    { HF_MSG_EPOCH_ROTATE, PLAIN, .act = op_epoch_rotate },
    { HF_MSG_SEAL, PLAIN, .act = op_seal },
    { HF_MSG_UNSEAL, .open_when = op_unseal_needs_no_token, PLAIN, .act = op_unseal },
    { HF_MSG_UNSEAL_KEY, .open_to_all = true, PLAIN, .act = op_unseal_key },
    { HF_MSG_TOKEN_REVOKE, PLAIN, .act = op_token_revoke },
    { HF_MSG_SESSION_OPEN, PLAIN, .act = op_session_open },
    { HF_MSG_SESSION_END, PLAIN, .act = op_session_end },
    { HF_MSG_JWKS, .open_to_all = true, PLAIN, .act = op_jwks },
    { HF_MSG_INTROSPECT, PLAIN, .act = op_introspect },
};
const size_t op_row_count = HF_COUNT(op_rows);

#define ATTEMPTS_MAX 8

static const op_row *op_row_of(uint16_t type)
{
    for (size_t i = 0; i < op_row_count; i++)
        if (op_rows[i].type == type)
            return &op_rows[i];
    return NULL;
}

hf_err op_fails(op *o, hf_err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(o->detail, sizeof(o->detail), format, args);
    va_end(args);
    return e;
}

void op_begin_work(op *o)
{
    /* Without the keys the core was sealed, and the audit record will fail as it should. */
    bool hashes = o->n_payload == 1 && journal_macs_hold(o->core, &o->macs) == HF_OK;

    core_begin_work(o->core);
    if (hashes && journal_macs_payload(o->macs, o->payload[0], o->payload_mac) == HF_OK)
        o->n_hashed = 1;
}

void op_end_work(op *o)
{
    core_end_work(o->core);
    if (o->macs != NULL)
        journal_macs_release(o->macs);
    o->macs = NULL;
}

/* ---- the steps ---- */

/* Is the core able to serve this row at all? */
static hf_err check_service(op *o)
{
    core *c = o->core;

    if (o->row->states == HF_IN_ANY)
        return HF_OK;
    HF_CHECK(!c->stopping, HF_ERR_PEER_GONE);
    if (c->state == CORE_FAILED)
        return op_fails(o, HF_ERR_INTEGRITY, "%s", c->why);
    HF_CHECK(c->state == CORE_OPEN, HF_ERR_SEALED);
    HF_CHECK(!hf_arena_above_high_water(c->arena), HF_ERR_OVERLOADED);
    return HF_OK;
}

static hf_err check_rate(op *o)
{
    uint32_t retry = 0;
    char key[HF_LIMITS_KEY_MAX];
    hf_view subject = hf_view_str(o->who.subject);

    if (o->request->rate_taken)
        return HF_OK;
    o->request->rate_taken = true;
    /* Long subjects share a bucket with those that begin alike: narrower, never wider. */
    size_t n = subject.len < sizeof(key) ? subject.len : sizeof(key);
    memcpy(key, subject.ptr, n);
    hf_err e = hf_limits_take(o->core->limits, hf_view_of(key, n), hf_mono_now(), &retry);
    if (e == HF_ERR_RATE)
        return op_fails(o, e, "this actor's rate is used up; retry after %u s", retry);
    return e;
}

static hf_err check_role(op *o)
{
    if (o->row->action == NULL)
        return HF_OK;
    if (!hf_rbac_allows(o->who.roles, hf_action_parse(hf_view_str(o->row->action))))
        return op_fails(o, HF_ERR_DENIED, "the actor's role does not allow %s", o->row->action);
    return HF_OK;
}

static hf_err check_state(op *o, const op_row *row)
{
    key_entry *e = o->entry;

    if (row->usage == 0 && !row->loads)
        return HF_OK;
    if (e->state == HF_STATE_DESTROYED || (row->usage != 0 && e->state != HF_STATE_ACTIVE))
        return op_fails(o, HF_ERR_WRONG_STATE, "the key is %s", hf_key_state_name(e->state));
    if ((e->usage & row->usage) != row->usage && e->origin == HF_ORIGIN_PUBLIC)
        return op_fails(o, HF_ERR_WRONG_USAGE, "this is a public key alone, without the private half that '%s' needs",
                        hf_usage_name(row->usage));
    if ((e->usage & row->usage) != row->usage)
        return op_fails(o, HF_ERR_WRONG_USAGE, "the key's usage does not include %s", hf_usage_name(row->usage));
    return HF_OK;
}

static hf_err find_key(op *o, const op_row *row)
{
    const uint8_t *in = (const uint8_t *)&o->in;

    if (row->key_at == NO_FIELD)
        return HF_OK;
    o->entry = index_find(o->core->index, *(const hf_view *)(const void *)(in + row->key_at));
    HF_CHECK(o->entry != NULL, op_fails(o, HF_ERR_NOT_FOUND, "there is no such key"));
    memcpy(o->audit_id, o->entry->id, sizeof(o->audit_id));
    HF_TRY(check_state(o, row));
    o->version = o->entry->version;
    if (row->version_at != NO_FIELD) {
        uint32_t wanted = *(const uint32_t *)(const void *)(in + row->version_at);
        o->version = wanted != 0 ? wanted : o->version;
    }
    return HF_OK;
}

hf_err op_load(op *o)
{
    core *c = o->core;

    o->loaded = cache_hold(c->cache, o->entry->id, o->version);
    if (o->loaded != NULL)
        return HF_OK;
    hf_err e = loading_start(c, o->request, o->entry, o->version);
    if (e == HF_ERR_NOT_FOUND)
        return op_fails(o, e, "the key has no version %u; see 'holdfast key versions'", o->version);
    HF_TRY(e);
    o->waits = true;
    return HF_OK;
}

/* What other algorithms take to sign or verify is more than answers that are ready should wait. */
static bool is_quick(hf_alg a)
{
    return hf_alg_symmetric(a) || a == HF_ALG_EC_P256 || a == HF_ALG_ED25519 || a == HF_ALG_ML_KEM_768;
}

static void send_what_is_ready(op *o)
{
    peer *p = peer_find(o->core, o->request->peer_slot, o->request->peer_generation);

    if (p != NULL && p->lane == o->lane)
        (void)!hf_channel_flush(p->channel); /* a peer that is gone ends its channel by itself */
}

static hf_err run_steps(op *o, const op_row *row)
{
    core *c = o->core;
    bool wait = false;

    HF_TRY(check_service(o));
    if (!row->open_to_all && (row->open_when == NULL || !row->open_when(c))) {
        HF_TRY(verdicts_judge(c, o->request, &o->in.head, o->now, &o->who, &wait));
        o->waits = wait;
        if (wait)
            return HF_OK;
        HF_TRY(check_rate(o));
        HF_TRY(check_role(o));
        HF_TRY(answers_repeat(o));
    }
    if (o->repeated)
        return HF_OK;
    HF_TRY(find_key(o, row));
    if (row->loads)
        HF_TRY(op_load(o));
    if (o->waits)
        return HF_OK;
    if (o->loaded != NULL && !is_quick(o->entry->alg))
        send_what_is_ready(o);
    HF_TRY(row->act(o));
    /* The lock was given away: what was sealed, revoked or destroyed meanwhile gives no result any more. */
    if (o->loaded == NULL || o->waits)
        return HF_OK;
    HF_CHECK(o->core->state == CORE_OPEN, HF_ERR_SEALED);
    return check_state(o, row);
}

/* ---- audit and answer ---- */

static hf_err audit(op *o, hf_err result)
{
    const struct hf_head *head = &o->in.head;
    struct hf_audit_record rec = {
        .time = o->now,
        .klass = o->row->audit == HF_AUDITED_DURABLE && !o->repeated ? HF_AUDIT_DURABLE : HF_AUDIT_JOURNAL,
        .action = o->row->type,
        .result = hf_audit_result_of(result),
        .roles = (uint16_t)o->who.roles,
        .key_version = o->version,
        .count = 1,
        .actor = hf_view_str(o->who.subject),
        .request_id = head->request_id,
        .detail = o->audit_detail,
    };

    memcpy(rec.key_id, o->audit_id, sizeof(rec.key_id));
    memcpy(rec.address, head->address, sizeof(rec.address));
    if (o->n_payload > 0 && o->n_hashed == o->n_payload)
        memcpy(rec.payload_mac, o->payload_mac, sizeof(rec.payload_mac));
    else if (o->n_payload > 0)
        HF_TRY(journal_payload_mac(o->core, o->payload, o->n_payload, rec.payload_mac));
    return journal_append(o->core, &rec);
}

static void release_key(op *o)
{
    if (o->loaded != NULL)
        cache_release(o->core, o->loaded);
    o->loaded = NULL;
}

static void answer_failure(op *o, hf_err e)
{
    core *c = o->core;

    /* Beyond its rate an actor could fill the journal with its own refusals, so these are counted like anonymous ones. */
    if (o->who.subject[0] == '\0' || e == HF_ERR_RATE) {
        if (o->row->action != NULL)
            failures_count(c, o->in.head.address, e, 1);
    } else if (o->row->audit != HF_AUDITED_NOT) {
        hf_err audited = audit(o, e);
        if (audited != HF_OK) { /* sealed while the lane was at work, or no room */
            e = audited == HF_ERR_SEALED ? audited : HF_ERR_AUDIT_FULL;
            o->detail[0] = '\0';
        }
    }
    uint32_t retry = e == HF_ERR_RATE || e == HF_ERR_OVERLOADED || e == HF_ERR_QUOTA ? 1 : 0;
    if (o->retry_after_s != 0)
        retry = o->retry_after_s;
    request_fail(c, o->request, e, o->detail[0] != '\0' ? o->detail : NULL, retry);
}

static hf_err submit_change(op *o)
{
    core *c = o->core;
    request_queue one;

    o->change->request = NULL;
    HF_TRY(audit(o, HF_OK));
    request_queue_init(&one);
    HF_TRY(request_park(c, o->request, &one));
    o->change->request = request_take(&one);
    o->request = o->change->request;
    change *ch = o->change;
    o->change = NULL;
    commit_submit(c, ch);
    return HF_OK;
}

static hf_err answer(op *o)
{
    core *c = o->core;
    hf_view body = hf_writer_view(&o->reply);

    HF_CHECK(!o->reply.failed, HF_ERR_INTERNAL);
    if (o->row->audit == HF_AUDITED_NOT) {
        request_answer(c, o->request, o->row->reply, body);
        return HF_OK;
    }
    HF_TRY(audit(o, HF_OK));
    if ((o->row->audit == HF_AUDITED_DURABLE && !o->repeated) || c->config.durable_all)
        return durable_wait(c, o->request, o->row->reply, body, c->journal.chain.seq);
    request_answer(c, o->request, o->row->reply, body);
    return HF_OK;
}

/* After `act`: parked and handed-over requests are somebody else's now. */
static void finish(op *o, hf_err e)
{
    bool parked = e == HF_OK && (o->waits || o->answered_later);

    release_key(o);
    if (!parked) {
        bool submitted = false;
        if (e == HF_OK && o->change != NULL) {
            e = submit_change(o);
            submitted = e == HF_OK;
        } else if (e == HF_OK) {
            e = answer(o);
        }
        if (e != HF_OK)
            answer_failure(o, e);
        if (!submitted)
            request_free(o->core, o->request);
    }
    change_free(o->change);
    explicit_bzero(o->lane->reply, o->reply.len);
}

/* All that needs no state of core, so that it is done without the lock: the fields, and the token's name in the cache. */
static hf_err prepare(op *o)
{
    request *r = o->request;

    o->now = hf_wall_now();
    o->reply = hf_writer_on(o->lane->reply, HF_MESSAGE_MAX_BYTES);
    HF_TRY(hf_fields_decode(r->row->fields, r->row->n_fields, r->body, &o->in, r->row->size));
    return hf_digest(HF_HASH_SHA256, &o->in.head.token, 1, r->token_hash);
}

/* Locked. e: of prepare. */
static void run(op *o, hf_err e)
{
    const op_row *row = op_row_of(o->request->row->type);

    if (row == NULL || e != HF_OK)
        e = HF_ERR_MALFORMED;
    else
        e = ++o->request->attempts <= ATTEMPTS_MAX ? run_steps(o, row) : HF_ERR_OVERLOADED;
    finish(o, e);
}

void dispatch_run(core *c, lane *l, request *r)
{
    op o = { .core = c, .lane = l, .request = r, .row = r->row };

    run(&o, prepare(&o));
}

/* ---- what comes in ---- */

static void client_request(peer *p, hf_message *m, const hf_message_row *row)
{
    request r = {
        .peer_slot = p->slot,
        .peer_generation = p->generation,
        .id = m->id,
        .row = row,
        .body = m->body,
        .deadline = hf_mono_after_ms(hf_loop_now(p->lane->loop), row->deadline_ms),
    };
    op o = { .core = p->core, .lane = p->lane, .request = &r, .row = row };
    hf_err e = prepare(&o);

    core_lock(p->core);
    run(&o, e);
    core_unlock(p->core);
    /* Tokens and plaintexts do not stay in the channel's buffer; what waits has its own copy. */
    hf_channel_release(m);
}

static void gateway_failures(core *c, const hf_message *m)
{
    struct hf_failures f;

    if (hf_failures_decode(m->body, &f) == HF_OK && f.error != HF_OK && f.error < HF_ERR_COUNT)
        failures_count(c, f.prefix, (hf_err)f.error, f.count);
}

/* Which part of core asked the store is in the top bits of the id. */
static void store_rows(core *c, const hf_message *m)
{
    struct hf_store_rows rows;

    if (hf_store_rows_decode(m->body, &rows) != HF_OK) {
        core_fail(c, "the store sent an answer that cannot be read");
        return;
    }
    switch (m->id >> 60) {
    case 1:
        opening_rows(c, &rows);
        break;
    case 2:
        loading_rows(c, m->id, &rows);
        break;
    case 3:
        commit_manifest_row(c, &rows);
        break;
    case 4:
        audit_rows(c, m->id, &rows);
        break;
    case 5:
        epoch_rows(c, m->id, &rows);
        break;
    default:
        break;
    }
}

static void store_message(core *c, const hf_message *m)
{
    struct hf_store_done done;

    if (m->type == HF_MSG_STORE_ROWS)
        store_rows(c, m);
    else if (m->type == HF_MSG_STORE_DONE && hf_store_done_decode(m->body, &done) == HF_OK)
        commit_done(c, m->id, done.error < HF_ERR_COUNT ? (hf_err)done.error : HF_ERR_STORE, done.why);
}

static hf_err take_root(core *c, hf_view body)
{
    struct hf_root_key m;
    hf_err e = hf_root_key_decode(body, &m);

    if (e == HF_OK && c->state == CORE_SEALED && !c->opening) {
        if (boot_take_protections(c, HF_PEER_UNSEAL, m.protections) != HF_OK)
            hf_log(HF_LOG_WARN, "holdfast-unseal's report about its protections is not its own");
        return opening_start(c, m.root, m.seal);
    }
    if (e == HF_OK)
        hf_secret_free(m.root);
    return HF_ERR_CONFLICT;
}

/* Only of a core that waits for it: an attempt that nobody needs does not seal an open one. */
static void unseal_failed(core *c, const struct hf_unseal_failed *m)
{
    char why[513] = "";
    hf_err e = m->error == HF_ERR_DENIED || m->error == HF_ERR_LOCKED_MEMORY ? (hf_err)m->error : HF_ERR_INTEGRITY;

    if (c->state != CORE_SEALED || c->opening || hf_view_to_str(m->what, why, sizeof(why)) != HF_OK)
        return;
    if (!c->unsealing->opens_alone && e == HF_ERR_DENIED) {
        unsealing_end(c, e, "the passphrase does not open the seal; try again with 'holdfast unseal'");
        return; /* the state, which everybody may ask for, does not say that somebody mistyped */
    }
    core_set_state(c, CORE_SEALED, why);
    unsealing_end(c, e, why);
}

static void unseal_message(core *c, peer *p, hf_message *m)
{
    struct hf_unseal_failed failed;
    uint8_t bytes[8];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_ack ack = { .error = HF_ERR_CONFLICT };

    if (m->type == HF_MSG_ROOT_KEY) {
        ack.error = (uint16_t)take_root(c, m->body);
    } else if (m->type == HF_MSG_UNSEAL_FAILED && hf_unseal_failed_decode(m->body, &failed) == HF_OK) {
        ack.error = HF_OK;
        unseal_failed(c, &failed);
    }
    hf_channel_release(m);
    if (hf_ack_encode(&ack, &w) == HF_OK)
        peer_send(p, HF_MSG_ACK, m->id, hf_writer_view(&w));
}

static void by_role(peer *p, hf_message *m)
{
    core *c = p->core;

    switch (p->role) {
    case HF_PEER_SUPERVISOR:
        boot_supervisor_message(c, m);
        break;
    case HF_PEER_GATEWAY:
        gateway_failures(c, m);
        break;
    case HF_PEER_STORE:
        if (p == c->store) /* not one that was replaced */
            store_message(c, m);
        break;
    case HF_PEER_VERIFIER:
        if (p == c->verifier)
            verdicts_answer(c, m);
        break;
    case HF_PEER_UNSEAL:
        unseal_message(c, p, m);
        break;
    case HF_PEER_CORE:
    case HF_PEER_CONFIG:
        break;
    }
}

/* What a gateway tells the supervisor (READY, ALARM) is not for core. */
static bool is_for_core(const hf_message_row *row, hf_peer_role from)
{
    return from != HF_PEER_GATEWAY || row->has_head || row->type == HF_MSG_FAILURES || row->type == HF_MSG_TLS_SIGN;
}

void dispatch_message(peer *p, hf_message *m)
{
    core *c = p->core;
    const hf_message_row *row = hf_message_row_of(m->type);
    bool allowed = row != NULL && hf_message_allowed(m->type, p->role) && is_for_core(row, p->role);

    if (allowed && p->role == HF_PEER_CONFIG) {
        tls_keys_take(p, m);
        return;
    }
    if (allowed && m->type == HF_MSG_TLS_SIGN) {
        op_tls_sign(p, m);
        return;
    }
    if (allowed && p->role == HF_PEER_GATEWAY && m->type != HF_MSG_FAILURES) {
        client_request(p, m, row);
        return;
    }
    core_lock(c);
    if (!allowed) {
        uint8_t bytes[600];
        hf_writer w = hf_writer_on(bytes, sizeof(bytes));
        struct hf_failed f = { .error = HF_ERR_DENIED, .detail = hf_view_str("this message is not for this channel") };
        if (hf_failed_encode(&f, &w) == HF_OK)
            peer_send(p, HF_MSG_FAILED, m->id, hf_writer_view(&w));
        peer_end(p, HF_ERR_DENIED); /* a process that sends what is not its own is not itself any more */
    } else {
        by_role(p, m);
    }
    core_unlock(c);
}
