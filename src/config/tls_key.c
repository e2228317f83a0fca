#include "config/tls_key.h"

#include "base/log.h"
#include "config/pem_key.h"
#include "proto/gen/messages.h"
#include "sys/fd.h"
#include "sys/sandbox.h"

#define ARENA_BYTES (512u << 10)
#define ANSWER_MS 30000

hf_err tls_key_memory(bool strict, const char **reterr_why)
{
    hf_arena_spec spec = { ARENA_BYTES, strict ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MALLOC };
    hf_arena *arena = NULL;

    HF_TRY(hf_arena_create(&spec, &arena, reterr_why));
    hf_secret_use_arena(arena);
    return HF_OK;
}

static hf_err file_read(int fd, hf_secret **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *text = NULL;
    const char *why = "";
    size_t len = 0;

    HF_TRY(hf_secret_new(PEM_KEY_FILE_MAX, &text));
    hf_err e = hf_fd_read_all(fd, hf_secret_bytes(text), PEM_KEY_FILE_MAX, &len);
    if (e != HF_OK) {
        hf_log(HF_LOG_ERROR, "the file of server.tls_key cannot be read: %s", hf_err_text(e));
        return e;
    }
    e = pem_key_read(text, len, ret, &why);
    if (e != HF_OK)
        hf_log(HF_LOG_ERROR, "the file of server.tls_key %s", why);
    return e;
}

/* The answer of core to our one message. */
static hf_err ask(hf_channel *core, hf_view body)
{
    hf_message m;
    struct hf_ack ack;

    HF_TRY(hf_channel_send(core, HF_MSG_TLS_KEY, 1, body, NULL, 0));
    HF_TRY(hf_channel_drain(core, ANSWER_MS));
    hf_registers_clear();
    HF_TRY(hf_channel_wait(core, ANSWER_MS, &m));
    hf_err e = m.type == HF_MSG_ACK ? hf_ack_decode(m.body, &ack) : HF_ERR_MALFORMED;
    hf_channel_release(&m);
    HF_TRY(e);
    return ack.error < HF_ERR_COUNT ? (hf_err)ack.error : HF_ERR_MALFORMED;
}

hf_err tls_key_hand_over(int file_fd, hf_channel *core)
{
    HF_AUTO(hf_secret_freep) hf_secret *key = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *body = NULL;

    HF_TRY(file_read(file_fd, &key));
    HF_TRY(hf_secret_new(hf_message_max_body(HF_MSG_TLS_KEY), &body));
    hf_writer w = hf_writer_on(hf_secret_bytes(body), hf_secret_len(body));
    HF_TRY(hf_tls_key_encode(&(struct hf_tls_key) { .pkcs8 = key }, &w));
    hf_err e = ask(core, hf_writer_view(&w));
    if (e == HF_ERR_BAD_KEY || e == HF_ERR_UNSUPPORTED)
        hf_log(HF_LOG_ERROR,
               "the key of server.tls_key cannot be used (%s): EC P-256 or P-384, Ed25519, RSA of 2048 or 3072 "
               "bits are taken",
               hf_err_text(e));
    else if (e != HF_OK)
        hf_log(HF_LOG_ERROR, "the key of server.tls_key did not reach core: %s", hf_err_text(e));
    return e;
}
