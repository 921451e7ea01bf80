#define _GNU_SOURCE
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int bind_and_listen(int family, const struct sockaddr *address, socklen_t length) {
  const int yes = 1;
  const int listener = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) return -1;
  (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, address, length) == 0 && listen(listener, 1) == 0) return listener;
  const int error = errno;
  (void)close(listener);
  errno = error;
  return -1;
}

static int open_tcp(const char *port, char *name, size_t name_bytes) {
  char *end;
  const unsigned long number = strtoul(port, &end, 10);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (end == port || *end != '\0' || number > 65535) {
    errno = EINVAL;
    return -1;
  }
  address.sin_port = htons((uint16_t)number);
  const int listener = bind_and_listen(AF_INET, (const struct sockaddr *)&address, length);
  if (listener < 0) return -1;
  (void)getsockname(listener, (struct sockaddr *)&address, &length);
  (void)snprintf(name, name_bytes, "127.0.0.1:%u", ntohs(address.sin_port));
  return listener;
}

static int open_unix(const char *path, char *name, size_t name_bytes) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t length = strlen(path);
  if (length == 0 || length >= sizeof address.sun_path || length >= name_bytes) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, length);
  memcpy(name, path, length + 1);
  (void)unlink(path);
  return bind_and_listen(AF_UNIX, (const struct sockaddr *)&address, sizeof address);
}

int listener_open(const char *address, char *name, size_t name_bytes) {
  if (strncmp(address, "tcp:", 4) == 0) return open_tcp(address + 4, name, name_bytes);
  if (strncmp(address, "unix:", 5) == 0) return open_unix(address + 5, name, name_bytes);
  errno = EINVAL;
  return -1;
}

int listener_accept(int listener) {
  const int yes = 1;
  const int host = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  /* Fails on a unix socket, which has no such delay. */
  if (host >= 0) (void)setsockopt(host, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return host;
}
