/* What the process's allocator and its services hold, for C services; skynet.memory is the same for Lua. Without jemalloc
 * (builds with sanitizers) the figures are zeros or estimates. Any thread. */
#ifndef SKYNET_MALLOC_HOOK_H
#define SKYNET_MALLOC_HOOK_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lua_State;

size_t malloc_used_memory(void);  /* bytes in use in the whole process */
size_t malloc_memory_block(void); /* blocks in use */

/* Bytes that the service of this thread holds, without its Lua heap; 0 on a thread that runs none. */
size_t malloc_current_memory(void);

/* The allocator's report on stderr; `options` are those of jemalloc's malloc_stats_print, NULL for all. */
void memory_info_dump(const char* options);

/* Values of jemalloc by name; 0 or false for a name that it does not have. A new value, unless NULL, is set first. */
size_t mallctl_int64(const char* name, size_t* new_value);
int mallctl_opt(const char* name, int* new_value);
bool mallctl_bool(const char* name, bool* new_value);
/* Runs a command of jemalloc; 0, or an error number. */
int mallctl_cmd(const char* name);

/* Prints on stdout what each service holds. */
void dump_c_mem(void);

/* Pushes { [handle] = bytes, ... } for each service, in a service on Lua 5.4; returns 1, the number of results. */
int dump_mem_lua(struct lua_State* L);

#ifdef __cplusplus
}
#endif
#endif
