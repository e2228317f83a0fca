#include "base/networks.h"

#include <arpa/inet.h>
#include <string.h>

#define ENTRY_CAP 64
#define IPV4_AT 12          /* where an IPv4 address stands in the 16 bytes */
#define IPV4_PREFIX_BITS 96 /* of ::ffff:0:0 */

static hf_view trimmed(hf_view v)
{
    while (v.len > 0 && (v.ptr[0] == ' ' || v.ptr[0] == '\t')) {
        v.ptr++;
        v.len--;
    }
    while (v.len > 0 && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

/* 0 to most, plain digits without leading zeros. */
static hf_err prefix_read(const char *text, unsigned most, unsigned *ret)
{
    unsigned n = 0;

    HF_CHECK(text[0] >= '0' && text[0] <= '9' && !(text[0] == '0' && text[1] != '\0'), HF_ERR_INVALID);
    for (; *text != '\0'; text++) {
        HF_CHECK(*text >= '0' && *text <= '9', HF_ERR_INVALID);
        n = n * 10 + (unsigned)(*text - '0');
        HF_CHECK(n <= most, HF_ERR_INVALID);
    }
    *ret = n;
    return HF_OK;
}

static bool bit(const uint8_t *address, unsigned at)
{
    return (address[at / 8] >> (7 - at % 8) & 1) != 0;
}

static hf_err entry_read(hf_view entry, hf_network *ret)
{
    char text[ENTRY_CAP];
    hf_network n = { .prefix = 128 };
    unsigned bits = 0;

    HF_CHECK(entry.len > 0, HF_ERR_INVALID);
    HF_TRY(hf_view_to_str(entry, text, sizeof(text)));
    char *slash = strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    bool four = inet_pton(AF_INET, text, n.address + IPV4_AT) == 1;
    if (four)
        n.address[10] = n.address[11] = 0xff;
    else
        HF_CHECK(inet_pton(AF_INET6, text, n.address) == 1, HF_ERR_INVALID);
    if (slash != NULL) {
        HF_TRY(prefix_read(slash + 1, four ? 32 : 128, &bits));
        n.prefix = (uint8_t)(bits + (four ? IPV4_PREFIX_BITS : 0));
    }
    for (unsigned i = n.prefix; i < 128; i++)
        HF_CHECK(!bit(n.address, i), HF_ERR_INVALID);
    *ret = n;
    return HF_OK;
}

hf_err hf_networks_parse(hf_view text, hf_networks *ret, hf_view *reterr_at)
{
    hf_networks list = { .n = 0 };

    text = trimmed(text);
    for (bool more = text.len > 0; more;) {
        const uint8_t *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        hf_view entry = trimmed(hf_view_of(text.ptr, len));
        *reterr_at = entry;
        HF_CHECK(list.n < HF_NETWORKS_MAX, HF_ERR_BOUNDS);
        HF_CHECK(entry_read(entry, &list.row[list.n]) == HF_OK, HF_ERR_INVALID);
        list.n++;
        more = comma != NULL;
        if (more)
            text = hf_view_of(text.ptr + len + 1, text.len - len - 1);
    }
    *ret = list;
    return HF_OK;
}

static bool within(const hf_network *n, const uint8_t *address)
{
    unsigned whole = n->prefix / 8, rest = n->prefix % 8;

    if (memcmp(n->address, address, whole) != 0)
        return false;
    return rest == 0 || ((n->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool is_four(const uint8_t *address)
{
    static const uint8_t prefix[IPV4_AT] = { [10] = 0xff, [11] = 0xff };

    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

bool hf_networks_have(const hf_networks *list, const uint8_t address[static 16])
{
    for (size_t i = 0; i < list->n; i++)
        /* ::/0 is all of IPv6, but not of IPv4, although its addresses are written as some of IPv6. */
        if (is_four(list->row[i].address) == is_four(address) && within(&list->row[i], address))
            return true;
    return false;
}
