/* A message as it lies in the queue of a service. */
#ifndef SKYNET_MQ_H
#define SKYNET_MQ_H

#include <stddef.h>
#include <stdint.h>

struct skynet_message {
  uint32_t source;
  int session;
  void* data; /* from skynet_malloc, or NULL */
  size_t sz;  /* the size, and the type in the high byte */
};

#define MESSAGE_TYPE_MASK (SIZE_MAX >> 8)
#define MESSAGE_TYPE_SHIFT ((sizeof(size_t) - 1) * 8)

#endif
