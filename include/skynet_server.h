/* Services, as seen from code that is not one of their callbacks. */
#ifndef SKYNET_SERVER_H
#define SKYNET_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "skynet_mq.h"

#ifdef __cplusplus
extern "C" {
#endif

struct skynet_context;

uint32_t skynet_context_handle(struct skynet_context* context);

/* Appends *message to the queue of a service; from any thread. 0, and the data belongs to the
 * runtime; or -1 when there is no such service, and it stays the caller's. */
int skynet_context_push(uint32_t handle, struct skynet_message* message);

/* Whether there is such a service in this node. Not a part of skynet's interface. */
int runtime_lives(uint32_t handle);

/* Around calls of skynet_context_push or skynet_send: services that were idle begin only at the second one, so that they
 * find all messages that came together, and are handed over together. In a callback: both within it. Not a part of skynet's interface. */
void runtime_hold_messages(void);
void runtime_release_messages(void);

/* Shows `filter` each message of the service before whatever else handles its messages. It returns 1 when it has taken the
 * message and its memory (to be freed with skynet_free), 0 when the message is to go on. NULL ends it. On the thread that
 * runs the service. Not a part of skynet's interface. */
typedef int (*runtime_filter)(struct skynet_context* context, void* userdata, int type, int session,
                              uint32_t source, void* message, size_t size);
void runtime_set_filter(struct skynet_context* context, void* userdata, runtime_filter filter);

/* The next session id of the service. */
int skynet_context_newsession(struct skynet_context* context);

/* How many services live in this node. */
int skynet_context_total(void);

#ifdef __cplusplus
}
#endif
#endif
