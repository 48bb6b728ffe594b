"""C services as others write them, compiled against the headers."""
import re
import signal
from pathlib import Path

from place import Skip, each_engine, once

# Counts under each kind of lock, in four threads, and tells what the memory functions say.
USES_HEADERS = r'''
#include <pthread.h>
#include <string.h>
#include "atomic.h"
#include "malloc_hook.h"
#include "mem_info.h"
#include "rwlock.h"
#include "skynet.h"
#include "spinlock.h"

enum { kThreads = 4, kRounds = 20000 };
struct counters {
  struct spinlock lock;
  struct rwlock rw;
  ATOM_INT atomic;
  long spun, written, torn;
  AtomicMemInfo info;
};

static void* count(void* ud) {
  struct counters* c = ud;
  for (int i = 0; i < kRounds; i++) {
    SPIN_LOCK(c) c->spun++; SPIN_UNLOCK(c)
    rwlock_wlock(&c->rw);
    c->written++;
    rwlock_wunlock(&c->rw);
    rwlock_rlock(&c->rw);
    long before = c->written;
    if (c->written != before) c->torn++;
    rwlock_runlock(&c->rw);
    ATOM_FINC(&c->atomic);
    atomic_meminfo_alloc(&c->info, 2);
  }
  return NULL;
}

void* headers_create(void) { return skynet_malloc(1); }
void headers_release(void* p) { skynet_free(p); }
int headers_init(void* p, struct skynet_context* ctx, const char* parm) {
  struct counters c;
  memset(&c, 0, sizeof c);
  SPIN_INIT(&c)
  rwlock_init(&c.rw);
  atomic_meminfo_init(&c.info);
  ATOM_INIT(&c.atomic, 0);
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; i++) pthread_create(&threads[i], NULL, count, &c);
  for (int i = 0; i < kThreads; i++) pthread_join(threads[i], NULL);
  MemInfo sum;
  meminfo_init(&sum);
  atomic_meminfo_merge(&sum, &c.info);
  skynet_error(ctx, "counted %ld %ld %ld %d %zu", c.spun, c.written, c.torn, ATOM_LOAD(&c.atomic), sum.alloc);
  skynet_error(ctx, "tried %d %d", ATOM_CAS(&c.atomic, kThreads * kRounds, 5), spinlock_trylock(&c.lock) && !spinlock_trylock(&c.lock));
  skynet_error(ctx, "memory %d %d %d", malloc_used_memory() > 0, mallctl_cmd("no such command") != 0,
               mallctl_int64("no such value", NULL) == 0);
  dump_c_mem();
  SPIN_DESTROY(&c)
  return 0;
}
'''


@each_engine
def a_service_that_uses_the_headers_for_locks_and_memory_runs(place):
    place.library("headers", USES_HEADERS)
    place.write("starts.lua", 'local skynet = require "skynet"\nrequire "skynet.manager"\n'
                              'skynet.start(function() assert(skynet.launch "headers") skynet.abort() end)\n')
    status, said = place.node('start = "starts"')
    assert status == 0 and "counted 80000 80000 0 80000 160000" in said, status
    assert "tried 1 1" in said and "memory 1 1 1" in said and "+total: " in said


# Recursion that no compiler turns into a loop; the handler of a message begins it.
ENDLESS = r'''
#include <string.h>
#include "skynet.h"

static int deeper(volatile char* above) {
  volatile char here[256];
  here[0] = above[0];
  return deeper(here) + here[0];
}
static int on_message(struct skynet_context* ctx, void* ud, int type, int session, uint32_t source, const void* msg, size_t sz) {
  (void)ud; (void)type; (void)session; (void)source; (void)msg; (void)sz;
  skynet_error(ctx, "falls");
  volatile char first[1] = {1};
  return deeper(first) & 1;
}
void* endless_create(void) { return skynet_malloc(1); }
void endless_release(void* p) { skynet_free(p); }
int endless_init(void* p, struct skynet_context* ctx, const char* parm) {
  (void)parm;
  skynet_callback(ctx, p, on_message);
  return 0;
}
'''


@once
def a_c_service_that_calls_itself_without_end_is_named_before_the_process_falls(place):
    if Path(place.bin).name != "runtime":
        raise Skip("the sanitizer tells of it itself")
    place.library("endless", ENDLESS)
    place.write("starts.lua", 'local skynet = require "skynet"\nrequire "skynet.manager"\n'
                              'skynet.start(function() skynet.send(assert(skynet.launch "endless"), "lua") end)\n')
    status, said = place.node('start = "starts"')
    assert status == -signal.SIGSEGV, status
    handle = re.search(r"\[(:\w+)\] LAUNCH endless", said)[1]
    assert f"[{handle}] stack overflow in C: " in said, said
