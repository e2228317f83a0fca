#include "core/core.h"

#include "base/log.h"
#include "core/op.h"
#include "core/tls_keys.h"
#include "core/unsealing.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the supervisor sends: configuration and files before the lanes run, peers and events at any time. */

/* The texts of a configuration, which must outlive its message. */
static hf_err keep_texts(core *c, struct hf_config_core *config)
{
    HF_TRY(hf_view_to_str(config->issuer, c->issuer, sizeof(c->issuer)));
    HF_TRY(hf_view_to_str(config->audience, c->audience, sizeof(c->audience)));
    config->issuer = hf_view_str(c->issuer);
    config->audience = hf_view_str(c->audience);
    return HF_OK;
}

/* While core runs only what concerns tokens can change; open sessions keep the life that they have. */
static hf_err take_token_config(core *c, const hf_message *m)
{
    struct hf_config_core config;

    HF_TRY(hf_config_core_decode(m->body, &config));
    HF_TRY(keep_texts(c, &config));
    c->config.issuer = config.issuer;
    c->config.audience = config.audience;
    c->config.token_max_s = config.token_max_s;
    c->config.token_leeway_s = config.token_leeway_s;
    c->config.session_s = config.session_s;
    c->config.hs256 = config.hs256;
    verdicts_clear(c->verdicts);
    sessions_keyset_changed(c);
    return HF_OK;
}

static hf_err take_config(core *c, const hf_message *m)
{
    if (c->n_lanes != 0)
        return c->sessions != NULL ? take_token_config(c, m) : HF_ERR_CONFLICT;
    HF_TRY(hf_config_core_decode(m->body, &c->config));
    HF_TRY(keep_texts(c, &c->config));
    HF_CHECK(c->config.lanes >= 1 && c->config.lanes <= CORE_LANES_MAX, HF_ERR_BOUNDS);
    HF_CHECK(c->config.arena_mib >= 4 && c->config.arena_mib <= 65536, HF_ERR_BOUNDS);
    HF_CHECK(c->config.ring_mib >= 1 && c->config.ring_mib <= 255 && c->config.segment_ms >= 1, HF_ERR_BOUNDS);
    c->n_lanes = c->config.lanes;
    return HF_OK;
}

static hf_err copy_bytes(hf_view v, uint8_t **ret, size_t *ret_len)
{
    uint8_t *copy = malloc(v.len == 0 ? 1 : v.len);

    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    if (v.len > 0)
        memcpy(copy, v.ptr, v.len);
    *ret = copy;
    *ret_len = v.len;
    return HF_OK;
}

static hf_err take_files(core *c, const hf_message *m)
{
    struct hf_saved_files f;

    HF_TRY(hf_saved_files_decode(m->body, &f));
    if (f.has_epoch)
        HF_TRY(copy_bytes(f.epoch, &c->saved_epoch, &c->saved_epoch_len));
    if (f.has_anchor)
        HF_TRY(copy_bytes(f.anchor, &c->saved_anchor, &c->saved_anchor_len));
    c->accept_rollback = f.accept_rollback;
    c->has_saved_files = true;
    return HF_OK;
}

/* All entries of a ring that an earlier core left; verified later, against the chain. */
static hf_err copy_entries(core *c, const void *memory, size_t bytes)
{
    struct hf_ring_reader reader;
    uint64_t last = 0;
    size_t len, total = 0;
    uint8_t *copy = malloc(bytes);

    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    hf_err e = hf_ring_open(memory, bytes, &reader);
    while (e == HF_OK && bytes - total >= HF_AUDIT_ENTRY_MAX_BYTES) {
        e = hf_ring_read_after(&reader, last, copy + total, bytes - total, &len, &last);
        if (e != HF_OK || len == 0)
            break;
        total += len;
    }
    if (total == 0) {
        free(copy);
        return e;
    }
    free(c->journal.stored_tail);
    c->journal.stored_tail = copy;
    c->journal.stored_tail_len = total;
    c->journal.ring_taken = true;
    return HF_OK;
}

static hf_err take_old_ring(core *c, const hf_message *m)
{
    struct stat st;

    HF_CHECK(m->n_fds == 1 && fstat(m->fds[0], &st) == 0 && st.st_size > 0, HF_ERR_MALFORMED);
    size_t bytes = (size_t)st.st_size;
    void *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, m->fds[0], 0);
    HF_CHECK(memory != MAP_FAILED, HF_ERR_SYSTEM);
    hf_err e = copy_entries(c, memory, bytes);
    munmap(memory, bytes);
    return e;
}

