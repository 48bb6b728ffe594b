/* Memory as threads see it: what one writes waits in a store buffer of its own, and becomes visible
 * to the others at any later time, in order. Its own loads see it at once. Only fence() waits until
 * all is visible. So a load may overtake the stores before it, as on x86; and those of atomic
 * additions whose result nobody uses, as on ARM.
 *
 * Before the include: VARIABLES, THREADS. */

#define DEPTH 6
#define SET 0
#define ADD 1

typedef Buffer {
  byte variable[DEPTH];
  bit kind[DEPTH];
  short value[DEPTH];
  byte size
}
short memory[VARIABLES];
byte owner[VARIABLES]; /* who is between load and store of an addition, + 1 */
Buffer buffer[THREADS];

inline put(v, k, x) {
  atomic {
    buffer[self].size < DEPTH ->
    buffer[self].variable[buffer[self].size] = v;
    buffer[self].kind[buffer[self].size] = k;
    buffer[self].value[buffer[self].size] = x;
    buffer[self].size++
  }
}
inline store(v, x) { put(v, SET, x) }
inline add(v, x) { put(v, ADD, x) }

/* `seen` and `at` are variables of the process. */
inline load(v) {
  d_step {
    seen = memory[v];
    at = 0;
    do
    :: at < buffer[self].size ->
      if
      :: buffer[self].variable[at] == v && buffer[self].kind[at] == SET ->
        seen = buffer[self].value[at]
      :: buffer[self].variable[at] == v && buffer[self].kind[at] == ADD ->
        seen = seen + buffer[self].value[at]
      :: else
      fi;
      at++
    :: else -> break
    od;
    at = 0
  }
}

inline fence() { buffer[self].size == 0 }

/* An addition whose result is used. What came before is visible before it; itself it may become so
 * later, but nobody changes the variable meanwhile. */
inline add_and_load(v, x) {
  atomic {
    buffer[self].size == 0 && owner[v] == 0 ->
    owner[v] = self + 1;
    seen = memory[v] + x;
    store(v, seen)
  }
}

/* unlock() is a plain store, like that of TinyMutex. What stands between the two is written in one
 * atomic {} with both: others see of it what leaves the store buffer, and that one after the other. */
inline lock(v) { atomic { memory[v] == 0 -> memory[v] = 1 } }
inline unlock(v) { store(v, 0) }

/* The oldest entry of some buffer becomes visible. */
inline drain(thread) {
  d_step {
    buffer[thread].size > 0 && (owner[buffer[thread].variable[0]] == 0 || owner[buffer[thread].variable[0]] == thread + 1) ->
    owner[buffer[thread].variable[0]] = 0;
    if
    :: buffer[thread].kind[0] == SET -> memory[buffer[thread].variable[0]] = buffer[thread].value[0]
    :: else ->
      memory[buffer[thread].variable[0]] = memory[buffer[thread].variable[0]] + buffer[thread].value[0]
    fi;
    buffer[thread].size--;
    moved = 0;
    do
    :: moved < buffer[thread].size ->
      buffer[thread].variable[moved] = buffer[thread].variable[moved + 1];
      buffer[thread].kind[moved] = buffer[thread].kind[moved + 1];
      buffer[thread].value[moved] = buffer[thread].value[moved + 1];
      moved++
    :: else -> break
    od;
    buffer[thread].variable[moved] = 0;
    buffer[thread].kind[moved] = 0;
    buffer[thread].value[moved] = 0;
    moved = 0
  }
}
