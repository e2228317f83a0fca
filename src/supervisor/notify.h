/* Telling systemd (sd_notify(3), written by hand: one datagram needs no library). */
#ifndef HF_SUPERVISOR_NOTIFY_H
#define HF_SUPERVISOR_NOTIFY_H

/* Sends state, for example "READY=1", to NOTIFY_SOCKET; does nothing without one. */
void notify_send(const char *state);
/* RELOADING=1 with the time that Type=notify-reload wants. */
void notify_reloading(void);

#endif
