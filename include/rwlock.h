/* A lock that many readers or one writer may have, for short sections, under the names that C services written for skynet
 * use. A writer that waits keeps new readers out. */
#ifndef SKYNET_RWLOCK_H
#define SKYNET_RWLOCK_H

#include <sched.h>

#include "atomic.h"

struct rwlock {
  ATOM_INT write; /* a writer has it, or waits for the readers to leave */
  ATOM_INT read;  /* readers that have it */
};

static inline void rwlock_init(struct rwlock* lock) {
  ATOM_INIT(&lock->write, 0);
  ATOM_INIT(&lock->read, 0);
}

static inline void rwlock_rlock(struct rwlock* lock) {
  for (;;) {
    while (ATOM_LOAD(&lock->write) != 0) sched_yield();
    ATOM_FINC(&lock->read);
    if (ATOM_LOAD(&lock->write) == 0) return;
    ATOM_FDEC(&lock->read); /* a writer came in between, and goes first */
  }
}

static inline void rwlock_runlock(struct rwlock* lock) { ATOM_FDEC(&lock->read); }

static inline void rwlock_wlock(struct rwlock* lock) {
  while (!ATOM_CAS(&lock->write, 0, 1)) sched_yield();
  while (ATOM_LOAD(&lock->read) != 0) sched_yield();
}

static inline void rwlock_wunlock(struct rwlock* lock) { ATOM_STORE(&lock->write, 0); }

#endif
