/* A lock for sections of some instructions, under the names that C services written for skynet use. Who waits for long lets
 * others run: with more threads than cores the holder may have none. The macros lock the member `lock` of a struct. */
#ifndef SKYNET_SPINLOCK_H
#define SKYNET_SPINLOCK_H

#include <sched.h>

#include "atomic.h"

#define SPIN_INIT(q) spinlock_init(&(q)->lock);
#define SPIN_LOCK(q) spinlock_lock(&(q)->lock);
#define SPIN_UNLOCK(q) spinlock_unlock(&(q)->lock);
#define SPIN_DESTROY(q) spinlock_destroy(&(q)->lock);

struct spinlock {
  ATOM_INT lock;
};

static inline void spinlock_init(struct spinlock* lock) { ATOM_INIT(&lock->lock, 0); }

/* Nonzero: the caller has it. */
static inline int spinlock_trylock(struct spinlock* lock) {
  return ATOM_LOAD(&lock->lock) == 0 && ATOM_CAS(&lock->lock, 0, 1);
}

static inline void spinlock_lock(struct spinlock* lock) {
  int tries = 0;
  while (!spinlock_trylock(lock)) {
    if (++tries % 64 == 0) sched_yield();
  }
}

static inline void spinlock_unlock(struct spinlock* lock) { ATOM_STORE(&lock->lock, 0); }
static inline void spinlock_destroy(struct spinlock* lock) { (void)lock; }

#endif
