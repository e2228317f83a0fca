#include "config/options.h"

#include "base/networks.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind { OPTION_TEXT, OPTION_ADDRESS, OPTION_NUMBER, OPTION_CHOICE } option_kind;

/* A choice is stored as its place in this list plus `first`; a two-word choice that starts at 0 may be a bool. */
#define CHOICES_MAX 4

struct option {
    const char *section;
    const char *name;
    option_kind kind;
    size_t offset;
    uint32_t min, max; /* of a number; of a text: bytes */
    uint32_t first;    /* value of the first choice */
    bool is_bool;
    const char *choices[CHOICES_MAX];
    const char *standard;
    const char *comment;
};

#define AT(member) .offset = offsetof(struct config_values, member)

static const struct option options[] = {
    { "server", "listen", OPTION_ADDRESS, AT(listen), .min = 3, .max = 256, .standard = "127.0.0.1:8443",
      .comment = "Where the REST API listens: IPv4:PORT or [IPv6]:PORT. Names are not looked up." },
    { "server", "tls_certificate", OPTION_TEXT, AT(tls_certificate), .min = 1, .max = 1024,
      .standard = "tls/server.pem",
      .comment = "Certificate chain, PEM; a relative path starts at the data folder, credential:NAME is one that\n"
                 "systemd hands over." },
    { "server", "tls_key", OPTION_TEXT, AT(tls_key), .min = 1, .max = 1024, .standard = "tls/server-key.pem",
      .comment = "Its private key, PEM, mode 0600; named in the same way." },
    { "server", "client_ca", OPTION_TEXT, AT(client_ca), .min = 0, .max = 1024, .standard = "",
      .comment =
          "Certificate authorities of clients, PEM; named in the same way. Needed for server.client_certificates." },
    { "server", "client_certificates", OPTION_CHOICE, AT(client_certificates), .first = 1,
      .choices = { "off", "optional", "required" }, .standard = "off",
      .comment = "Whether a client shows a certificate of server.client_ca: off, optional or required (mTLS)." },
    { "server", "metrics_listen", OPTION_ADDRESS, AT(metrics_listen), .min = 0, .max = 256, .standard = "",
      .comment =
          "A listener of its own for GET /metrics, plain HTTP, no token: IPv4:PORT or [IPv6]:PORT. Empty: none;\n"
          "/metrics on the REST listener needs a token." },

    { "security", "strict", OPTION_CHOICE, AT(strict), .is_bool = true, .choices = { "no", "yes" }, .standard = "no",
      .comment = "yes: a protection that the machine cannot give is a refusal to start.\n"
                 "HOLDFAST_STRICT and --strict come before this option." },

    { "seal", "kind", OPTION_CHOICE, AT(seal_kind), .choices = { "file", "passphrase" }, .standard = "file",
      .comment =
          "What keeps the root key while the HSM is down. file: a file that only its permissions protect.\n"
          "passphrase: a file that an operator's passphrase opens (Argon2id); each start waits for 'holdfast unseal'." },

    { "core", "lanes", OPTION_NUMBER, AT(lanes), .min = 1, .max = 16, .standard = "2",
      .comment = "Threads that work with keys." },
    { "core", "arena_mib", OPTION_NUMBER, AT(arena_mib), .min = 4, .max = 4096, .standard = "7",
      .comment = "Locked memory for keys, MiB. An ordinary user may usually lock 8 MiB; the system service more." },
    { "core", "key_cache_mib", OPTION_NUMBER, AT(key_cache_mib), .min = 1, .max = 2048, .standard = "3",
      .comment = "How much of it loaded keys may fill, MiB; at most half of arena_mib." },
    { "core", "actor_rate", OPTION_NUMBER, AT(actor_rate), .min = 1, .max = 1000000, .standard = "100",
      .comment = "Requests a second that one actor may make, in the long run." },
    { "core", "actor_burst", OPTION_NUMBER, AT(actor_burst), .min = 1, .max = 1000000, .standard = "200",
      .comment = "Requests that one actor may make at once; not below actor_rate." },

    { "tokens", "issuer", OPTION_TEXT, AT(issuer), .min = 0, .max = 256, .standard = "",
      .comment = "The issuer (iss) that tokens must name; empty: any." },
    { "tokens", "audience", OPTION_TEXT, AT(audience), .min = 0, .max = 256, .standard = "holdfast",
      .comment = "The audience (aud) that tokens must name." },
    { "tokens", "max_s", OPTION_NUMBER, AT(token_max_s), .min = 10, .max = 86400, .standard = "300",
      .comment = "Longest life of a token, seconds." },
    { "tokens", "leeway_s", OPTION_NUMBER, AT(leeway_s), .min = 0, .max = 120, .standard = "5",
      .comment = "How far the clocks of token makers may differ from ours, seconds." },
    { "tokens", "session_s", OPTION_NUMBER, AT(session_s), .min = 10, .max = 3600, .standard = "300",
      .comment = "Life of a session token (POST /api/v1/sessions), seconds; not above max_s." },
    { "tokens", "hs256", OPTION_CHOICE, AT(hs256), .is_bool = true, .choices = { "no", "yes" }, .standard = "no",
      .comment =
          "yes: tokens signed with a shared secret (HS256) count. Whoever can read the secret can mint tokens." },

    { "audit", "durability", OPTION_CHOICE, AT(durable_all), .is_bool = true, .choices = { "journal", "durable" },
      .standard = "journal",
      .comment =
          "journal: uses of keys are answered once they stand in the memory ring, which survives the death of any\n"
          "process; a power cut may lose the last 20 ms. durable: every answer waits for the disk." },
    { "audit", "segment_ms", OPTION_NUMBER, AT(segment_ms), .min = 1, .max = 20, .standard = "5",
      .comment = "How long records wait at most before they are written to the store, milliseconds." },
    { "audit", "ring_mib", OPTION_NUMBER, AT(ring_mib), .min = 1, .max = 64, .standard = "16",
      .comment = "Size of the memory ring, MiB. When it is full, nothing may be done until the store catches up." },

    { "gateway", "threads", OPTION_NUMBER, AT(threads), .min = 1, .max = 16, .standard = "2",
      .comment = "Threads that serve connections." },
    { "gateway", "max_connections", OPTION_NUMBER, AT(max_connections), .min = 16, .max = 65536, .standard = "4096",
      .comment = "Open connections in all." },
    { "gateway", "address_rate", OPTION_NUMBER, AT(address_rate), .min = 1, .max = 1000000, .standard = "100",
      .comment = "Requests a second from one address, in the long run." },
    { "gateway", "address_burst", OPTION_NUMBER, AT(address_burst), .min = 1, .max = 1000000, .standard = "200",
      .comment = "Requests at once from one address; not below address_rate." },
    { "gateway", "header_ms", OPTION_NUMBER, AT(header_ms), .min = 100, .max = 600000, .standard = "6000",
      .comment = "The handshake and each request head must be complete within this time, milliseconds." },
    { "gateway", "body_ms", OPTION_NUMBER, AT(body_ms), .min = 100, .max = 600000, .standard = "15000",
      .comment = "A request's body must be complete within this time, milliseconds." },
    { "gateway", "idle_ms", OPTION_NUMBER, AT(idle_ms), .min = 1000, .max = 3600000, .standard = "60000",
      .comment = "A connection without a request is closed after this time, milliseconds." },

    { "gateway", "trusted_proxies", OPTION_TEXT, AT(trusted_proxies), .min = 0, .max = 1024, .standard = "",
      .comment =
          "Addresses and networks, separated by commas, whose connections begin with a PROXY protocol v2 header\n"
          "that names the client: 192.0.2.7, 198.51.100.0/24, 2001:db8::/32. At most 64 entries." },
    { "gateway", "log_requests", OPTION_CHOICE, AT(log_requests), .first = 1, .choices = { "none", "failures", "all" },
      .standard = "failures", .comment = "Which requests are logged, one line each: none, failures or all." },

    { "store", "engine", OPTION_CHOICE, AT(engine), .first = 1, .choices = { "sqlite", "memory" }, .standard = "sqlite",
      .comment = "What keeps sealed records and the audit. sqlite: one database below the data folder's store/.\n"
                 "memory: nothing stays after a stop; for trials only." },
};

