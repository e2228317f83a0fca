/* Memory for yyjson that is wiped when it is given back: a keyset may have secrets in it. */
#ifndef HF_KEYSETFMT_WIPING_H
#define HF_KEYSETFMT_WIPING_H

#include <yyjson.h>

/* On the heap; each block knows its size. */
yyjson_alc hf_wiping_alloc(void);

#endif
