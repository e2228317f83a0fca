#include "cli/similar.h"

#include "base/text.h"
#include "cli/api.h"
#include "cli/suggest.h"
#include <string.h>
#include <unistd.h>

#define NAMES_MAX 1000 /* a slip of the hand is not worth more of the server's time */

static void look_at_names(cli *c, suggestion *s, char nearest[static SUGGEST_CAP])
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    yyjson_val *item;
    size_t i, max;
    api_path path;

    api_path_start(&path, "/api/v1/keys");
    api_path_number(&path, "per_page", NAMES_MAX);
    if (api_call(c, "GET", &path, NULL, &doc) != HF_OK)
        return;
    yyjson_val *items = yyjson_obj_get(yyjson_doc_get_root(doc), "items");
    yyjson_arr_foreach(items, i, max, item)
    {
        yyjson_val *name = yyjson_obj_get(item, "name");
        const char *before = s->nearest;
        if (!yyjson_is_str(name) || !hf_name_ok(hf_view_of(yyjson_get_str(name), yyjson_get_len(name))))
            continue;
        suggest_look(s, yyjson_get_str(name));
        /* The document goes before the name is told. */
        if (s->nearest != before && hf_view_to_str(hf_view_str(s->nearest), nearest, SUGGEST_CAP) == HF_OK)
            s->nearest = nearest;
    }
}

void similar_tell(cli *c, const char *key)
{
    suggestion s = { .wanted = key };
    char nearest[SUGGEST_CAP] = "";

    if (c->json || isatty(STDERR_FILENO) != 1 || !hf_name_ok(hf_view_str(key)))
        return;
    c->quiet = true;
    look_at_names(c, &s, nearest);
    c->quiet = false;
    /* Distance 0: the key is there, and something else of it was not. */
    if (s.nearest != NULL && s.distance > 0)
        cli_note("did you mean '%s'?", nearest);
}
