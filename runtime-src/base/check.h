// RUNTIME_CHECK: a broken invariant is our own bug, and ends the process, in release builds too.
#pragma once

#include <cstdio>
#include <cstdlib>

#define RUNTIME_CHECK(condition, meaning)                                                   \
  do {                                                                                      \
    if (!(condition)) [[unlikely]] {                                                        \
      std::fprintf(stderr, "%s:%d: check failed: %s: %s\n", __FILE__, __LINE__, #condition, \
                   meaning);                                                                \
      std::abort();                                                                         \
    }                                                                                       \
  } while (0)
