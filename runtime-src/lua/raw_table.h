// How the engine keeps values and tables in memory, for reading a table without two or three calls for each pair of it.
//
// That is no part of the engine's interface. What stands here holds for Lua 5.4 and for LuaJIT 2.1 with 64-bit
// references; raw_values_known() compares it with what the interface says, once in a process. Where it is false, read
// with the interface alone.
//
// Threads:   a state's tables from the thread that runs it.
// Ownership: none. What is read lives as long as its table refers to it and no Lua code runs.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <string_view>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Whether the engine that is linked keeps its tables so, and its stacks (raw_stack.h). False costs the speed alone.
// Asked several times for each message: one look at a byte, once the engine has been probed.
enum class RawProbe : std::int8_t { failed = -1, not_made = 0, passed = 1 };
inline constinit std::atomic<RawProbe> raw_probe{RawProbe::not_made};
bool probe_raw_values();
inline bool raw_values_known() {
  const RawProbe probe = raw_probe.load(std::memory_order_relaxed);
  if (probe == RawProbe::passed) [[likely]]
    return true;
  return probe == RawProbe::not_made && probe_raw_values();
}

enum class RawKind : std::uint8_t { nil, boolean, integer, real, string, table, other };

class RawTable;

// A table and its values are written as well, by record_shapes.cc alone:
//   is_new()        the collector has not looked at it in this cycle: it may be given references without telling it
//   copy_entries()  of a table with as many entries
// Values are made for strings and tables by their address, lua_topointer().

#ifdef RUNTIME_LUA54

constexpr bool kRawInternal = LUA_VERSION_NUM == 504 && sizeof(void*) == 8;

struct RawString {
  void* next;
  std::uint8_t tag, marked, extra, short_length;
  std::uint32_t hash;
  std::size_t long_length;  // of a short one: the next in its bucket

  std::size_t short_size() const { return short_length; }
};

constexpr std::uint8_t kRawShortString = 0x44;

struct RawValue {
  union {
    std::int64_t whole;
    double number;
    const void* object;
  };
  std::uint8_t tag;

  RawKind kind() const {
    struct Kinds {
      constexpr Kinds() {
        for (RawKind& kind : of) kind = RawKind::other;
        for (const int nil : {0x00, 0x10, 0x20}) of[nil] = RawKind::nil;
        for (const int boolean : {0x01, 0x11}) of[boolean] = RawKind::boolean;
        of[0x03] = RawKind::integer;
        of[0x13] = RawKind::real;
        for (const int string : {0x44, 0x54}) of[string] = RawKind::string;
        of[0x45] = RawKind::table;
      }
      RawKind of[128] = {};
    };
    static constexpr Kinds kKinds;
    return kKinds.of[tag & 0x7f];
  }
  bool is_nil() const { return (tag & 0x0f) == 0; }
  bool is_pointer() const { return tag == 0x02; }  // a light userdata
  bool boolean() const { return tag == 0x11; }
  std::int64_t integer() const { return whole; }
  double real() const { return number; }
  std::string_view text() const {
    const auto* string = static_cast<const RawString*>(object);
    return {reinterpret_cast<const char*>(string + 1),
            tag == kRawShortString ? string->short_length : string->long_length};
  }
  const RawTable& table() const { return *static_cast<const RawTable*>(object); }
  // Of a string: no other one has the same bytes.
  bool is_interned() const { return tag == kRawShortString; }

  static RawValue nil() { return {{0}, 0x00}; }
  static RawValue of(bool value) { return {{0}, static_cast<std::uint8_t>(value ? 0x11 : 0x01)}; }
  static RawValue of(std::int64_t value) { return {{value}, 0x03}; }
  static RawValue of(double value) { return {{std::bit_cast<std::int64_t>(value)}, 0x13}; }
  static RawValue of_string(const void* string) {
    const auto tag = static_cast<std::uint8_t>(static_cast<const RawString*>(string)->tag | 0x40);
    return {{reinterpret_cast<std::int64_t>(string)}, tag};
  }
  static RawValue of_table(const void* table) {
    return {{reinterpret_cast<std::int64_t>(table)}, 0x45};
  }
};

struct RawEntry {
  std::int64_t value_bits;
  std::uint8_t value_tag, key_tag;
  std::int32_t next;
  std::int64_t key_bits;

