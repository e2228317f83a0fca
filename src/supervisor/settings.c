#include "supervisor/settings.h"

#include "ipc/channel.h"
#include "proto/gen/messages.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define CONFIG_WAIT_MS 5000
#define CONFIG_END_MS 1000
#define CONFIG_QUEUE_BYTES (1u << 20)

void body_free(struct body *b)
{
    if (b->ptr != NULL)
        hf_wipe(b->ptr, b->len);
    free(b->ptr);
    *b = (struct body) { 0 };
}

hf_err body_set(struct body *b, hf_view content)
{
    uint8_t *copy = malloc(content.len + 1);

    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    if (content.len > 0)
        memcpy(copy, content.ptr, content.len);
    body_free(b);
    *b = (struct body) { copy, content.len };
    return HF_OK;
}

hf_view body_view(const struct body *b)
{
    return hf_view_of(b->ptr, b->len);
}

bool body_equal(const struct body *a, const struct body *b)
{
    return hf_view_eq(body_view(a), body_view(b));
}

void settings_free(struct settings *s)
{
    struct body *all[] = { &s->core, &s->gateway, &s->store, &s->verifier, &s->keyset };

    for (size_t i = 0; i < HF_COUNT(all); i++)
        body_free(all[i]);
}

/* ---- one config process ---- */

struct config_process {
    hf_channel *channel;
    int pidfd;
};

/* One that closed its channel is about to end: its exit code is the reason, and a kill would take it away. */
static void config_let_end(const struct config_process *p)
{
    struct pollfd end = { .fd = p->pidfd, .events = POLLIN };

    (void)poll(&end, 1, CONFIG_END_MS);
}

static void config_end(struct config_process *p, struct program_end *ret)
{
    *ret = (struct program_end) { .signalled = true };
    hf_channel_free(p->channel);
    p->channel = NULL;
    if (p->pidfd < 0)
        return;
    /* It has said all that we wait for. One that ended on its own keeps its exit code. */
    pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
    program_reap(p->pidfd, ret);
    hf_fd_closep(&p->pidfd);
}

/* Files are reopened for each run: two processes that shared an offset would read each other's rest. */
static hf_err config_begin(const struct programs *programs, const char *mode, int conf_fd, int keyset_fd,
                           struct config_process *ret)
{
    HF_AUTO(hf_fd_closep) int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct program_end end;
    int pair[2];
    pid_t pid;

    HF_CHECK(nothing >= 0, HF_ERR_SYSTEM);
    HF_TRY(hf_fd_pair(pair));
    int give[3] = { pair[1], conf_fd >= 0 ? conf_fd : nothing, keyset_fd >= 0 ? keyset_fd : nothing };
    hf_err err = program_start(programs, HF_PEER_CONFIG, mode, give, HF_COUNT(give), &pid, &ret->pidfd);
    close(pair[1]);
    if (err != HF_OK) {
        close(pair[0]);
        return err;
    }
    err = hf_channel_new(pair[0], CONFIG_QUEUE_BYTES, hf_message_max_body, &ret->channel);
    if (err != HF_OK)
        config_end(ret, &end);
    return err;
}

/* ---- collecting the rows ---- */

static hf_err take_supervisor(struct settings *s, hf_view body)
{
    struct hf_config_supervisor m;

    HF_TRY(hf_config_supervisor_decode(body, &m));
    HF_TRY(hf_view_to_str(m.listen, s->listen, sizeof(s->listen)));
    HF_TRY(hf_view_to_str(m.tls_certificate, s->tls_certificate, sizeof(s->tls_certificate)));
    HF_TRY(hf_view_to_str(m.tls_key, s->tls_key, sizeof(s->tls_key)));
    HF_TRY(hf_view_to_str(m.client_ca, s->client_ca, sizeof(s->client_ca)));
    HF_TRY(hf_view_to_str(m.metrics_listen, s->metrics_listen, sizeof(s->metrics_listen)));
    return hf_view_to_str(m.seal_kind, s->seal_kind, sizeof(s->seal_kind));
}

static bool decide_strict(strictness asked, bool by_file)
{
    return asked == STRICT_BY_FILE ? by_file : asked == STRICT_YES;
}

static hf_err take_core(struct settings *s, strictness strict, hf_view body)
{
    uint8_t bytes[4096];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_config_core m;

    HF_TRY(hf_config_core_decode(body, &m));
    m.strict = s->strict = decide_strict(strict, m.strict);
    HF_TRY(hf_config_core_encode(&m, &w));
    return body_set(&s->core, hf_writer_view(&w));
}

static hf_err take_gateway(struct settings *s, strictness strict, hf_view body)
{
    uint8_t bytes[4096];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_config_gateway m;

    HF_TRY(hf_config_gateway_decode(body, &m));
    m.strict = decide_strict(strict, m.strict);
    s->gateway_threads = m.threads;
    HF_TRY(hf_config_gateway_encode(&m, &w));
    return body_set(&s->gateway, hf_writer_view(&w));
}