_Static_assert(HF_COUNT(options) <= CONFIG_OPTIONS_MAX, "raise CONFIG_OPTIONS_MAX");

void config_why_set(struct config_why *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
}

size_t config_option_count(void)
{
    return HF_COUNT(options);
}

static hf_err set_text(const struct option *o, char *dst, const char *text, struct config_why *why)
{
    size_t len = strlen(text);

    if (len >= o->min && len <= o->max && hf_text_ok(hf_view_str(text))) {
        memcpy(dst, text, len + 1);
        return HF_OK;
    }
    config_why_set(why, "%s.%s must be a text of %u to %u bytes without control characters", o->section, o->name,
                   (unsigned)o->min, (unsigned)o->max);
    return HF_ERR_BOUNDS;
}

/* A plain decimal number: strtoul alone would take signs, blanks and a prefix. */
static bool number_read(const char *text, uint32_t *ret)
{
    uint64_t v = 0;

    if (*text == '\0' || strlen(text) > 10)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        v = v * 10 + (uint64_t)(*text - '0');
    }
    if (v > UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

static hf_err set_number(const struct option *o, uint32_t *dst, const char *text, struct config_why *why)
{
    uint32_t v = 0;

    if (number_read(text, &v) && v >= o->min && v <= o->max) {
        *dst = v;
        return HF_OK;
    }
    config_why_set(why, "%s.%s must be a whole number from %u to %u", o->section, o->name, (unsigned)o->min,
                   (unsigned)o->max);
    return HF_ERR_BOUNDS;
}

static bool host_ok(const char *host, bool bracketed)
{
    struct in6_addr six;
    struct in_addr four;

    return bracketed ? inet_pton(AF_INET6, host, &six) == 1 : inet_pton(AF_INET, host, &four) == 1;
}

static bool address_ok(const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    uint32_t port = 0;

    if (len == 0 || len >= sizeof(host) || !number_read(colon + 1, &port) || port == 0 || port > 65535)
        return false;
    if (text[0] != '[') {
        memcpy(host, text, len);
        host[len] = '\0';
        return host_ok(host, false);
    }
    if (len < 3 || text[len - 1] != ']')
        return false;
    memcpy(host, text + 1, len - 2);
    host[len - 2] = '\0';
    return host_ok(host, true);
}

static hf_err set_address(const struct option *o, char *dst, const char *text, struct config_why *why)
{
    if (address_ok(text) || (text[0] == '\0' && o->min == 0))
        return set_text(o, dst, text, why);
    config_why_set(why, "%s.%s must be IPv4:PORT or [IPv6]:PORT, for example 127.0.0.1:8443", o->section, o->name);
    return HF_ERR_BOUNDS;
}

static void choice_store(const struct option *o, void *dst, size_t i)
{
    if (o->is_bool)
        *(bool *)dst = i == 1;
    else if (o->first == 0)
        memcpy(dst, o->choices[i], strlen(o->choices[i]) + 1);
    else
        *(uint32_t *)dst = o->first + (uint32_t)i;
}

static hf_err set_choice(const struct option *o, void *dst, const char *text, struct config_why *why)
{
    char list[128] = "";

    for (size_t i = 0; i < CHOICES_MAX && o->choices[i] != NULL; i++) {
        if (strcmp(text, o->choices[i]) == 0) {
            choice_store(o, dst, i);
            return HF_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? " or " : "", o->choices[i]);
    }
    config_why_set(why, "%s.%s must be %s", o->section, o->name, list);
    return HF_ERR_BOUNDS;
}

static hf_err option_set(const struct option *o, struct config_values *values, const char *text, struct config_why *why)
{
    void *dst = (char *)values + o->offset;

    switch (o->kind) {
    case OPTION_TEXT:
        return set_text(o, dst, text, why);
    case OPTION_ADDRESS:
        return set_address(o, dst, text, why);
    case OPTION_NUMBER:
        return set_number(o, dst, text, why);
    case OPTION_CHOICE:
        return set_choice(o, dst, text, why);
    }
    return HF_ERR_INTERNAL;
}

void config_defaults(struct config_values *values)
{
    struct config_why why;

    memset(values, 0, sizeof(*values));
    for (size_t i = 0; i < HF_COUNT(options); i++)
        if (option_set(&options[i], values, options[i].standard, &why) != HF_OK)
            abort(); /* a default outside its own bounds is a defect of the table */
}

hf_err config_set(struct config_values *values, const char *section, const char *name, const char *text,
                  size_t *ret_index, struct config_why *why)
{
    bool section_known = false;

    for (size_t i = 0; i < HF_COUNT(options); i++) {
        if (strcmp(options[i].section, section) != 0)
            continue;
        section_known = true;
        if (strcmp(options[i].name, name) != 0)
            continue;
        HF_TRY(option_set(&options[i], values, text, why));
        *ret_index = i;
        return HF_OK;
    }
    if (section_known)
        config_why_set(why, "section [%s] has no option '%.64s'", section, name);
    else if (section[0] == '\0')
        config_why_set(why, "option '%.64s' stands before the first [section]", name);
    else
        config_why_set(why, "there is no section [%.64s]", section);
    return HF_ERR_INVALID;
}

static hf_err check_proxies(const struct config_values *v, struct config_why *why)
{
    hf_networks networks;
    hf_view at = { NULL, 0 };
    hf_err e = hf_networks_parse(hf_view_str(v->trusted_proxies), &networks, &at);

    if (e == HF_ERR_BOUNDS)
        config_why_set(why, "gateway.trusted_proxies has more than %d entries", HF_NETWORKS_MAX);
    else if (e != HF_OK)
        config_why_set(why,
                       "gateway.trusted_proxies: '%.*s' is neither an address nor a network such as 198.51.100.0/24 or "
                       "2001:db8::/32 without bits behind its prefix",
                       (int)(at.len < 64 ? at.len : 64), (const char *)at.ptr);
    return e == HF_OK ? HF_OK : HF_ERR_BOUNDS;
}

hf_err config_check_together(const struct config_values *v, struct config_why *why)
{
    if (v->key_cache_mib > v->arena_mib / 2) {
        config_why_set(why, "core.key_cache_mib (%u) must be at most half of core.arena_mib (%u)",
                       (unsigned)v->key_cache_mib, (unsigned)v->arena_mib);
        return HF_ERR_BOUNDS;
    }
    HF_TRY(check_proxies(v, why));
    if (v->client_certificates > 1 && v->client_ca[0] == '\0') {
        config_why_set(why, "server.client_certificates needs server.client_ca");
        return HF_ERR_BOUNDS;
    }
    if (v->session_s > v->token_max_s) {
        config_why_set(why, "tokens.session_s (%u) must not be above tokens.max_s (%u)", (unsigned)v->session_s,
                       (unsigned)v->token_max_s);
        return HF_ERR_BOUNDS;
    }
    if (v->actor_burst < v->actor_rate) {
        config_why_set(why, "core.actor_burst must not be below core.actor_rate");
        return HF_ERR_BOUNDS;
    }
    if (v->address_burst < v->address_rate) {
        config_why_set(why, "gateway.address_burst must not be below gateway.address_rate");
        return HF_ERR_BOUNDS;
    }
    return HF_OK;
}

/* ---- printing ---- */

static void put_str(hf_writer *w, const char *text)
{
    hf_put_view(w, hf_view_str(text));
}

static void put_comment(hf_writer *w, const char *text)
{
    put_str(w, "# ");
    for (; *text != '\0'; text++) {
        hf_put_u8(w, (uint8_t)*text);
        if (*text == '\n')
            put_str(w, "# ");
    }
    put_str(w, "\n");
}

static void put_number(hf_writer *w, uint32_t v)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", (unsigned)v);
    put_str(w, text);
}