  bool is_empty() const { return (value_tag & 0x0f) == 0; }
  RawValue key() const { return {{key_bits}, key_tag}; }
  RawValue value() const { return {{value_bits}, value_tag}; }
  // What differs where another key or value is, but for the number that an address would be.
  std::uint64_t key_word() const { return static_cast<std::uint64_t>(key_bits); }
  std::uint64_t value_word() const { return static_cast<std::uint64_t>(value_bits); }
  void set(const RawValue& value) {
    value_bits = value.whole;
    value_tag = value.tag;
  }
};

class RawTable {
 public:
  bool has_metatable() const { return metatable_ != nullptr; }
  const void* metatable() const { return metatable_; }
  // The values of the keys 1 and up.
  const RawValue* array() const { return array_; }
  std::size_t array_size() const {
    // What the engine keeps may be a hint at the table's length, in an array as large as the next power of 2.
    return flags_ & 0x80 ? std::bit_ceil(limit_) : limit_;
  }
  // The value of key 0, when it is not among the entries.
  const RawValue* zero() const { return nullptr; }
  const RawEntry* entries() const { return entries_; }
  RawEntry* entries() { return entries_; }
  std::size_t entry_count() const { return std::size_t{1} << log_entries_; }
  // The entry of an interned string; null when there is none.
  const RawEntry* find(const RawValue& key) const {
    const std::uint32_t hash = static_cast<const RawString*>(key.object)->hash;
    const RawEntry* entry = entries_ + (hash & (entry_count() - 1));
    while (entry->key_bits != key.whole || entry->key_tag != kRawShortString) {
      if (entry->next == 0) return nullptr;
      entry += entry->next;
    }
    return entry;
  }

  std::size_t free_entries() const { return static_cast<std::size_t>(last_free_ - entries_); }
  bool is_new() const { return (marked_ & 0x18) != 0; }
  void copy_entries(const RawTable& from) {
    std::memcpy(entries_, from.entries_, sizeof(RawEntry) << log_entries_);
    last_free_ = entries_ + (from.last_free_ - from.entries_);
    flags_ &= 0x80;
  }

 private:
  [[maybe_unused]] void* next_;
  [[maybe_unused]] std::uint8_t tag_;
  std::uint8_t marked_, flags_, log_entries_;
  std::uint32_t limit_;
  const RawValue* array_;
  RawEntry* entries_;
  RawEntry* last_free_;
  const void* metatable_;
};

#else  // LuaJIT

constexpr bool kRawInternal = LUAJIT_VERSION_NUM == 20100 && sizeof(void*) == 8;

struct RawString {
  void* next;
  std::uint8_t marked, tag, reserved, algorithm;
  std::uint32_t id, hash, length;

  std::size_t short_size() const { return length; }  // of any
};

// A number, or a tag in the upper 17 bits and a reference in the others.
struct RawValue {
  std::uint64_t bits;

  static constexpr int kReferenceBits = 47;
  std::uint32_t tag() const {
    return static_cast<std::uint32_t>(static_cast<std::int64_t>(bits) >> kReferenceBits);
  }
  RawKind kind() const {
    const std::uint32_t inverse = ~tag();  // small for all but numbers
    if (inverse > 12) return RawKind::real;
    if (inverse == 4) return RawKind::string;
    if (inverse == 11) return RawKind::table;
    if (inverse > 2) return RawKind::other;
    return inverse == 0 ? RawKind::nil : RawKind::boolean;
  }
  bool is_nil() const { return bits == ~std::uint64_t{0}; }
  bool is_pointer() const { return ~tag() == 3; }  // a light userdata
  bool boolean() const { return ~tag() == 2; }
  std::int64_t integer() const { return 0; }  // no value is of this kind
  double real() const { return std::bit_cast<double>(bits); }
  template <class Object>
  const Object* reference() const {
    return reinterpret_cast<const Object*>(bits & ((std::uint64_t{1} << kReferenceBits) - 1));
  }
  std::string_view text() const {
    const auto* string = reference<RawString>();
    return {reinterpret_cast<const char*>(string) + sizeof(RawString), string->length};
  }
  const RawTable& table() const { return *reference<RawTable>(); }
  bool is_interned() const { return true; }

  static RawValue nil() { return {~std::uint64_t{0}}; }
  static RawValue of(bool value) {
    return {tagged(value ? 2 : 1) | ((std::uint64_t{1} << kReferenceBits) - 1)};
  }
  static RawValue of(std::int64_t value) { return of(static_cast<double>(value)); }
  static RawValue of(double value) {
    constexpr std::uint64_t kNan =
        0xfff8000000000000;  // other bits of one would be taken for a reference
    return {value == value ? std::bit_cast<std::uint64_t>(value) : kNan};
  }
  static RawValue of_string(const void* string) {
    return {tagged(4) | reinterpret_cast<std::uint64_t>(string)};
  }
  static RawValue of_table(const void* table) {
    return {tagged(11) | reinterpret_cast<std::uint64_t>(table)};
  }

