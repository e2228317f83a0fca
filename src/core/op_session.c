/* sessions: opening and ending one, and the public key of their tokens. */
#include "core/op.h"

#include "core/sessions.h"
#include "crypto/crypto.h"
#include <stdio.h>
#include <string.h>

#define TOKEN_MAX_BYTES 4096

static hf_err wanted_session(op *o, session *ret)
{
    const struct hf_session_open *in = &o->in.session_open;
    const struct hf_head *head = &in->head;
    const verdict *v = verdicts_known(o->core, o->request->token_hash);

    if (o->who.session != NULL)
        return op_fails(o, HF_ERR_DENIED, "a session's token does not open another one; use the token of a key");
    HF_CHECK(v != NULL, HF_ERR_INTERNAL);
    if ((in->roles & ~o->who.roles) != 0)
        return op_fails(o, HF_ERR_DENIED, "a session may have fewer roles than the token that opens it, not others");
    session s = {
        .roles = in->roles != 0 ? in->roles : o->who.roles,
        .issued_s = hf_wall_s(o->now),
        .has_cert = head->has_cert,
        .opener.has_jti = v->has_jti,
    };
    HF_TRY(hf_view_to_str(hf_view_str(o->who.subject), s.subject, sizeof(s.subject)));
    HF_TRY(hf_view_to_str(hf_view_str(v->kid), s.opener.kid, sizeof(s.opener.kid)));
    memcpy(s.opener.revocation_id, v->revocation_id, sizeof(s.opener.revocation_id));
    if (head->has_cert)
        memcpy(s.cert_hash, head->cert_hash, sizeof(s.cert_hash));
    *ret = s;
    return HF_OK;
}

hf_err op_session_open(op *o)
{
    core *c = o->core;
    uint32_t most = c->config.session_s, life = o->in.session_open.ttl_s;
    uint8_t text[TOKEN_MAX_BYTES];
    hf_writer token = hf_writer_on(text, sizeof(text));
    const char *why = NULL;
    session s;

    HF_TRY(wanted_session(o, &s));
    if (life > most)
        return op_fails(o, HF_ERR_BOUNDS, "a session may live for %u seconds (tokens.session_s), not %u", most, life);
    hf_err e = sessions_open(c, &s, life != 0 ? life : most, &token, &s, &why);
    if (e != HF_OK)
        return why != NULL ? op_fails(o, e, "%s", why) : e;
    struct hf_session m = { .token = hf_writer_view(&token), .id = hf_view_str(s.id), .expires_s = s.expires_s };
    e = hf_session_encode(&m, &o->reply);
    hf_wipe(text, sizeof(text));
    snprintf(o->note, sizeof(o->note), "session %s opened", s.id);
    o->audit_detail = hf_view_str(o->note);
    return e;
}

hf_err op_session_end(op *o)
{
    struct hf_done m = { 0 };

    if (o->who.session == NULL)
        return op_fails(
            o, HF_ERR_INVALID,
            "only a session's token ends its session; another token is revoked with 'holdfast token revoke'");
    snprintf(o->note, sizeof(o->note), "session %s ended", o->who.session->id);
    o->audit_detail = hf_view_str(o->note);
    sessions_end(o->core, o->who.session);
    o->who.session = NULL;
    return hf_done_encode(&m, &o->reply);
}

/* Public keys only, and only what verifies now: no key while the HSM is sealed. */
hf_err op_jwks(op *o)
{
    uint8_t spki[HF_SPKI_MAX_BYTES], rows[HF_SPKI_MAX_BYTES + 256];
    hf_writer list = hf_writer_on(rows, sizeof(rows));
    struct hf_keyset_row row;

    if (sessions_public(o->core, &row, spki, sizeof(spki)) == HF_OK)
        HF_TRY(hf_keyset_row_encode(&row, &list));
    struct hf_jwks_info m = { .rows = hf_writer_view(&list) };
    return hf_jwks_info_encode(&m, &o->reply);
}
