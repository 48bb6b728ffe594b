/* Counters of what was allocated and freed, under the names that C code written for skynet uses; the atomic ones for
 * several threads at once. */
#ifndef SKYNET_MEM_INFO_H
#define SKYNET_MEM_INFO_H

#include <stddef.h>

#include "atomic.h"

typedef struct {
  size_t alloc; /* bytes */
  size_t alloc_count;
  size_t free; /* bytes */
  size_t free_count;
} MemInfo;

typedef struct {
  ATOM_SIZET alloc;
  ATOM_SIZET alloc_count;
  ATOM_SIZET free;
  ATOM_SIZET free_count;
} AtomicMemInfo;

static inline void meminfo_init(MemInfo* info) {
  info->alloc = info->alloc_count = 0;
  info->free = info->free_count = 0;
}

static inline void meminfo_alloc(MemInfo* info, size_t size) {
  info->alloc += size;
  ++info->alloc_count;
}

static inline void meminfo_free(MemInfo* info, size_t size) {
  info->free += size;
  ++info->free_count;
}

/* Adds `other` to `info`. */
static inline void meminfo_merge(MemInfo* info, const MemInfo* other) {
  info->alloc += other->alloc;
  info->alloc_count += other->alloc_count;
  info->free += other->free;
  info->free_count += other->free_count;
}

static inline void atomic_meminfo_init(AtomicMemInfo* info) {
  ATOM_INIT(&info->alloc, 0);
  ATOM_INIT(&info->alloc_count, 0);
  ATOM_INIT(&info->free, 0);
  ATOM_INIT(&info->free_count, 0);
}

static inline void atomic_meminfo_alloc(AtomicMemInfo* info, size_t size) {
  ATOM_FADD(&info->alloc, size);
  ATOM_FINC(&info->alloc_count);
}

static inline void atomic_meminfo_free(AtomicMemInfo* info, size_t size) {
  ATOM_FADD(&info->free, size);
  ATOM_FINC(&info->free_count);
}

/* Adds what `other` has counted so far to `info`, which has one thread. */
static inline void atomic_meminfo_merge(MemInfo* info, const AtomicMemInfo* other) {
  info->alloc += ATOM_LOAD(&other->alloc);
  info->alloc_count += ATOM_LOAD(&other->alloc_count);
  info->free += ATOM_LOAD(&other->free);
  info->free_count += ATOM_LOAD(&other->free_count);
}

#endif
