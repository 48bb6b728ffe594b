// Unpacking what most messages are: at most kMostPlain values, each a number, a boolean, nil or a string that is known. None
// of them is made, so that nothing raises, and they are written where the coroutine that gets them takes them.
//
// In a header, as it is part of the way of each message: a request's (task_scheduler.cc) and a reply's (task_replies.cc).
#pragma once

#include "lua/known_strings.h"
#include "lua/raw_stack.h"
#include "lua/seri_format.h"

namespace runtime::RUNTIME_ENGINE {

constexpr int kMostPlain = 6;

// unpack() for these, with `strings` the ones that are known (null: there are none). For others it pushes nothing and gives
// -1. Raw values are known (raw_table.h), and the stack has room.
[[gnu::always_inline]] inline int unpack_plain(lua_State* L, const void* data, std::size_t size,
                                               const KnownStrings* strings) {
  const Byte* at = static_cast<const Byte*>(data);
  const Byte* const end = at + size;
  RawThread& thread = raw_thread(L);
  RawValue* top = thread.top;
  RawValue* const full = top + kMostPlain;
  while (at != end) {
    const std::size_t bytes = kBytes[*at];
    if (top == full || bytes > kMaxFixed || bytes > static_cast<std::size_t>(end - at)) return -1;
    switch (*at & kTypeMask) {
      case kShortString: {
        if (strings == nullptr) return -1;
        const RawString* const string =
            strings->find(reinterpret_cast<const char*>(at + 1), *at >> kTypeBits);
        if (string == nullptr) return -1;
        *top++ = RawValue::of_string(string);
        break;
      }
      case kNumber:
        if (*at == head(kNumber, kDouble)) {
          *top++ = RawValue::of(get<double>(at + 1));
        } else {
#ifdef RUNTIME_LUAJIT
          if (*at == head(kNumber, kI64)) return -1;  // it may become cdata
#endif
          *top++ = RawValue::of(get_integer(at));
        }
        break;
      case kBoolean: *top++ = RawValue::of(*at >> kTypeBits != 0); break;
      case kNil: *top++ = RawValue::nil(); break;
      default: return -1;
    }
    at += bytes;
  }
  const auto count = static_cast<int>(top - thread.top);
  thread.top = top;
  return count;
}

}  // namespace runtime::RUNTIME_ENGINE