static void put_range(const struct option *o, hf_writer *w)
{
    if (o->kind == OPTION_NUMBER) {
        put_str(w, "# From ");
        put_number(w, o->min);
        put_str(w, " to ");
        put_number(w, o->max);
        put_str(w, ". ");
    } else {
        put_str(w, "# ");
    }
    put_str(w, "Default: ");
    put_str(w, o->standard[0] == '\0' ? "(empty)" : o->standard);
    put_str(w, "\n");
}

static void put_choice(const struct option *o, const void *value, hf_writer *w)
{
    if (o->is_bool)
        put_str(w, o->choices[*(const bool *)value]);
    else if (o->first == 0)
        put_str(w, value);
    else
        put_str(w, o->choices[*(const uint32_t *)value - o->first]);
}

static void put_value(const struct option *o, const struct config_values *values, hf_writer *w)
{
    const void *value = (const char *)values + o->offset;

    switch (o->kind) {
    case OPTION_TEXT:
    case OPTION_ADDRESS:
        put_str(w, value);
        return;
    case OPTION_NUMBER:
        put_number(w, *(const uint32_t *)value);
        return;
    case OPTION_CHOICE:
        put_choice(o, value, w);
        return;
    }
}

void config_print(const struct config_values *values, hf_writer *w)
{
    const char *section = "";

    put_str(w, "# Configuration of holdfastd; see holdfast.conf(5). Check it with: holdfastd --data DIR --check\n");
    for (size_t i = 0; i < HF_COUNT(options); i++) {
        const struct option *o = &options[i];
        if (strcmp(section, o->section) != 0) {
            section = o->section;
            put_str(w, "\n[");
            put_str(w, section);
            put_str(w, "]\n");
        }
        put_comment(w, o->comment);
        put_range(o, w);
        put_str(w, o->name);
        put_str(w, " = ");
        put_value(o, values, w);
        put_str(w, "\n");
    }
}
