#include "wrap/material.h"

#include "wrap/pem.h"

static hf_err take_bytes(hf_view file, hf_alg alg, hf_secret **ret, const char **reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *plain = NULL;
    hf_key *key = NULL;

    *reterr_why = "the key file has another length than keys of this algorithm";
    HF_CHECK(file.len > 0, HF_ERR_BAD_KEY);
    HF_TRY(hf_secret_copy(file.ptr, file.len, &plain));
    HF_TRY(hf_key_load_private(alg, plain, &key));
    hf_key_free(key);
    *ret = plain;
    plain = NULL;
    return HF_OK;
}

static hf_err take_der(hf_view file, hf_secret **ret, const char **reterr_why)
{
    if (pem_is(file))
        return pem_read_private(file, ret, reterr_why);
    *reterr_why = "the key file is empty";
    HF_CHECK(file.len > 0, HF_ERR_BAD_KEY);
    return hf_secret_copy(file.ptr, file.len, ret);
}

hf_err material_read(hf_view file, hf_alg want, hf_secret **ret_plain, hf_alg *ret_alg, const char **reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *der = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;

    if (want != HF_ALG_NONE && hf_alg_symmetric(want)) {
        *ret_alg = want;
        return take_bytes(file, want, ret_plain, reterr_why);
    }
    HF_TRY(take_der(file, &der, reterr_why));
    hf_err e = hf_key_read_pkcs8(want, der, ret_alg, &material);
    *reterr_why = e != HF_ERR_UNSUPPORTED
                      ? "the key file is no valid PKCS#8 key (PEM or DER, unencrypted); the bytes of an "
                        "AES or HMAC key need --algorithm"
                  : want == HF_ALG_NONE ? "the key file holds a key of an algorithm that Holdfast does not have"
                                        : "the key file holds a key of another algorithm than --algorithm names";
    HF_TRY(e);
    *ret_plain = der;
    der = NULL;
    return HF_OK;
}
