/*
 * Target functions: hf_proxy_wants, hf_proxy_take, hf_networks_parse, hf_networks_have
 *
 * The header of a proxy, byte by byte and in pieces: both ways must end alike, and never take a byte too many. Input: one
 * byte for the size of the pieces, then what comes from the socket; it is also read as a list of networks.
 */
#include "base/networks.h"
#include "http/proxy.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hf_err feed(hf_view in, size_t step, hf_proxy *p, size_t *ret_used)
{
    size_t used = 0, wants;

    *p = (hf_proxy) { .have = 0 };
    while ((wants = hf_proxy_wants(p)) > 0 && used < in.len) {
        size_t n = wants < step ? wants : step;
        n = n < in.len - used ? n : in.len - used;
        if (hf_proxy_take(p, hf_view_of(in.ptr + used, n)) != HF_OK)
            return HF_ERR_MALFORMED;
        used += n;
    }
    *ret_used = used;
    return HF_OK;
}

static void same_in_pieces(hf_view in, size_t step)
{
    hf_proxy whole, pieces;
    size_t a = 0, b = 0;
    hf_err e = feed(in, in.len + 1, &whole, &a), f = feed(in, step, &pieces, &b);

    if (e != f)
        abort();
    if (e == HF_OK && (a != b || memcmp(&whole, &pieces, sizeof(whole)) != 0))
        abort();
    if (e == HF_OK && hf_proxy_wants(&whole) == 0 && a > 16 + HF_PROXY_LENGTH_MAX)
        abort();
}

static void as_networks(hf_view in)
{
    hf_networks list = { .n = 0 };
    hf_view at = { NULL, 0 };
    uint8_t address[16] = { [10] = 0xff, 0xff, 192, 0, 2, 7 };

    if (hf_networks_parse(in, &list, &at) == HF_OK) {
        for (size_t i = 0; i < list.n; i++) /* a network has its own address */
            if (!hf_networks_have(&list, list.row[i].address))
                abort();
        (void)hf_networks_have(&list, address);
    } else if (at.len > 0 && (at.ptr < in.ptr || at.ptr + at.len > in.ptr + in.len)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    hf_view in = hf_view_of(data + 1, size - 1);
    same_in_pieces(in, (size_t)(data[0] % 64) + 1);
    as_networks(in);
    return 0;
}
