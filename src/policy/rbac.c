#include "policy/rbac.h"

static const struct {
    const char *word;
    uint32_t roles; /* besides administrator */
} actions[HF_ACTION_COUNT] = {
#define HF_ACTION_ROW(name, word, roles) [HF_ACTION_##name] = { word, roles },
    HF_ACTIONS(HF_ACTION_ROW)
#undef HF_ACTION_ROW
};

static bool known(hf_action a)
{
    return (unsigned)a < HF_ACTION_COUNT && a != HF_ACTION_NONE;
}

const char *hf_action_name(hf_action a)
{
    return known(a) ? actions[a].word : NULL;
}

hf_action hf_action_parse(hf_view word)
{
    for (unsigned a = HF_ACTION_NONE + 1; a < HF_ACTION_COUNT; a++) {
        if (hf_view_eq_str(word, actions[a].word))
            return (hf_action)a;
    }
    return HF_ACTION_NONE;
}

bool hf_rbac_allows(uint32_t roles, hf_action action)
{
    if (!known(action))
        return false;
    return (roles & (actions[action].roles | HF_ROLE_ADMINISTRATOR)) != 0;
}
