/* What init puts into the data folder, one function a part. Each says in *why what could not be made. */
#ifndef HF_INIT_CONTENTS_H
#define HF_INIT_CONTENTS_H

#include "init/folder.h"
#include "init/options.h"

#include <holdfast/secret.h>

/* The commented holdfast.conf: the program 'config' knows all options and prints it. */
hf_err contents_conf(const struct init_options *o, const struct folder *f, char why[static WHY_CAP]) HF_MUST_USE;
/* seal/ with the root key in it; passphrase NULL where the seal needs none. */
hf_err contents_seal(const struct init_options *o, const struct folder *f, const hf_secret *root,
                     const hf_secret *passphrase, char why[static WHY_CAP]) HF_MUST_USE;
/* store/, empty. */
hf_err contents_store(const struct folder *f, char why[static WHY_CAP]) HF_MUST_USE;
/* tls/ with CA and server certificate. */
hf_err contents_tls(const struct init_options *o, const struct folder *f, char why[static WHY_CAP]) HF_MUST_USE;
/* keyset.json with these rows, generation 1, MACed under the root. */
hf_err contents_keyset(const struct folder *f, const hf_secret *root, hf_view rows, char why[static WHY_CAP])
    HF_MUST_USE;
/* The anchor folder, when one was asked for. *ret_made: this call made it. */
hf_err contents_anchor(const struct init_options *o, const struct folder *f, bool *ret_made, char why[static WHY_CAP])
    HF_MUST_USE;

#endif
