#include "base/address.h"

#include "base/buf.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool begins(const uint8_t address[static 16], const void *prefix, size_t len)
{
    return hf_view_eq(hf_view_of(address, len), hf_view_of(prefix, len));
}

static const uint8_t user_prefix[12] = { 0x01, [8] = 'u', 'i', 'd', 0 };

void hf_address_of_user(uint32_t uid, uint8_t ret[static 16])
{
    memcpy(ret, user_prefix, sizeof(user_prefix));
    for (int i = 0; i < 4; i++)
        ret[12 + i] = (uint8_t)(uid >> (24 - 8 * i));
}

bool hf_address_is_user(const uint8_t address[static 16], uint32_t *ret_uid)
{
    if (!begins(address, user_prefix, sizeof(user_prefix)))
        return false;
    *ret_uid = (uint32_t)address[12] << 24 | (uint32_t)address[13] << 16 | (uint32_t)address[14] << 8 | address[15];
    return true;
}

bool hf_address_is_ipv4(const uint8_t address[static 16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    return begins(address, mapped, sizeof(mapped));
}

void hf_address_format(const uint8_t address[static 16], char dst[static HF_ADDRESS_CAP])
{
    static const uint8_t unknown[16];
    uint32_t uid;

    if (begins(address, unknown, sizeof(unknown)))
        snprintf(dst, HF_ADDRESS_CAP, "-");
    else if (hf_address_is_user(address, &uid))
        snprintf(dst, HF_ADDRESS_CAP, "uid:%u", uid);
    else if (hf_address_is_ipv4(address))
        (void)inet_ntop(AF_INET, address + 12, dst, HF_ADDRESS_CAP);
    else
        (void)inet_ntop(AF_INET6, address, dst, HF_ADDRESS_CAP);
}
