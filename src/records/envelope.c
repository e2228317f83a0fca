#include "records/envelope.h"

#include "crypto/crypto.h"

static size_t head_bytes(hf_alg alg)
{
    if (alg == HF_ALG_ML_KEM_768)
        return hf_kem_ciphertext_bytes(alg);
    return alg == HF_ALG_RSA_2048 ? 256 : alg == HF_ALG_RSA_3072 ? 384 : 0;
}

hf_err hf_envelope_parse(hf_alg import_key, hf_view bytes, struct hf_envelope *ret)
{
    const size_t head = head_bytes(import_key);
    HF_CHECK(head != 0, HF_ERR_UNSUPPORTED);
    HF_CHECK(bytes.len >= head + HF_ENVELOPE_KWP_MIN, HF_ERR_BAD_CIPHERTEXT);
    const size_t body = bytes.len - head;
    HF_CHECK(body % 8 == 0, HF_ERR_BAD_CIPHERTEXT);
    *ret = (struct hf_envelope) { hf_view_of(bytes.ptr, head), hf_view_of(bytes.ptr + head, body) };
    return HF_OK;
}
