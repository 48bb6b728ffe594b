/* Parking, waking and watching: runtime-src/core/parking.h, watcher.h, and what the scheduler does
 * around them. Checked, whenever nothing moves, be it that a service runs for long or that all is
 * done: nothing is queued while a worker sleeps and a core is free; nothing is in a slot while its
 * worker is at one service and the other one at none; and in the end all counts are 0.
 * CORES cores; SENT services become runnable from outside, and MORE on workers, in the queue or,
 * with WATCH, in the slot. That a watcher dozes is left out: it looks all the same, only later.
 * With BOTH it is the thread outside that calls the watcher, together with a worker.
 * With LOOP a worker may wait in a loop in the place of its sleep, where EVENTS services become
 * runnable while it waits; who it is that has the loop is the affair of loop_lease.pml.
 *
 * holds: CORES=1 SENT=1 MORE=1
 * holds: CORES=1 SENT=2 MORE=0
 * holds: CORES=2 SENT=1 MORE=1
 * holds: CORES=2 SENT=2 MORE=0
 * holds: CORES=2 SENT=1 MORE=1 WATCH
 * holds: CORES=2 SENT=1 MORE=1 WATCH BOTH
 * holds: CORES=1 SENT=1 MORE=0 LOOP EVENTS=1
 * holds: CORES=2 SENT=2 MORE=0 LOOP EVENTS=1
 * holds: CORES=2 SENT=1 MORE=0 LOOP EVENTS=1 WATCH
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
 * Who fills a slot does not call the watcher:
 * fails: CORES=2 SENT=1 MORE=1 WATCH NO_CALL
 * A call in vain does not look whether somebody has parked meanwhile, and found it watched:
 * fails: CORES=2 SENT=1 MORE=1 WATCH NO_SECOND_CALL
 * Who brings work, and finds nobody to watch, stays in office:
 * fails: CORES=2 SENT=1 MORE=1 WATCH BOTH NO_CANCEL
 * Or leaves it without a fence before looking who has parked meanwhile:
 * fails: CORES=2 SENT=1 MORE=1 WATCH BOTH NO_CANCEL_FENCE
 * A worker that parks does not ask whether to watch, nor does one that has just watched:
 * fails: CORES=2 SENT=1 MORE=1 WATCH NO_BEGIN
 * A worker begins to wait in the loop though it was woken meanwhile:
 * fails: CORES=2 SENT=2 MORE=0 LOOP EVENTS=0 NO_COMPARE
 * Who wakes it looks where it sleeps before writing the word, not in the same step:
 * fails: CORES=2 SENT=2 MORE=0 LOOP EVENTS=0 NO_EXCHANGE
 * One that has left the loop while somebody wakes it does not say that it sleeps elsewhere now:
 * fails: CORES=2 SENT=2 MORE=0 LOOP EVENTS=1 NO_MOVE
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
#define NEXT 7 /* the slot of each worker */
#define STATE 9 /* Watcher::state_ */
#define VARIABLES 10
#define kAsleep 0
#define kWork 1
#define kWatch 2
#define kInLoop 3
#define kNobody 0
#define kLooks 1

#include "memory.pml"

bool parked[WORKERS];   /* guarded by PARKED_MUTEX */
byte last;              /* which was parked last; the same */
bool in_futex[WORKERS]; /* sleeps in the kernel */
bool borrowed;          /* LoopLease::kBorrowed: a worker has the loop */
bool loop_woken;        /* EventLoop::wake() */
#ifdef LOOP
byte events = EVENTS;   /* that will come there */
#endif
bool runs[WORKERS];     /* a service that takes long */
byte more = MORE;       /* services that workers make runnable */

