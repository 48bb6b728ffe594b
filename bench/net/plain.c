/* The least that a server can do: one thread, epoll, one read and one write for what is there.
 *
 *   plain echo|http PORT
 *
 * echo sends back what comes; http answers each request (that fits one read) with the same twelve bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char block[256 * 1024];
static int epoll_fd;

static int listen_on(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr*)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0) {
    perror("plain: listen");
    exit(1);
  }
  return fd;
}

static void watch(int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(fd);
  }
}

/* 0: the peer has gone. */
static int write_all(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return 0;
    if (sent < 0) {
      struct pollfd writable = {.fd = fd, .events = POLLOUT};
      poll(&writable, 1, -1);
      continue;
    }
    bytes += sent;
    size -= (size_t)sent;
  }
  return 1;
}

static int echo(int fd, size_t size) { return write_all(fd, block, size); }

static int http(int fd, size_t size) {
  static const char answer[] =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n";
  block[size] = '\0';
  for (const char* at = block; (at = strstr(at, "\r\n\r\n")) != NULL; at += 4) {
    if (!write_all(fd, answer, sizeof(answer) - 1)) return 0;
  }
  return strstr(block, "\r\nConnection: close\r\n") == NULL;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  int (*const serve)(int, size_t) = strcmp(argv[1], "http") == 0 ? http : echo;
  const int listener = listen_on(atoi(argv[2]));
  epoll_fd = epoll_create1(0);
  watch(listener);
  for (;;) {
    struct epoll_event events[256];
    const int count = epoll_wait(epoll_fd, events, 256, -1);
    for (int i = 0; i < count; i++) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(fd);
        continue;
      }
      const ssize_t size = recv(fd, block, sizeof(block) - 1, 0);
      if (size < 0 && errno == EAGAIN) continue;
      if (size <= 0 || !serve(fd, (size_t)size)) close(fd);
    }
  }
}
