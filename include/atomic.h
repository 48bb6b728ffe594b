/* Atomic operations, under the names that C services written for skynet use. All are sequentially consistent.
 *
 *   ATOM_INT n;  ATOM_INIT(&n, 1);  ATOM_FINC(&n);  if (ATOM_CAS(&n, 2, 3)) ...
 *
 * ATOM_F* give the value before the change; ATOM_INC, _DEC, _ADD, _SUB, _AND, which older services use, the one after it. */
#ifndef SKYNET_ATOMIC_H
#define SKYNET_ATOMIC_H

#include <stddef.h>
#include <stdint.h>

#define ATOM_BYTE volatile unsigned char
#define ATOM_INT volatile int
#define ATOM_POINTER volatile uintptr_t
#define ATOM_SIZET volatile size_t
#define ATOM_ULONG volatile unsigned long

#define ATOM_INIT(ptr, value) (*(ptr) = (value))
#define ATOM_LOAD(ptr) __atomic_load_n((ptr), __ATOMIC_SEQ_CST)
#define ATOM_STORE(ptr, value) __atomic_store_n((ptr), (value), __ATOMIC_SEQ_CST)

/* True when *ptr was `expected`, and is `desired` now. */
#define ATOM_CAS(ptr, expected, desired) __sync_bool_compare_and_swap((ptr), (expected), (desired))
#define ATOM_CAS_ULONG(ptr, expected, desired) ATOM_CAS(ptr, expected, desired)
#define ATOM_CAS_SIZET(ptr, expected, desired) ATOM_CAS(ptr, expected, desired)
#define ATOM_CAS_POINTER(ptr, expected, desired) ATOM_CAS(ptr, expected, desired)

#define ATOM_FINC(ptr) __sync_fetch_and_add((ptr), 1)
#define ATOM_FDEC(ptr) __sync_fetch_and_sub((ptr), 1)
#define ATOM_FADD(ptr, n) __sync_fetch_and_add((ptr), (n))
#define ATOM_FSUB(ptr, n) __sync_fetch_and_sub((ptr), (n))
#define ATOM_FAND(ptr, n) __sync_fetch_and_and((ptr), (n))

#define ATOM_INC(ptr) __sync_add_and_fetch((ptr), 1)
#define ATOM_DEC(ptr) __sync_sub_and_fetch((ptr), 1)
#define ATOM_ADD(ptr, n) __sync_add_and_fetch((ptr), (n))
#define ATOM_SUB(ptr, n) __sync_sub_and_fetch((ptr), (n))
#define ATOM_AND(ptr, n) __sync_and_and_fetch((ptr), (n))

#endif
