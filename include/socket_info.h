/* The state of the sockets of a node: what `netstat` of the debug console shows. */
#ifndef SKYNET_SOCKET_INFO_H
#define SKYNET_SOCKET_INFO_H

#include <stdint.h>

#define SOCKET_INFO_UNKNOWN 0
#define SOCKET_INFO_LISTEN 1
#define SOCKET_INFO_TCP 2
#define SOCKET_INFO_UDP 3
#define SOCKET_INFO_BIND 4
#define SOCKET_INFO_CLOSING 5

struct socket_info {
  int id;
  int type;
  uint64_t opaque; /* the handle of the owner */
  uint64_t read;   /* bytes so far; of a listening socket, connections accepted */
  uint64_t write;  /* bytes so far */
  uint64_t rtime;  /* of the last read, 1/100 s as skynet_now() */
  uint64_t wtime;  /* of the last write */
  int64_t wbuffer; /* bytes that wait to be sent */
  uint8_t reading; /* reading is enabled */
  uint8_t writing; /* it waits for the descriptor to become writable */
  char name[128];  /* "ip:port" of the peer, or of the address that is listened on */
  struct socket_info* next;
};

#ifdef __cplusplus
extern "C" {
#endif

/* Frees a whole list. NULL does nothing. */
void socket_info_release(struct socket_info* list);

#ifdef __cplusplus
}
#endif
#endif
