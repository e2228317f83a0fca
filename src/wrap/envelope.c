#include "wrap/envelope.h"

#define KEK_BYTES 32

static hf_err kek_to_rsa(const hf_key *to, hf_secret *kek, hf_writer *w)
{
    size_t len = 0;

    HF_TRY(hf_random(hf_secret_bytes(kek), KEK_BYTES));
    HF_TRY(hf_key_oaep_seal(to, kek, w->ptr, w->cap, &len));
    w->len = len;
    return HF_OK;
}

static hf_err kek_to_ml_kem(const hf_key *to, hf_secret *kek, hf_writer *w)
{
    size_t len = 0;

    HF_TRY(hf_key_encapsulate(to, w->ptr, w->cap, &len, hf_secret_bytes(kek)));
    w->len = len;
    return HF_OK;
}

hf_err envelope_make(const hf_key *to, const hf_secret *plain, uint8_t dst[static ENVELOPE_MAX_BYTES], size_t *ret_len)
{
    HF_AUTO(hf_secret_freep) hf_secret *kek = NULL;
    hf_writer w = hf_writer_on(dst, ENVELOPE_MAX_BYTES);
    hf_alg alg = hf_key_alg(to);
    size_t len = 0;

    HF_CHECK((hf_alg_usages(alg) & HF_USE_IMPORT) != 0, HF_ERR_UNSUPPORTED);
    HF_TRY(hf_secret_new(KEK_BYTES, &kek));
    HF_TRY(alg == HF_ALG_ML_KEM_768 ? kek_to_ml_kem(to, kek, &w) : kek_to_rsa(to, kek, &w));
    HF_TRY(hf_kwp_wrap(kek, plain, w.ptr + w.len, w.cap - w.len, &len));
    *ret_len = w.len + len;
    return HF_OK;
}