/* The supervisor waits for the verdict before it gives the new keyset to a new verifier. */
static void acknowledge(core *c, uint64_t id, hf_err e)
{
    uint8_t bytes[8];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_ack ack = { .error = (uint16_t)e };

    if (id != 0 && hf_ack_encode(&ack, &w) == HF_OK)
        peer_send(c->supervisor, HF_MSG_ACK, id, hf_writer_view(&w));
}

static void take_keyset(core *c, const hf_message *m)
{
    struct hf_keyset k;
    hf_err e = hf_keyset_decode(m->body, &k);

    if (e == HF_OK)
        e = keyset_offer(c, &k);
    if (e != HF_OK)
        hf_log(HF_LOG_ERROR, "a keyset was refused: %s", hf_err_text(e));
    acknowledge(c, m->id, e);
    if (c->state == CORE_OPEN)
        journal_note(c, HF_MSG_KEYSET, e, "supervisor", "keyset file read again");
    if (c->state == CORE_OPEN && e == HF_OK)
        verdicts_verifier_new(c);
}

static void take_alarm(core *c, const hf_message *m)
{
    struct hf_alarm alarm;
    char what[901];

    if (hf_alarm_decode(m->body, &alarm) != HF_OK || hf_view_to_str(alarm.what, what, sizeof(what)) != HF_OK)
        return;
    journal_note(c, HF_MSG_ALARM, HF_ERR_PEER_GONE, "supervisor", what);
}

static void send_ring(core *c, peer *to)
{
    uint8_t bytes[16];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_audit_ring m = { .bytes = HF_RING_HEADER_BYTES + c->journal.ring.capacity };

    if (hf_audit_ring_encode(&m, &w) != HF_OK ||
        hf_channel_send(to->channel, HF_MSG_AUDIT_RING, 0, hf_writer_view(&w), &c->journal.ring_fd, 1) != HF_OK)
        hf_log(HF_LOG_ERROR, "the audit ring could not be handed over");
}

void boot_hand_over_ring(core *c)
{
    send_ring(c, c->supervisor);
    if (c->store != NULL)
        send_ring(c, c->store);
}

static hf_err take_peer(core *c, hf_message *m)
{
    struct hf_peer_channel in;
    peer *p;

    HF_TRY(hf_peer_channel_decode(m->body, &in));
    HF_CHECK(m->n_fds == 1 && m->fds[0] >= 0, HF_ERR_MALFORMED);
    HF_CHECK(in.role >= HF_PEER_GATEWAY && in.role <= HF_PEER_CONFIG, HF_ERR_MALFORMED);
    /* Gateways' channels are spread over the lanes; everything else is lane 0's. */
    lane *l = &c->lanes[0];
    if (in.role == HF_PEER_GATEWAY)
        l = &c->lanes[c->next_lane++ % c->n_lanes];
    int fd = m->fds[0];
    m->fds[0] = -1;
    HF_TRY(peer_add(c, l, (hf_peer_role)in.role, fd, &p));
    if (in.role == HF_PEER_STORE) {
        if (c->state == CORE_OPEN)
            send_ring(c, p);
        opening_store_back(c);
    }
    if (in.role == HF_PEER_VERIFIER)
        verdicts_verifier_new(c);
    if (in.role == HF_PEER_UNSEAL)
        unsealing_peer(c, p);
    return HF_OK;
}

static hf_err take_seal(core *c, const hf_message *m)
{
    struct hf_seal_in_use seal;

    HF_TRY(hf_seal_in_use_decode(m->body, &seal));
    unsealing_kind(c, seal.seal, seal.opens_alone);
    return HF_OK;
}

static const char *const process_names[] = {
    [HF_PEER_SUPERVISOR] = "supervisor",   [HF_PEER_GATEWAY] = "gateway", [HF_PEER_STORE] = "store",
    [HF_PEER_VERIFIER] = "verifier-token", [HF_PEER_UNSEAL] = "unseal",
};

/* A child speaks for itself alone: the supervisor passes its rows on as they came. */
static bool rows_are_of(hf_view rows, uint8_t role)
{
    hf_reader r = hf_reader_of(rows);
    struct hf_protection_row row;

    if (role >= HF_COUNT(process_names) || process_names[role] == NULL)
        return false;
    while (hf_protection_row_next(&r, &row))
        if (!hf_view_eq_str(row.process, process_names[role]))
            return false;
    return !r.failed;
}

