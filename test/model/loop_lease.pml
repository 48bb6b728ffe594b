/* Who turns the loop of an I/O thread: runtime-src/net/loop_lease.h. Checked: never do two have the
 * loop; and whenever nothing moves, be it that a worker runs for long or that all is done, the thread
 * has the loop, or a worker waits in it.
 * TURNS times a worker borrows the loop, OFFERS times the thread offers it. The thread's timed sleeps
 * end by themselves; how many quiet looks it takes before it sleeps for good is left open.
 *
 * holds: OFFERS=1 TURNS=3
 * holds: OFFERS=2 TURNS=2
 *
 * Who puts the loop back does not call the thread that sleeps for good:
 * fails: OFFERS=1 TURNS=3 NO_CALL
 * It goes to sleep for good without saying so in the same step:
 * fails: OFFERS=1 TURNS=3 SAYS_LATE
 */

#define WORKERS 2
#define THREAD 2
#define THREADS 3

#define STATE 0
#define TURN 1 /* LoopLease::turns_ */
#define CALL 2
#define VARIABLES 3
#define kOwned 0
#define kOffered 1
#define kBorrowed 2
#define kUnwatched 3

#include "memory.pml"

bool in_futex;         /* the thread sleeps in the kernel */
bool waits[WORKERS];   /* in the loop, for what comes */
bool runs[WORKERS];    /* a service that takes long */
byte turning;          /* how many have the loop */
byte turns = TURNS;    /* that workers will still take */
bool comes;            /* something for whoever waits in the loop */

/* A compare-exchange: `found` is whether it took place. */
inline exchange_if(expected, next) {
  atomic {
    buffer[self].size == 0 ->
    found = (memory[STATE] == expected);
    if
    :: found -> memory[STATE] = next
    :: else
    fi
  }
}

/* LoopLease::call_thread() */
inline call_thread() {
  store(CALL, 1);
  fence(); /* the kernel's, in futex_wake() */
  in_futex = false
}

/* LoopLease::stand_by() */
inline stand_by() {
  load(TURN);
  seen_turns = seen;
  do
  :: /* A look. Those that would see nothing new are left out. */
end_looking:
    memory[CALL] != 0 || memory[STATE] != kBorrowed || memory[TURN] != seen_turns || !dozed;
    found = false;
    atomic { buffer[self].size == 0 -> called = memory[CALL]; memory[CALL] = 0 };
    load(STATE);
    state = seen;
    if
    :: state == kOwned -> break
    :: else
    fi;
    load(TURN);
    turned = (seen != seen_turns);
    seen_turns = seen;
    if
    :: state == kOffered && !turned && !called -> exchange_if(kOffered, kOwned)
    :: else
    fi;
    if
    :: found -> break
    :: else
    fi;
    dozed = false;
    if
    :: called || turned
    :: else ->
      if
      :: true /* one of the looks before the last one */
      :: true ->
#ifdef SAYS_LATE
        found = (memory[STATE] == kBorrowed);
#else
        exchange_if(kBorrowed, kUnwatched);
#endif
        if
        :: found ->
          do
          :: load(CALL);
            if
            :: seen != 0 -> break
            :: else ->
              fence(); /* the kernel's */
              atomic { in_futex = (memory[CALL] == 0) };
end_dozing:
              !in_futex
            fi
          od
        :: else
        fi
      fi;
      dozed = true
    fi
  od;
  called = false; turned = false; found = false; dozed = false; state = 0; seen_turns = 0
}

/* IoThread::run() */
proctype thread(byte self) {
  bool found, called, turned, dozed;
  short seen, state, seen_turns;
  byte at, offers;
  turning++;
  do
  :: offers < OFFERS ->
    offers++;
    turning--;
    atomic { buffer[self].size == 0 -> memory[STATE] = kOffered }; /* offer() */
    stand_by();
    turning++;
    assert(turning == 1)
  :: else -> break
  od
}

/* Scheduler::turn_loop() */
proctype worker(byte self) {
  bool found;
  short seen;
  byte at;
  do
  :: atomic { turns > 0 -> turns-- };
    /* borrow() */
    load(STATE);
    if
    :: seen == kOffered -> exchange_if(kOffered, kBorrowed)
    :: else
    fi;
    if
    :: found ->
      found = false;
      turning++;
      assert(turning == 1);
      load(TURN);
      store(TURN, seen + 1);
      waits[self] = true;
end_waiting:
      comes;
      d_step { waits[self] = false; comes = false };
      turning--;
      if
      :: /* put_back() */
        atomic { buffer[self].size == 0 -> seen = memory[STATE]; memory[STATE] = kOffered };
#ifndef NO_CALL
        if
        :: seen == kUnwatched -> call_thread()
        :: else
        fi
#endif
      :: /* give_back() */
        atomic { buffer[self].size == 0 -> memory[STATE] = kOwned };
        call_thread()
      fi;
      if
      :: runs[self] = true;
end_running:
        !runs[self]
      :: true
      fi
    :: else
    fi
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
  byte events = TURNS;
  atomic {
    run worker(0);
    run worker(1);
    run thread(THREAD);
    run drainer()
  }
  do
  :: timeout ->
    assert(turning == 1);
    if
    :: d_step { events > 0 && (waits[0] || waits[1]) -> events--; comes = true }
    :: d_step { runs[0] || runs[1] -> runs[0] = false; runs[1] = false }
    :: else -> break
    fi
  od
}
