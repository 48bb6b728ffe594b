/* Handles of services and their local names, which are written here without the dot. */
#ifndef SKYNET_HANDLE_H
#define SKYNET_HANDLE_H

#include <stdint.h>

/* A handle: the node's harbor id in the high 8 bits, the service in the low 24. */
#define HANDLE_MASK 0xffffff
#define HANDLE_REMOTE_SHIFT 24

#ifdef __cplusplus
extern "C" {
#endif

/* 0 when nobody has the name. */
uint32_t skynet_handle_findname(const char* name);

/* Gives `name`, or NULL when it is taken. */
const char* skynet_handle_namehandle(uint32_t handle, const char* name);

#ifdef __cplusplus
}
#endif
#endif
