/* Parking and waking: runtime-src/core/parking.h, and what the scheduler does around it.
 * Checked, whenever nothing moves, be it that a service runs for long or that all is done:
 * nothing is queued while a worker sleeps and a core is free; and in the end all counts are 0.
 * CORES cores; SENT services become runnable from outside, and MORE on workers.
 *
 * holds: CORES=1 SENT=1 MORE=1
 * holds: CORES=1 SENT=2 MORE=0
 * holds: CORES=2 SENT=1 MORE=1
 * holds: CORES=2 SENT=2 MORE=0
 *
 * A worker that has parked does not look once more:
 * fails: CORES=2 SENT=2 MORE=0 NO_RECHECK
 * One of the fences in wake_for_work(), park() and end_search() is not there:
 * fails: CORES=2 SENT=2 MORE=0 NO_WAKER_FENCE
 * fails: CORES=2 SENT=2 MORE=0 NO_SLEEPER_FENCE
 * fails: CORES=2 SENT=2 MORE=0 NO_SEARCHER_FENCE
 * The futex is woken before its word is written:
 * fails: CORES=2 SENT=2 MORE=0 WORD_AFTER_WAKE
 * The last one that searched does not look whether there is more:
 * fails: CORES=2 SENT=2 MORE=0 NO_LAST_LOOK
 */

#define WORKERS 2
#define PRODUCER 2 /* any thread that is no worker */
#define THREADS 3

#define SHARED_SIZE 0 /* all queues are one here */
#define ACTIVE 1
#define SEARCHING 2
#define SHARED_MUTEX 3
#define PARKED_MUTEX 4
#define WAKE 5 /* one of each worker */
#define VARIABLES 7
#define kAsleep 0
#define kWork 1

#include "memory.pml"

bool parked[WORKERS];   /* guarded by PARKED_MUTEX */
byte last;              /* which was parked last; the same */
bool in_futex[WORKERS]; /* sleeps in the kernel */
bool runs[WORKERS];     /* a service that takes long */
byte more = MORE;       /* services that workers make runnable */

/* Parking::wake_one(kWork) */
inline wake_one() {
  atomic {
    lock(PARKED_MUTEX);
    found = parked[0] || parked[1];
    if
    :: found ->
      if
      :: parked[last] -> other = last
      :: else -> other = 1 - last
      fi;
      parked[other] = false;
      add(ACTIVE, 1);
      add(SEARCHING, 1)
    :: else
    fi;
    unlock(PARKED_MUTEX)
  };
  if
  :: !found
  :: else ->
#ifndef WORD_AFTER_WAKE
    store(WAKE + other, kWork);
#endif
    fence(); /* the kernel's, in futex_wake() */
    in_futex[other] = false;
#ifdef WORD_AFTER_WAKE
    store(WAKE + other, kWork);
#endif
    d_step { found = false; other = 0 }
  fi
}

/* Parking::wake_for_work() */
inline wake_for_work() {
#ifndef NO_WAKER_FENCE
  fence();
#endif
  load(ACTIVE);
  if
  :: seen >= CORES || seen >= WORKERS
  :: else ->
    load(SEARCHING);
    if
    :: seen != 0
    :: else -> wake_one()
    fi
  fi
}

/* Scheduler::share(), and Worker::enqueue() with what follows it */
inline share() {
  atomic {
    lock(SHARED_MUTEX);
    load(SHARED_SIZE);
    store(SHARED_SIZE, seen + 1);
    unlock(SHARED_MUTEX)
  };
  wake_for_work()
}

/* Scheduler::take_shared(), Worker::pop() and steal(): `found` */
inline take() {
  found = false;
  load(SHARED_SIZE);
  if
  :: seen == 0
  :: else ->
    atomic {
      lock(SHARED_MUTEX);
      load(SHARED_SIZE);
      if
      :: seen == 0
      :: else ->
        found = true;
        store(SHARED_SIZE, seen - 1)
      fi;
      unlock(SHARED_MUTEX)
    }
  fi
}

/* Parking::park() */
inline park() {
  store(WAKE + self, kAsleep);
  atomic {
    lock(PARKED_MUTEX);
    parked[self] = true;
    last = self;
    add(SEARCHING, -1);
    add(ACTIVE, -1);
    unlock(PARKED_MUTEX)
  };
#ifndef NO_SLEEPER_FENCE
  fence()
#endif
}

/* Parking::leave(): `found` is whether it has left */
inline leave() {
  atomic {
    lock(PARKED_MUTEX);
    found = parked[self];
    if
    :: found ->
      parked[self] = false;
      add(ACTIVE, 1);
      add(SEARCHING, 1)
    :: else
    fi;
    unlock(PARKED_MUTEX)
  }
}

/* Parking::sleep(). */
inline sleep() {
  do
  :: load(WAKE + self);
    if
    :: seen != kAsleep -> break
    :: else ->
      fence(); /* the kernel's */
      /* It compares the word under the lock of futex_wake(). */
      atomic { in_futex[self] = (memory[WAKE + self] == kAsleep) };
end_asleep:
      !in_futex[self]
    fi
  od
}

/* Scheduler::work() */
proctype worker(byte self) {
  bool searching = true, found = false;
  short seen;
  byte at, other;
  do
  :: take();
    if
    :: found ->
      if
      :: searching ->
        /* Parking::end_search() */
        searching = false;
        add_and_load(SEARCHING, -1);
#ifndef NO_LAST_LOOK
        if
        :: seen == 0 ->
#ifndef NO_SEARCHER_FENCE
          fence();
#endif
          load(SHARED_SIZE);
          if
          :: seen != 0 -> wake_for_work()
          :: else
          fi
        :: else
        fi
#endif
      :: else
      fi;
      /* run() */
      if
      :: atomic { more > 0 -> more-- };
        share()
      :: true
      fi;
      if
      :: runs[self] = true;
end_of_run:
        !runs[self]
      :: true
      fi
    :: !found && !searching ->
      add(SEARCHING, 1); /* Parking::begin_search() */
      searching = true
    :: else ->
      /* wait() */
      park();
#ifdef NO_RECHECK
      found = false;
#else
      load(SHARED_SIZE);
      if
      :: seen != 0 -> leave()
      :: else -> found = false
      fi;
#endif
      if
      :: found
      :: else -> sleep()
      fi
    fi
  od
}

proctype producer(byte self) {
  bool found;
  short seen;
  byte at, other, sent;
  do
  :: sent < SENT -> share(); sent++
  :: else -> break
  od
}

proctype drainer() {
  byte moved;
end_drained:
  do
  :: drain(0)
  :: drain(1)
  :: drain(2)
  od
}

init {
  atomic {
    memory[ACTIVE] = WORKERS;
    memory[SEARCHING] = WORKERS;
    run worker(0);
    run worker(1);
    run producer(PRODUCER);
    run drainer()
  }
  do
  :: timeout ->
    assert(memory[SHARED_SIZE] == 0 || memory[ACTIVE] >= CORES);
    if
    :: d_step { runs[0] || runs[1] -> runs[0] = false; runs[1] = false }
    :: else -> break
    fi
  od;
  assert(memory[SHARED_SIZE] == 0 && memory[ACTIVE] == 0 && memory[SEARCHING] == 0)
}
