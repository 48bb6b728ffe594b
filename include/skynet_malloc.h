/* Memory that crosses the plugin interface comes from the process's one allocator: malloc and free. */
#ifndef SKYNET_MALLOC_H
#define SKYNET_MALLOC_H

#include <malloc.h> /* memalign */
#include <stddef.h>
#include <stdlib.h>

#define skynet_malloc malloc
#define skynet_calloc calloc
#define skynet_realloc realloc
#define skynet_free free
#define skynet_memalign memalign
#define skynet_aligned_alloc aligned_alloc
#define skynet_posix_memalign posix_memalign

#ifdef __cplusplus
extern "C" {
#endif

/* A copy of `text` that the caller frees with skynet_free. */
char* skynet_strdup(const char* text);

/* An allocator in the shape that lua_newstate wants: `new_size` 0 frees and gives NULL. */
void* skynet_lalloc(void* block, size_t old_size, size_t new_size);

#ifdef __cplusplus
}
#endif
#endif