/* Parking::wake_one(): `found` is whether one was parked */
inline wake_one(what) {
  atomic {
    lock(PARKED_MUTEX);
    found = parked[0] || parked[1];
    if
    :: found ->
#ifdef LOOP
      if /* which one does not matter: they differ in their ranks */
      :: parked[0] -> other = 0
      :: parked[1] -> other = 1
      fi;
#else
      if
      :: parked[last] -> other = last
      :: else -> other = 1 - last
      fi;
#endif
      parked[other] = false;
      if
      :: what == kWork -> add(ACTIVE, 1); add(SEARCHING, 1)
      :: else
      fi
    :: else
    fi;
    unlock(PARKED_MUTEX)
  };
  if
  :: !found
  :: else ->
#ifdef NO_EXCHANGE
    load(WAKE + other);
    store(WAKE + other, what);
#else
#ifdef WORD_AFTER_WAKE
    seen = kAsleep;
#else
    atomic { buffer[self].size == 0 -> seen = memory[WAKE + other]; memory[WAKE + other] = what };
#endif
#endif
    if
    :: seen == kInLoop -> loop_woken = true
    :: else ->
      fence(); /* the kernel's, in futex_wake() */
      in_futex[other] = false
    fi;
#ifdef WORD_AFTER_WAKE
    store(WAKE + other, what);
#endif
    other = 0
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
    :: else -> wake_one(kWork); found = false
    fi
  fi
}

/* Watcher::take_office(): `found` is whether it was free. It comes after what the thread itself has
 * stored there, but need not wait for its other stores. */
inline take_office() {
  atomic {
    load(STATE);
    memory[STATE] == seen ->
    found = (seen == kNobody);
    if
    :: found -> memory[STATE] = kLooks
    :: else
    fi
  }
}

/* Watcher::slot_filled() and call() */
inline slot_filled() {
  load(STATE);
  if
  :: seen == kLooks
  :: else ->
    load(ACTIVE);
    if
    :: seen == WORKERS
    :: else ->
      take_office();
      do
      :: found ->
        wake_one(kWatch);
        if
        :: found -> break
        :: else -> store(STATE, kNobody)
        fi;
#ifndef NO_SECOND_CALL
        fence();
        /* Parking::anybody_parked() */
        atomic {
          lock(PARKED_MUTEX);
          found = parked[0] || parked[1];
          unlock(PARKED_MUTEX)
        };
        if
        :: found -> take_office()
        :: else
        fi
#endif
      :: else -> break
      od
    fi
  fi;
  found = false
}

/* Watcher::wake_for_work(), by a thread that is no worker. The two are chosen in one step there. */
inline wake_for_work_and_to_watch() {
  take_office();
  if
  :: found ->
    wake_for_work();
    wake_one(kWatch);
#ifndef NO_CANCEL
    if
    :: found
    :: else -> /* Watcher::cancel() */
      store(STATE, kNobody);
#ifndef NO_CANCEL_FENCE
      fence();
#endif
      slot_filled()
    fi;
#endif
    found = false
  :: else -> wake_for_work()
  fi
}

/* Worker::take_next() of `whose`: `found` */
inline take_next(whose) {
  atomic {
    buffer[self].size == 0 ->
    found = memory[NEXT + whose];
    memory[NEXT + whose] = 0
  }
}

/* Watcher::watch(): `found` is whether it has taken something over */
inline watch() {
  do
  :: load(ACTIVE);
    anybody_active = (seen != 0);
    take_next(1 - self);
    if
    :: found -> break
    :: else -> load(SHARED_SIZE)
    fi;
    if
    :: seen != 0 && memory[SEARCHING] == 0 && memory[ACTIVE] < CORES -> break
    :: else
    fi;
    if
    :: !anybody_active -> break /* enough such looks */
    :: else ->
      /* Its sleep ends by itself. Looks that would see nothing new are left out. */
end_watching:
      memory[NEXT + 1 - self] != 0 || memory[ACTIVE] == 0 ||
        (memory[SHARED_SIZE] != 0 && memory[SEARCHING] == 0 && memory[ACTIVE] < CORES)
    fi
  od;
  anybody_active = false;
  /* Parking::end_watch() */
  atomic {
    lock(PARKED_MUTEX);
    add(ACTIVE, 1);
    add(SEARCHING, 1);
    unlock(PARKED_MUTEX)
  };
  store(STATE, kNobody)
}

/* WorkerPool::share(), and Worker::enqueue() */
inline enqueue() {
  atomic {
    lock(SHARED_MUTEX);
    load(SHARED_SIZE);
    store(SHARED_SIZE, seen + 1);
    unlock(SHARED_MUTEX)
  }
}

