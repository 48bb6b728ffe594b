/* What to send on a socket. */
#ifndef SKYNET_SOCKET_BUFFER_H
#define SKYNET_SOCKET_BUFFER_H

#include <stddef.h>

#define SOCKET_BUFFER_MEMORY 0     /* memory from skynet_malloc, which passes to the runtime */
#define SOCKET_BUFFER_OBJECT 1     /* an object as skynet has it: refused, still the caller's */
#define SOCKET_BUFFER_RAWPOINTER 2 /* memory that stays the caller's: it is copied */

struct socket_sendbuffer {
  int id;
  int type;
  const void* buffer;
  size_t sz;
};

#endif
