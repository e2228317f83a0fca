/*
 * What the config process made of holdfast.conf and keyset.json. The supervisor parses neither: it forwards the typed
 * messages as they are, but for `strict`, which the command line decides.
 */
#ifndef HF_SUPERVISOR_SETTINGS_H
#define HF_SUPERVISOR_SETTINGS_H

#include "supervisor/options.h"
#include "supervisor/programs.h"

#define SETTINGS_WHY_CAP 2100

/* An encoded message body on the heap. Holds no secret but those of HS256 in a keyset, and is wiped therefore. */
struct body {
    uint8_t *ptr;
    size_t len;
};
hf_err body_set(struct body *b, hf_view content) HF_MUST_USE; /* replaces; HF_ERR_SYSTEM leaves the old one */
void body_free(struct body *b);
hf_view body_view(const struct body *b);
bool body_equal(const struct body *a, const struct body *b);

struct settings {
    char listen[257];
    char tls_certificate[1025];
    char tls_key[1025];
    char client_ca[1025];      /* empty: none */
    char metrics_listen[257]; /* empty: none */
    char seal_kind[33];
    uint32_t gateway_threads;
    bool strict;
    struct body core, gateway, store, verifier, keyset;
};

void settings_free(struct settings *s);

/*
 * Does: runs a new config process over the two open files and collects its rows. conf_fd -1: defaults. keyset_fd -1: no keyset
 * (the files of --check without one are refused by config). Owns: settings_free(ret) later. Errors: why has one sentence.
 * Waits at most 5 s.
 */
hf_err settings_load(const struct programs *programs, int conf_fd, int keyset_fd, strictness strict,
                     struct settings *ret, char why[static SETTINGS_WHY_CAP]) HF_MUST_USE;

/* Does: has a config process print the keyset of a KEYSET_WRITE body as JSON. ret_json: to be freed as a body. */
hf_err settings_print_keyset(const struct programs *programs, hf_view keyset_write, struct body *ret_json) HF_MUST_USE;

#endif