/* Scheduler::share(), and Worker::enqueue() with what follows it */
inline share() {
  enqueue();
  wake_for_work()
}

/* Worker::take(), WorkerPool::take_shared() and steal(): `found` */
inline take() {
  d_step { found = taken_over; taken_over = false };
#ifdef WATCH
  if
  :: !found -> take_next(self)
  :: else
  fi;
#endif
  load(SHARED_SIZE);
  if
  :: found || seen == 0
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
inline leave(what) {
  atomic {
    lock(PARKED_MUTEX);
    found = parked[self];
    if
    :: found ->
      parked[self] = false;
      if
      :: what == kWork -> add(ACTIVE, 1); add(SEARCHING, 1)
      :: else
      fi
    :: else
    fi;
    unlock(PARKED_MUTEX)
  }
}

/* A compare-exchange of the own word: `seen` is what was there */
inline move(from, to) {
  atomic {
    buffer[self].size == 0 ->
    seen = memory[WAKE + self];
    if
    :: seen == from -> memory[WAKE + self] = to
    :: else
    fi
  }
}

/* Scheduler::turn_loop(), as far as the worker's sleep or its end of it: `left` */
inline turn_loop() {
#ifdef NO_COMPARE
  load(WAKE + self);
  store(WAKE + self, kInLoop);
#else
  move(kAsleep, kInLoop); /* Parking::sleep_in() */
#endif
  if
  :: seen != kAsleep
  :: else ->
    /* EventLoop::wait() */
end_in_loop:
    if
    :: loop_woken -> loop_woken = false
    :: atomic { events > 0 -> events--; came = true }
    fi;
    leave(kWork);
    left = found
  fi
}

/* Parking::sleep(): `seen` is what it is woken for */
inline sleep() {
#if defined(LOOP) && !defined(NO_MOVE)
  move(kInLoop, kAsleep);
#endif
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
  bool taken_over = false; /* what it has found as the watcher is in its queue */
  bool anybody_active = false, left = false, watches = false;
  bool has_loop = false, came = false; /* something in the loop */
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
#ifdef WATCH
        store(NEXT + self, 1);
#ifndef NO_CALL
        slot_filled()
#endif
#else
        share()
#endif
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
#ifndef NO_RECHECK
      load(SHARED_SIZE);
      if
      :: seen != 0 -> leave(kWork); left = found
      :: else ->
#if defined(WATCH) && !defined(NO_BEGIN)
        /* Watcher::begin() */
        load(ACTIVE);
        if
        :: seen != 0 ->
          take_office();
          if
          :: found ->
            leave(kWatch);
            left = found;
            if
            :: left -> watch(); taken_over = found
            :: else -> store(STATE, kNobody) /* Watcher::cancel() */
            fi
          :: else
          fi
        :: else
        fi
#else
        skip
#endif
      fi;
#endif
#ifdef LOOP
      if
      :: left
      :: else ->
        if
        :: atomic { !borrowed -> borrowed = true; has_loop = true }; turn_loop()
        :: true
        fi
      fi;
#endif
      if
      :: left -> left = false; seen = kWork
      :: else -> sleep()
      fi;
      watches = (seen == kWatch);
#ifdef LOOP
      if
      :: came ->
        came = false;
        enqueue();
        if
        :: watches -> wake_for_work()
        :: else
        fi
      :: else
      fi;
      d_step { borrowed = borrowed && !has_loop; has_loop = false };
#endif
      if
      :: watches -> watches = false; watch(); taken_over = found
      :: else
      fi;
      found = false
    fi
  od
}

proctype producer(byte self) {
  bool found;
  short seen;
  byte at, other, sent;
  do
  :: sent < SENT ->
#ifdef BOTH
    enqueue();
    wake_for_work_and_to_watch();
#else
    share();
#endif
    sent++
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
    assert(memory[NEXT] == 0 || !runs[0] || runs[1]);
    assert(memory[NEXT + 1] == 0 || !runs[1] || runs[0]);
    if
    :: d_step { runs[0] || runs[1] -> runs[0] = false; runs[1] = false }
    :: else -> break
    fi
  od;
  assert(memory[SHARED_SIZE] == 0 && memory[ACTIVE] == 0 && memory[SEARCHING] == 0)
}
