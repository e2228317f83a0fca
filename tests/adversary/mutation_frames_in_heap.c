/* A mutation: the channel that brings the root key reads into ordinary memory. It must be found there for a moment. */
#define hf_channel_receive_in hf_channel_receive_in_unused
#include "ipc/channel.c"
#undef hf_channel_receive_in

void hf_channel_receive_in(hf_channel *c, uint8_t *buffer, void (*release)(void *arg), void *arg);

void hf_channel_receive_in(hf_channel *c, uint8_t *buffer, void (*release)(void *arg), void *arg)
{
    if (c != NULL && buffer != NULL)
        release(arg);
}
