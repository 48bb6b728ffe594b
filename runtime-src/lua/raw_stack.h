// How the engine keeps the values of the function that runs, for reading and moving them without a call for each.
//
// As raw_table.h: no part of the engine's interface, compared with what that says by raw_values_known(). Where that is
// false nothing is found here, and what is moved is moved by the interface.
//
// Threads:   a state's stacks from the thread that runs it.
// Ownership: none. What is found stays valid until something is pushed, popped or run.
#pragma once

#include <cstddef>

#include "lua/raw_table.h"

namespace runtime::RUNTIME_ENGINE {

#ifdef RUNTIME_LUA54

struct RawCall {
  RawValue* function;  // its arguments follow
};

struct RawThread {
  void* next;
  std::uint8_t tag, marked, status, allows_hooks;
  std::uint16_t calls;
  RawValue* top;
  void* global;
  RawCall* call;

  const RawValue* base() const { return call->function + 1; }
};

struct RawUserdata {
  void* next;
  std::uint8_t tag, marked;
  std::uint16_t values;
  std::size_t size;
  const void* metatable;
};

// The full userdata that the value is, else null.
inline const RawUserdata* find_userdata(const RawValue& value) {
  return value.tag == 0x47 ? static_cast<const RawUserdata*>(value.object) : nullptr;
}

#else  // LuaJIT

// The beginning of what all coroutines of a state have in common.
struct RawGlobal {
  lua_Alloc allocator;
  void* allocator_data;
};

struct RawThread {
  void* next;
  std::uint8_t marked, tag, frame_id, status;
  const RawGlobal* global;
  void* gray;
  RawValue* first;
  RawValue* top;

  const RawValue* base() const { return first; }
};

struct RawUserdata {
  void* next;
  std::uint8_t marked, tag, kind, unused;
  void* environment;
  std::uint32_t size;
  const void* metatable;
};

// The full userdata that the value is, else null.
inline const RawUserdata* find_userdata(const RawValue& value) {
  return ~value.tag() == 12 ? value.reference<RawUserdata>() : nullptr;
}

#endif

inline RawThread& raw_thread(lua_State* L) { return *reinterpret_cast<RawThread*>(L); }

// ---- beginning a coroutine ----

#ifdef RUNTIME_LUAJIT
// LuaJIT's lj_vm_resume (see the Makefile), which lua_resume() calls when it has moved all arguments by one place.
extern "C" int runtime_jit_resume(lua_State* co, RawValue* first_argument, int, std::ptrdiff_t);

// The function, and a place that the engine's frame takes.
constexpr int kBeforeArguments = 2;
#else
constexpr int kBeforeArguments = 1;  // the function
#endif

// Begins a frame on the stack of a coroutine that has not begun, or has ended: its arguments come behind. Raw values are
// known, and there is room.
inline void begin_frame(lua_State* co, const RawValue& function) {
  RawThread& thread = raw_thread(co);
  thread.top[0] = function;
#ifdef RUNTIME_LUAJIT
  thread.top[1] = RawValue::nil();
#endif
  thread.top += kBeforeArguments;
}

// lua_resume() of such a coroutine.
inline int resume_frame(lua_State* co, [[maybe_unused]] lua_State* from, int arguments,
                        int* results) {
#ifdef RUNTIME_LUAJIT
  const int status = runtime_jit_resume(co, raw_thread(co).top - arguments, 0, 0);
  *results = static_cast<int>(raw_thread(co).top - raw_thread(co).base());
  return status;
#else
  return lua_resume(co, from, arguments, results);
#endif
}

#ifdef RUNTIME_LUAJIT
// What the state's allocator was given with it, as lua_getallocf() says.
inline void* allocator_data(lua_State* L) {
  if (raw_values_known()) [[likely]]
    return raw_thread(L).global->allocator_data;
  void* data;
  lua_getallocf(L, &data);
  return data;
}
#endif

// The values of the running function, its arguments when it begins. None when they are not known.
struct RawValues {
  const RawValue* first = nullptr;
  const RawValue* end = nullptr;

  explicit RawValues(lua_State* L) {
    if (!raw_values_known()) return;
    first = raw_thread(L).base();
    end = raw_thread(L).top;
  }
  // The value at `index`, counted from 1; null when there is none.
  const RawValue* find(int index) const {
    return index <= end - first ? first + (index - 1) : nullptr;
  }
};

// The number that the value is, if it is one as handles and ids usually are: whole, and above 0 in 32 bits. Else 0, also
// for no value. An integer of 5.4 is cut off to that.
inline std::uint32_t plain_uint32(const RawValue* value) {
  if (value == nullptr) return 0;
  if (value->kind() == RawKind::integer) return static_cast<std::uint32_t>(value->integer());
  if (value->kind() != RawKind::real || !(value->real() > 0 && value->real() < 0x1p32)) return 0;
  const auto number = static_cast<std::uint32_t>(value->real());
  return static_cast<double>(number) == value->real() ? number : 0;
}

// lua_xmove(): the uppermost `count` values of `from` go to `to`, which has room for them.
inline void move_values(lua_State* from, lua_State* to, int count) {
  if (!raw_values_known()) return lua_xmove(from, to, count);
  RawThread& source = raw_thread(from);
  RawThread& target = raw_thread(to);
  source.top -= count;
  for (int i = 0; i < count; ++i) target.top[i] = source.top[i];
  target.top += count;
}

// Pushes a value that something else refers to as well. Raw values are known, and there is room for it.
inline void push_value(lua_State* L, const RawValue& value) { *raw_thread(L).top++ = value; }

// lua_pushinteger(): there is room for it.
inline void push_number(lua_State* L, std::int64_t number) {
  if (!raw_values_known()) return lua_pushinteger(L, static_cast<lua_Integer>(number));
  push_value(L, RawValue::of(number));
}

// lua_pushboolean(), likewise.
inline void push_boolean(lua_State* L, bool value) {
  if (!raw_values_known()) return lua_pushboolean(L, value);
  push_value(L, RawValue::of(value));
}

}  // namespace runtime::RUNTIME_ENGINE