 private:
  static constexpr std::uint64_t tagged(std::uint64_t inverse) {
    return ~inverse << kReferenceBits;
  }
};

struct RawEntry {
  RawValue kept_value, kept_key;
  RawEntry* next;

  bool is_empty() const { return kept_value.is_nil(); }
  RawValue key() const { return kept_key; }
  RawValue value() const { return kept_value; }
  std::uint64_t key_word() const { return kept_key.bits; }
  std::uint64_t value_word() const { return kept_value.bits; }
  void set(const RawValue& value) { kept_value = value; }
};

class RawTable {
 public:
  bool has_metatable() const { return metatable_ != nullptr; }
  const void* metatable() const { return metatable_; }
  const RawValue* array() const { return array_size_ == 0 ? nullptr : array_ + 1; }
  std::size_t array_size() const { return array_size_ == 0 ? 0 : array_size_ - 1; }
  const RawValue* zero() const { return array_size_ == 0 ? nullptr : array_; }
  const RawEntry* entries() const { return entries_; }
  RawEntry* entries() { return entries_; }
  std::size_t entry_count() const { return std::size_t{last_entry_} + 1; }
  const RawEntry* find(const RawValue& key) const {
    const RawEntry* entry = entries_ + (key.reference<RawString>()->id & last_entry_);
    while (entry != nullptr && entry->kept_key.bits != key.bits) entry = entry->next;
    return entry;
  }

  std::size_t free_entries() const { return static_cast<std::size_t>(last_free_ - entries_); }
  bool is_new() const { return (marked_ & 0x03) != 0; }
  void copy_entries(const RawTable& from) {
    std::memcpy(static_cast<void*>(entries_), from.entries_, sizeof(RawEntry) * entry_count());
    for (std::size_t i = 0; i <= last_entry_; ++i) {
      if (entries_[i].next != nullptr)
        entries_[i].next = entries_ + (entries_[i].next - from.entries_);
    }
    last_free_ = entries_ + (from.last_free_ - from.entries_);
    no_metamethods_ = 0;
  }

 private:
  [[maybe_unused]] void* next_;
  std::uint8_t marked_;
  [[maybe_unused]] std::uint8_t tag_;
  std::uint8_t no_metamethods_;
  [[maybe_unused]] std::uint8_t colocated_;
  const RawValue* array_;  // from key 0 on
  [[maybe_unused]] void* gray_;
  const void* metatable_;
  RawEntry* entries_;
  std::uint32_t array_size_, last_entry_;
  RawEntry* last_free_;
};

#endif

// The table at `index`, which is one.
inline RawTable& raw_table(lua_State* L, int index) {
  return *static_cast<RawTable*>(const_cast<void*>(lua_topointer(L, index)));
}

// Whether the key stands for the number `index`.
inline bool is_index(const RawValue& key, std::size_t index) {
  if (key.kind() == RawKind::integer) return static_cast<std::size_t>(key.integer()) == index;
  return key.kind() == RawKind::real && key.real() == static_cast<double>(index);
}

// Whether one of the entries has the number `index` for a key.
inline bool has_index(const RawTable& table, std::size_t index) {
  const RawEntry* entry = table.entries();
  for (const RawEntry* const end = entry + table.entry_count(); entry != end; ++entry) {
    if (!entry->is_empty() && is_index(entry->key(), index)) return true;
  }
  return false;
}

// Whether key 0 has a value that is not among the entries.
inline bool has_zero(const RawTable& table) {
  const RawValue* const zero = table.zero();
  return zero != nullptr && !zero->is_nil();
}

// The length of the table as far as its array tells: the only number n where n has a value and n + 1 has none. False when
// there are more such numbers, and lua_rawlen() is to choose. A table whose entries have n + 1 may be longer.
inline bool raw_length(const RawTable& table, std::size_t* length) {
  const RawValue* const array = table.array();
  const std::size_t size = table.array_size();
  std::size_t n = 0;
  while (n < size && !array[n].is_nil()) ++n;
  *length = n;
  while (n < size && array[n].is_nil()) ++n;
  return n == size;
}

}  // namespace runtime::RUNTIME_ENGINE
