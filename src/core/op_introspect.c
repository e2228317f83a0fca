/* introspect: what is known about another token (RFC 7662), never why one does not count. */
#include "core/op.h"

#include "core/sessions.h"
#include "crypto/crypto.h"
#include <string.h>

static void put_session(const core *c, const session *s, struct hf_introspected *m)
{
    *m = (struct hf_introspected) {
        .active = true,
        .subject = hf_view_str(s->subject),
        .roles = s->roles,
        .kid = hf_view_str(sessions_kid(c)),
        .jti = hf_view_str(s->id),
        .issued_s = s->issued_s,
        .not_before_s = s->issued_s,
        .expires_s = s->expires_s,
        .has_cert = s->has_cert,
    };
    memcpy(m->cert_hash, s->cert_hash, sizeof(m->cert_hash));
}

static void put_verdict(const verdict *v, struct hf_introspected *m)
{
    *m = (struct hf_introspected) {
        .active = true,
        .subject = hf_view_str(v->subject),
        .roles = v->roles,
        .kid = hf_view_str(v->kid),
        .jti = hf_view_str(v->jti),
        .issued_s = v->issued_s,
        .not_before_s = v->not_before_s,
        .expires_s = v->expires_s,
        .has_cert = v->has_cert,
    };
    memcpy(m->cert_hash, v->cert_hash, sizeof(m->cert_hash));
}

/* One that its own holder could use now, with the certificate that it may be bound to. */
static hf_err judge(op *o, struct hf_introspected *m)
{
    hf_view token = o->in.introspect.subject_token;
    core *c = o->core;
    uint8_t hash[32];

    HF_TRY(hf_digest(HF_HASH_SHA256, &token, 1, hash));
    const session *s = sessions_find(c, hash);
    if (s != NULL) {
        if (sessions_live(s, o->now))
            put_session(c, s, m);
        return HF_OK;
    }
    const verdict *v = verdicts_known(c, hash);
    if (v != NULL) {
        if (verdicts_holds(c, v, o->now) == HF_OK)
            put_verdict(v, m);
        return HF_OK;
    }
    if (token.len == 0 || o->request->subject_refused)
        return HF_OK;
    HF_TRY(verdicts_ask_subject(c, o->request, hash, &o->waits));
    return HF_OK;
}

hf_err op_introspect(op *o)
{
    struct hf_introspected m = { 0 };

    HF_TRY(judge(o, &m));
    if (o->waits)
        return HF_OK;
    o->audit_detail = hf_view_str(m.active ? "active" : "not active");
    return hf_introspected_encode(&m, &o->reply);
}
