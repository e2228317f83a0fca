/* Who may do what: four roles, one table. */
#ifndef HF_POLICY_RBAC_H
#define HF_POLICY_RBAC_H

#include "base/buf.h"
#include "base/names.h"

/* X(NAME, "word", roles besides administrator): the words are those of the `action` column in src/proto/core.def. */
#define HF_ACTIONS(X) \
    X(KEY_CREATE, "key:create", HF_ROLE_OPERATOR) \
    X(KEY_DESCRIBE, "key:describe", HF_ROLE_OPERATOR | HF_ROLE_AUDITOR | HF_ROLE_SERVICE) \
    X(KEY_ROTATE, "key:rotate", HF_ROLE_OPERATOR) \
    X(KEY_UPDATE, "key:update", HF_ROLE_OPERATOR) \
    X(KEY_IMPORT, "key:import", HF_ROLE_OPERATOR) \
    X(KEY_REVOKE, "key:revoke", 0) \
    X(KEY_DESTROY, "key:destroy", 0) \
    X(CRYPTO_SIGN, "crypto:sign", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(CRYPTO_VERIFY, "crypto:verify", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(CRYPTO_ENCRYPT, "crypto:encrypt", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(CRYPTO_DECRYPT, "crypto:decrypt", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(CRYPTO_ENCAPSULATE, "crypto:encapsulate", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(CRYPTO_DECAPSULATE, "crypto:decapsulate", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(CRYPTO_MAC, "crypto:mac", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(CRYPTO_RANDOM, "crypto:random", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(CRYPTO_REWRAP, "crypto:rewrap", HF_ROLE_OPERATOR | HF_ROLE_SERVICE) \
    X(AUDIT_VIEW, "audit:view", HF_ROLE_AUDITOR) \
    X(KEYSET_DESCRIBE, "keyset:describe", HF_ROLE_AUDITOR) \
    X(KEYSET_APPLY, "keyset:apply", 0) \
    X(ROOT_ROTATE_EPOCH, "root:rotate-epoch", 0) \
    X(ROOT_SEAL, "root:seal", 0) \
    X(ROOT_UNSEAL, "root:unseal", 0) \
    X(SYSTEM_DESCRIBE, "system:describe", HF_ROLE_OPERATOR | HF_ROLE_AUDITOR) \
    X(TOKEN_REVOKE, "token:revoke", 0) \
    X(TOKEN_INTROSPECT, "token:introspect", HF_ROLE_OPERATOR | HF_ROLE_AUDITOR | HF_ROLE_SERVICE) \
    X(SESSION_OPEN, "session:open", HF_ROLE_OPERATOR | HF_ROLE_AUDITOR | HF_ROLE_SERVICE) \
    X(SESSION_END, "session:end", HF_ROLE_OPERATOR | HF_ROLE_AUDITOR | HF_ROLE_SERVICE) \
    X(METRICS_VIEW, "metrics:view", HF_ROLE_OPERATOR | HF_ROLE_AUDITOR | HF_ROLE_SERVICE)

typedef enum hf_action {
    HF_ACTION_NONE = 0, /* allowed to nobody */
#define HF_ACTION_ENUM(name, word, roles) HF_ACTION_##name,
    HF_ACTIONS(HF_ACTION_ENUM)
#undef HF_ACTION_ENUM
        HF_ACTION_COUNT
} hf_action;

const char *hf_action_name(hf_action a);  /* the word; NULL when unknown */
hf_action hf_action_parse(hf_view word);  /* HF_ACTION_NONE when unknown */

/* May somebody with these role bits do this? Unknown roles and actions: no. Several roles add up. */
bool hf_rbac_allows(uint32_t roles, hf_action action);

#endif
