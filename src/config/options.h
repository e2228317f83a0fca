/*
 * Every option of holdfast.conf in one table: its section, name, kind, bounds, default and comment. Reading the file,
 * checking values and printing the commented default file all come from it.
 */
#ifndef HF_CONFIG_OPTIONS_H
#define HF_CONFIG_OPTIONS_H

#include "base/buf.h"

/* The values of one configuration, defaults filled in. */
struct config_values {
    char listen[257];
    char tls_certificate[1025];
    char tls_key[1025];
    char client_ca[1025];
    char metrics_listen[257];
    char trusted_proxies[1025];
    char seal_kind[33];
    char issuer[257];
    char audience[257];
    bool strict;
    bool durable_all;
    uint32_t engine;
    uint32_t lanes;
    uint32_t arena_mib;
    uint32_t key_cache_mib;
    uint32_t actor_rate;
    uint32_t actor_burst;
    uint32_t token_max_s;
    uint32_t segment_ms;
    uint32_t ring_mib;
    uint32_t threads;
    uint32_t max_connections;
    uint32_t address_rate;
    uint32_t address_burst;
    uint32_t header_ms;
    uint32_t body_ms;
    uint32_t idle_ms;
    uint32_t leeway_s;
    uint32_t session_s;
    uint32_t client_certificates;
    uint32_t log_requests;
    bool hs256;
};

/* Why a configuration was refused: one sentence. */
#define CONFIG_WHY_CAP 512
struct config_why {
    char text[CONFIG_WHY_CAP];
};
void config_why_set(struct config_why *why, const char *format, ...) HF_PRINTF(2, 3);

void config_defaults(struct config_values *values);

/*
 * Sets one option from its text. HF_ERR_INVALID for an unknown section or option, HF_ERR_BOUNDS for a value outside its
 * bounds; *why then says so in a sentence without a line number. *ret_index is the option's place in the table.
 */
hf_err config_set(struct config_values *values, const char *section, const char *name, const char *text,
                  size_t *ret_index, struct config_why *why) HF_MUST_USE;

/* Rules that hold between options. */
hf_err config_check_together(const struct config_values *values, struct config_why *why) HF_MUST_USE;

#define CONFIG_OPTIONS_MAX 64
size_t config_option_count(void);

/* Writes the whole commented file with these values. The writer's `failed` says when it did not fit. */
void config_print(const struct config_values *values, hf_writer *w);

#endif
