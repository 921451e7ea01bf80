/* A socket on which a host can connect instead of opening a terminal. */
#ifndef LISTENER_H
#define LISTENER_H

#include <stddef.h>

/*
 * `address` is tcp:PORT, on this machine only, 0 for a free port, or unix:PATH. Writes where it listens to `name`: "127.0.0.1:PORT" or
 * the path. -1 with errno.
 */
int listener_open(const char *address, char *name, size_t name_bytes);
/* The next host that waits, non-blocking; -1 when none does. */
int listener_accept(int listener);

#endif
