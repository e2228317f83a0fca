/* Members of requests that several commands about keys have: usage, tags, attributes. */
#ifndef HF_CLI_BODY_H
#define HF_CLI_BODY_H

#include "cli/api.h"
#include "cli/args.h"

/* "usage": --usage a,b, when it is given. */
void body_add_usage(yyjson_mut_doc *doc, const args *a);
/* "policy_tags": --tag, always a list. */
void body_add_tags(yyjson_mut_doc *doc, const args *a);
/* "attributes": --attribute N=V and --remove-attribute N, when one is given. HF_ERR_INVALID, told. */
hf_err body_add_attributes(cli *c, yyjson_mut_doc *doc, const args *a) HF_MUST_USE;

#endif
