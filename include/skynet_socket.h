/* Sockets for C services.
 *
 * The events of a socket come to the service that owns it as messages of type PTYPE_SOCKET, each
 * with a struct skynet_socket_message. Ids stand for sockets; a negative result in the place of an
 * id means failure.
 */
#ifndef SKYNET_SOCKET_H
#define SKYNET_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "socket_buffer.h"
#include "socket_info.h"

#define SKYNET_SOCKET_TYPE_DATA 1    /* ud: bytes; buffer: the bytes */
#define SKYNET_SOCKET_TYPE_CONNECT 2 /* connected, listening (ud: the port) or started; text */
#define SKYNET_SOCKET_TYPE_CLOSE 3   /* the stream has ended */
#define SKYNET_SOCKET_TYPE_ACCEPT 4  /* ud: the new id; text: "ip:port" of the peer */
#define SKYNET_SOCKET_TYPE_ERROR 5   /* text: the reason */
#define SKYNET_SOCKET_TYPE_UDP 6     /* as DATA; skynet_socket_udp_address() tells the sender */
#define SKYNET_SOCKET_TYPE_WARNING 7 /* ud: kilobytes that wait to be sent; 0: they have gone */

/* The text of an event follows the struct directly, and buffer is NULL. A buffer that is not NULL
 * belongs to the receiver, who frees it with skynet_free. */
struct skynet_socket_message {
  int type;
  int id;
  int ud;
  char* buffer;
};

#ifdef __cplusplus
extern "C" {
#endif

struct skynet_context;

/* Send what `buffer` holds. 0: taken; -1: refused. SOCKET_BUFFER_MEMORY passes to the runtime either
 * way. Low priority means: after all that is sent with normal priority. */
int skynet_socket_sendbuffer(struct skynet_context* context, struct socket_sendbuffer* buffer);
int skynet_socket_sendbuffer_lowpriority(struct skynet_context* context,
                                         struct socket_sendbuffer* buffer);

/* New TCP sockets, and an open descriptor as a socket. The id comes at once, success or failure as
 * an event. A socket that listens, and one that was accepted, do nothing before
 * skynet_socket_start(). */
int skynet_socket_listen(struct skynet_context* context, const char* host, int port, int backlog);
int skynet_socket_connect(struct skynet_context* context, const char* host, int port);
int skynet_socket_bind(struct skynet_context* context, int fd);

/* close() sends what waits to be sent, shutdown() does not. start() makes the caller the owner. */
void skynet_socket_close(struct skynet_context* context, int id);
void skynet_socket_shutdown(struct skynet_context* context, int id);
void skynet_socket_start(struct skynet_context* context, int id);
void skynet_socket_pause(struct skynet_context* context, int id);
void skynet_socket_nodelay(struct skynet_context* context, int id);

/* UDP. udp() binds to an address, or to none if it is NULL; udp_connect() gives an id the address
 * that skynet_socket_send() sends to; udp_dial() makes a socket with such an address, udp_listen()
 * one that is bound. */
int skynet_socket_udp(struct skynet_context* context, const char* address, int port);
int skynet_socket_udp_connect(struct skynet_context* context, int id, const char* address,
                              int port);
int skynet_socket_udp_dial(struct skynet_context* context, const char* address, int port);
int skynet_socket_udp_listen(struct skynet_context* context, const char* address, int port);

/* `address` is binary, as skynet_socket_udp_address() gives it. */
int skynet_socket_udp_sendbuffer(struct skynet_context* context, const char* address,
                                 struct socket_sendbuffer* buffer);

/* Who sent a message of type SKYNET_SOCKET_TYPE_UDP: *size bytes within the message. NULL for other
 * types. */
const char* skynet_socket_udp_address(struct skynet_socket_message* message, int* size);

/* Tells that the caller has taken a DATA event of `size` bytes from its mailbox. Who does this for one event must do it
 * for all, and is then not given more of a connection than some megabytes ahead. Not in skynet. */
void runtime_socket_acknowledge(int id, size_t size);

/* The most bytes that may wait to be sent on a connection; 0, as at first: any number. A send that would leave more ends
 * the connection with an error. Not in skynet. */
void runtime_socket_send_limit(int id, size_t bytes);

/* A peer from which nothing has come for about `seconds`, neither bytes nor an acknowledgement of what was sent, counts as
 * dead: the connection ends with an error. Also for a socket that is still connecting. Not in skynet. */
void runtime_socket_dead_after(int id, int seconds);

/* The bytes that wait to be sent; 0 for an id that nobody has. When they have once been more than a megabyte, an event
 * WARNING with ud 0 tells that they have gone. Not in skynet. */
size_t runtime_socket_unsent(int id);

/* How fast the network takes what a TCP connection sends: the bytes that the peer's host has acknowledged so far, and the
 * microseconds during which some were under way, which the kernel counts in steps of 1 to 10 ms. 0; or -1: the id is no
 * TCP connection, or the kernel does not tell. Not in skynet. */
struct runtime_send_progress {
  uint64_t bytes;
  uint64_t busy_us;
};
int runtime_socket_progress(int id, struct runtime_send_progress* out);

/* The caller, who owns the id, gives it away for another service to start it. When nobody does, it
 * is closed after the end of its peer. */
void runtime_socket_abandon(struct skynet_context* context, int id);
/* Closes an id that was accepted for the caller and that nobody has started; other ids stay. */
void runtime_socket_close_unstarted(struct skynet_context* context, int id);
/* Closes an id, and the caller hears of it (SKYNET_SOCKET_TYPE_CLOSE) though another service has started it since, or it
 * has ended; perhaps twice then. */
void runtime_socket_close_for(struct skynet_context* context, int id);

/* All sockets; to be freed with socket_info_release(). */
struct socket_info* skynet_socket_info(void);

/* Ownership of `buffer` passes to the runtime. A negative size marks an object (SOCKET_BUFFER_OBJECT), which is
 * refused and stays the caller's. */
static inline void skynet_socket_fill_sendbuffer(struct socket_sendbuffer* out, int id,
                                                 void* buffer, int size) {
  out->id = id;
  out->type = size < 0 ? SOCKET_BUFFER_OBJECT : SOCKET_BUFFER_MEMORY;
  out->buffer = buffer;
  out->sz = size < 0 ? 0 : (size_t)size;
}

static inline int skynet_socket_send(struct skynet_context* context, int id, void* buffer,
                                     int size) {
  struct socket_sendbuffer out;
  skynet_socket_fill_sendbuffer(&out, id, buffer, size);
  return skynet_socket_sendbuffer(context, &out);
}

static inline int skynet_socket_send_lowpriority(struct skynet_context* context, int id,
                                                 void* buffer, int size) {
  struct socket_sendbuffer out;
  skynet_socket_fill_sendbuffer(&out, id, buffer, size);
  return skynet_socket_sendbuffer_lowpriority(context, &out);
}

static inline int skynet_socket_udp_send(struct skynet_context* context, int id,
                                         const char* address, const void* buffer, int size) {
  struct socket_sendbuffer out;
  skynet_socket_fill_sendbuffer(&out, id, (void*)buffer, size);
  return skynet_socket_udp_sendbuffer(context, address, &out);
}

#ifdef __cplusplus
}
#endif
#endif
