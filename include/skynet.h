/* The interface of the runtime to C services and to Lua modules in C.
 *
 * A C service is a shared object NAME.so, found through the config's `cpath`, with the functions
 *   void *NAME_create(void);                                                     optional
 *   int NAME_init(void *instance, struct skynet_context *, const char *args);    0 means success
 *   void NAME_release(void *instance);                                           optional
 *   void NAME_signal(void *instance, int signal);                                optional; on any thread
 *
 * Threads: a service's functions run on one thread at a time, but not always on the same one. A context may be
 * used only by its own service's code, on the thread that runs it.
 */
#ifndef SKYNET_H
#define SKYNET_H

#include <stddef.h>
#include <stdint.h>

#include "skynet_malloc.h"

#define PTYPE_TEXT 0
#define PTYPE_RESPONSE 1
#define PTYPE_MULTICAST 2
#define PTYPE_CLIENT 3
#define PTYPE_SYSTEM 4
#define PTYPE_HARBOR 5
#define PTYPE_SOCKET 6
#define PTYPE_ERROR 7
#define PTYPE_RESERVED_QUEUE 8
#define PTYPE_RESERVED_DEBUG 9
#define PTYPE_RESERVED_LUA 10
#define PTYPE_RESERVED_SNAX 11

/* Added to a type: the message's memory, from skynet_malloc, passes to the runtime, whatever the result. */
#define PTYPE_TAG_DONTCOPY 0x10000
/* Added to a type: session must be 0; a new one is taken and returned. */
#define PTYPE_TAG_ALLOCSESSION 0x20000

#ifdef __cplusplus
extern "C" {
#endif

struct skynet_context;

/* Writes one line to the log, in the name of `context`; NULL is nobody (address 0). The exact format "%*s" takes
 * (int length, const char *bytes) and logs that many raw bytes. Define SKYNET_FORMAT_CHECK to have the compiler check
 * the arguments: it is off because plugins that were written without it shall compile without new warnings. */
#if defined(__GNUC__) && defined(SKYNET_FORMAT_CHECK)
void skynet_error(struct skynet_context* context, const char* format, ...)
    __attribute__((format(printf, 2, 3)));
#else
void skynet_error(struct skynet_context* context, const char* format, ...);
#endif

/* Runs a text command (TIMEOUT, REG, LAUNCH, ...). The result, or NULL, is valid until the context's next command. */
const char* skynet_command(struct skynet_context* context, const char* command,
                           const char* parameter);

/* The handle of ":hex" or ".name"; 0 if there is none. */
uint32_t skynet_queryname(struct skynet_context* context, const char* name);

/* Sends a message. `source` 0 is the context's own handle. Gives the session, or -1 for a destination that does not
 * exist, -2 for a message that is too large. */
int skynet_send(struct skynet_context* context, uint32_t source, uint32_t destination, int type,
                int session, void* message, size_t size);
int skynet_sendname(struct skynet_context* context, uint32_t source, const char* destination,
                    int type, int session, void* message, size_t size);

/* 1 if the handle belongs to another node; *harbor (may be NULL) becomes its id. */
int skynet_isremote(struct skynet_context* context, uint32_t handle, int* harbor);

/* Handles one message. 0: the runtime frees the message; 1: the callee keeps it. */
typedef int (*skynet_cb)(struct skynet_context* context, void* userdata, int type, int session,
                         uint32_t source, const void* message, size_t size);

/* Sets what handles this service's messages, from the next one on. */
void skynet_callback(struct skynet_context* context, void* userdata, skynet_cb callback);

/* The handle of the service that runs on this thread; 0 outside of any. */
uint32_t skynet_current_handle(void);

/* 1/100 s, as skynet.now(). */
uint64_t skynet_now(void);

/* Prints what the service that runs on this thread holds of malloc's memory to stderr: "[:HANDLE] INFO 0xBYTES". Nothing
 * outside of any service. */
void skynet_debug_memory(const char* info);

#ifdef __cplusplus
}
#endif
#endif