hf_err boot_take_protections(core *c, hf_peer_role role, hf_view rows)
{
    struct hf_protection_row row;
    size_t at = 0;

    HF_CHECK(rows_are_of(rows, (uint8_t)role), HF_ERR_DENIED);
    hf_reader r = hf_reader_of(rows);
    HF_CHECK(hf_protection_row_next(&r, &row), HF_ERR_MALFORMED);
    while (at < CORE_PROCESSES_MAX && c->processes[at].list != NULL &&
           !hf_view_eq_str(row.process, c->processes[at].name))
        at++;
    HF_CHECK(at < CORE_PROCESSES_MAX, HF_ERR_QUOTA);
    hf_view name = row.process;
    bool degraded = row.state != HF_ACTIVE;
    while (hf_protection_row_next(&r, &row))
        degraded = degraded || row.state != HF_ACTIVE;
    HF_CHECK(!r.failed && name.len < sizeof(c->processes[at].name), HF_ERR_MALFORMED);
    uint8_t *list;
    size_t len;
    HF_TRY(hf_view_to_str(name, c->processes[at].name, sizeof(c->processes[at].name)));
    HF_TRY(copy_bytes(rows, &list, &len));
    free(c->processes[at].list);
    c->processes[at].list = list;
    c->processes[at].len = len;
    c->processes[at].degraded = degraded;
    return HF_OK;
}

static hf_err take_process(core *c, const hf_message *m)
{
    struct hf_process_up up;

    HF_TRY(hf_process_up_decode(m->body, &up));
    HF_TRY(boot_take_protections(c, (hf_peer_role)up.role, up.protections));
    for (size_t i = 0; i < CORE_PROCESSES_MAX && up.role < HF_COUNT(process_names); i++)
        if (process_names[up.role] != NULL && strcmp(c->processes[i].name, process_names[up.role]) == 0)
            c->processes[i].starts = up.starts;
    return HF_OK;
}

static void take_ack(core *c, const hf_message *m)
{
    struct hf_ack ack;

    if (hf_ack_decode(m->body, &ack) != HF_OK)
        return;
    hf_err e = ack.error < HF_ERR_COUNT ? (hf_err)ack.error : HF_ERR_INTERNAL;
    if (m->id == CORE_ACK_ANCHOR)
        anchor_acknowledged(c, e);
    else if (m->id == CORE_ACK_EPOCH)
        epoch_written(c, e);
    else if (m->id == CORE_ACK_KEYSET)
        keyset_written(c, e);
}

static void stop(core *c)
{
    c->stopping = true;
    c->anchor_wanted = true;
    slow_fail_all(c, HF_ERR_PEER_GONE);
    commit_pump(c);
    stop_if_done(c);
}

void stop_if_done(core *c)
{
    bool waits = c->state == CORE_OPEN && c->store != NULL &&
                 (c->commit.in_flight || c->commit.pending != NULL || journal_unsealed(c) || c->anchor_busy ||
                  (!c->anchor_absent && c->manifest.generation != c->anchored_generation));

    if (!c->stopping || waits || c->busy > 0 || slow_running(c))
        return;
    peers_flush(c);
    /* Each key is wiped as it is freed; the arena as a whole holds this thread's stack too. */
    core_forget_keys(c);
    tls_keys_forget(c);
    _exit(0);
}

bool boot_complete(const core *c)
{
    return c->has_saved_files && c->keyset.rows != NULL;
}

void boot_supervisor_message(core *c, hf_message *m)
{
    hf_err e = HF_OK;

    switch (m->type) {
    case HF_MSG_CONFIG_CORE:
        e = take_config(c, m);
        break;
    case HF_MSG_SAVED_FILES:
        e = c->has_saved_files ? HF_ERR_CONFLICT : take_files(c, m);
        break;
    case HF_MSG_AUDIT_RING:
        e = take_old_ring(c, m);
        break;
    case HF_MSG_KEYSET:
        take_keyset(c, m);
        break;
    case HF_MSG_PEER_CHANNEL:
        e = take_peer(c, m);
        break;
    case HF_MSG_SEAL_IN_USE:
        e = take_seal(c, m);
        break;
    case HF_MSG_PROCESS_UP:
        e = take_process(c, m);
        break;
    case HF_MSG_ALARM:
        take_alarm(c, m);
        break;
    case HF_MSG_ACK:
        take_ack(c, m);
        break;
    case HF_MSG_STOP:
        stop(c);
        break;
    default:
        e = HF_ERR_MALFORMED;
        break;
    }
    if (e != HF_OK)
        hf_log(HF_LOG_ERROR, "message %#06x of the supervisor was refused: %s", m->type, hf_err_text(e));
}
