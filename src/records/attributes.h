/*
 * What users write on a key: lists in a KEY record, as the messages carry them too.
 *
 *   attributes   n * { text16 name | text16 value }     names [a-z0-9._-]{1,64}, strictly ascending by their bytes;
 *                values UTF-8 without control characters, at most 256 bytes; at most 64 of them
 *   tags         n * text16                             1 to 128 bytes each, UTF-8 without control characters
 *
 * Sorted and without duplicates, so that equal sets are equal bytes.
 */
#ifndef HF_RECORDS_ATTRIBUTES_H
#define HF_RECORDS_ATTRIBUTES_H

#include "base/buf.h"

#define HF_ATTRIBUTES_MAX 64
#define HF_ATTRIBUTE_NAME_MAX 64
#define HF_ATTRIBUTE_VALUE_MAX 256
#define HF_TAG_MAX 128

/* An empty list is valid. */
bool hf_attributes_valid(hf_view list);
/*
 * What a key has, after changes: both lists are valid, a change with an empty value removes that name, and names that
 * no change has stay. The writer's `failed` says when it did not fit; whether it is valid then is for the caller to
 * ask.
 */
void hf_attributes_merge(hf_view has, hf_view changes, hf_writer *w);
/* Of what a request brings. Order and duplicates are the writer's: records of earlier releases have them. */
bool hf_tags_valid(hf_view list);

#endif