static hf_err take_store(struct settings *s, strictness strict, hf_view body)
{
    uint8_t bytes[4096];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_config_store m;

    HF_TRY(hf_config_store_decode(body, &m));
    m.strict = decide_strict(strict, m.strict);
    HF_TRY(hf_config_store_encode(&m, &w));
    return body_set(&s->store, hf_writer_view(&w));
}

static hf_err take_verifier(struct settings *s, strictness strict, hf_view body)
{
    uint8_t bytes[4096];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_config_verifier m;

    HF_TRY(hf_config_verifier_decode(body, &m));
    m.strict = decide_strict(strict, m.strict);
    HF_TRY(hf_config_verifier_encode(&m, &w));
    return body_set(&s->verifier, hf_writer_view(&w));
}

static hf_err take_failed(hf_view body, char why[static SETTINGS_WHY_CAP])
{
    struct hf_config_failed m;

    HF_TRY(hf_config_failed_decode(body, &m));
    HF_TRY(hf_view_to_str(m.what, why, SETTINGS_WHY_CAP));
    return HF_ERR_INVALID;
}

static hf_err take_message(struct settings *s, strictness strict, const hf_message *m, bool *done,
                           char why[static SETTINGS_WHY_CAP])
{
    struct hf_config_done end;

    HF_CHECK(hf_message_allowed(m->type, HF_PEER_CONFIG), HF_ERR_MALFORMED);
    switch (m->type) {
    case HF_MSG_CONFIG_SUPERVISOR:
        return take_supervisor(s, m->body);
    case HF_MSG_CONFIG_CORE:
        return take_core(s, strict, m->body);
    case HF_MSG_CONFIG_GATEWAY:
        return take_gateway(s, strict, m->body);
    case HF_MSG_CONFIG_STORE:
        return take_store(s, strict, m->body);
    case HF_MSG_CONFIG_VERIFIER:
        return take_verifier(s, strict, m->body);
    case HF_MSG_KEYSET:
        return body_set(&s->keyset, m->body);
    case HF_MSG_CONFIG_FAILED:
        return take_failed(m->body, why);
    case HF_MSG_CONFIG_DONE:
        *done = true;
        return hf_config_done_decode(m->body, &end);
    default:
        return HF_ERR_MALFORMED;
    }
}

static bool complete(const struct settings *s)
{
    return s->listen[0] != '\0' && s->core.ptr != NULL && s->gateway.ptr != NULL && s->store.ptr != NULL &&
           s->verifier.ptr != NULL && s->keyset.ptr != NULL;
}

static hf_err collect(hf_channel *config, strictness strict, struct settings *s, char why[static SETTINGS_WHY_CAP])
{
    bool done = false;

    while (!done) {
        hf_message m;
        HF_TRY(hf_channel_wait(config, CONFIG_WAIT_MS, &m));
        hf_err err = take_message(s, strict, &m, &done, why);
        hf_channel_release(&m);
        HF_TRY(err);
    }
    return complete(s) ? HF_OK : HF_ERR_MALFORMED;
}

hf_err settings_load(const struct programs *programs, int conf_fd, int keyset_fd, strictness strict,
                     struct settings *ret, char why[static SETTINGS_WHY_CAP])
{
    struct config_process process = { .pidfd = -1 };
    struct program_end end = { .signalled = true };
    struct settings s = { .strict = false };

    why[0] = '\0';
    hf_err err = config_begin(programs, NULL, conf_fd, keyset_fd, &process);
    if (err == HF_OK) {
        err = collect(process.channel, strict, &s, why);
        if (err == HF_ERR_PEER_GONE)
            config_let_end(&process);
        config_end(&process, &end);
    }
    if (err == HF_OK) {
        *ret = s;
        return HF_OK;
    }
    settings_free(&s);
    if (why[0] == '\0' && !end.signalled && end.code != 0)
        snprintf(why, SETTINGS_WHY_CAP, "config does not start (%s); its reason stands above", end.text);
    else if (why[0] == '\0')
        snprintf(why, SETTINGS_WHY_CAP, "the config process gave no answer: %s", hf_err_text(err));
    return err;
}

static hf_err take_json(hf_channel *config, struct body *ret_json)
{
    struct hf_keyset_text text;
    hf_message m;

    HF_TRY(hf_channel_drain(config, CONFIG_WAIT_MS));
    HF_TRY(hf_channel_wait(config, CONFIG_WAIT_MS, &m));
    hf_err err = m.type == HF_MSG_KEYSET_TEXT ? hf_keyset_text_decode(m.body, &text) : HF_ERR_MALFORMED;
    if (err == HF_OK)
        err = body_set(ret_json, text.json);
    hf_channel_release(&m);
    return err;
}

hf_err settings_print_keyset(const struct programs *programs, hf_view keyset_write, struct body *ret_json)
{
    struct config_process process = { .pidfd = -1 };
    struct program_end end;

    HF_TRY(config_begin(programs, "--print-keyset", -1, -1, &process));
    hf_err err = hf_channel_send(process.channel, HF_MSG_KEYSET_WRITE, 1, keyset_write, NULL, 0);
    if (err == HF_OK)
        err = take_json(process.channel, ret_json);
    config_end(&process, &end);
    return err;
}
