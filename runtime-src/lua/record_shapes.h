// Tables that have the same few keys again and again, as messages and documents have them: quickly made.
//
// A shape is a list of strings. A state that has met one several times keeps a table with these keys, the pattern; a table
// of that shape is made in its size, gets the pattern's entries in one copy, and then the values. Setting field after
// field would make or find each key's string, look for it in the table, and then for a free place.
//
// Threads:   a state's shapes from the thread that runs it.
// Ownership: the state's registry has the shapes and their patterns. Lua code that runs meanwhile (a finalizer) may
//            make a shape into another one: `serial` tells.
#pragma once

#include <algorithm>

#include "base/short_bytes.h"
#include "lua/raw_table.h"

namespace runtime::RUNTIME_ENGINE {

constexpr int kRecordKeys = 24;  // at most

// Not set to zero before it is filled.
struct RecordKey {
  const char* text;
  std::size_t size;
};

struct RecordShape {
  struct Key {
    RecordKey name;  // the bytes of the pattern's key
    int entry;       // where the pattern has it
  };

  std::uint32_t serial;  // changes with the shape
  int count;
  const RawTable* pattern;
  Key keys[kRecordKeys];
};

// An id for a list of keys; other lists may have it as well.
inline std::uint64_t record_id(const RecordKey* keys, int count) {
  std::uint64_t id = 0x9e3779b97f4a7c15;
  for (const RecordKey* key = keys; key != keys + count; ++key) {
    const char* const end = key->text + key->size;
    std::uint64_t first = 0, last = 0;
    if (key->size >= 8) {
      first = load_word<std::uint64_t>(key->text);
      last = load_word<std::uint64_t>(end - 8);
    } else if (key->size >= 4) {
      first = load_word<std::uint32_t>(key->text);
      last = load_word<std::uint32_t>(end - 4);
    } else if (key->size > 0) {
      first = static_cast<unsigned char>(key->text[0]);
      last = static_cast<unsigned char>(key->text[key->size / 2]) |
             static_cast<unsigned>(static_cast<unsigned char>(end[-1])) << 8;
    }
    id = (id ^ first ^ key->size << 56) * 0xff51afd7ed558ccd;
    id = ((id ^ id >> 32) + last) * 0xc4ceb9fe1a85ec53;
  }
  return id;
}

// Whether the shape has these keys, in this order.
inline bool has_keys(const RecordShape& shape, const RecordKey* keys, int count) {
  if (shape.count != count) return false;
  for (int i = 0; i < count; ++i) {
    const RecordKey& key = shape.keys[i].name;
    if (keys[i].size != key.size || !same_short(keys[i].text, key.text, key.size)) return false;
  }
  return true;
}

class RecordShapes {
 public:
  // The state's; null when its tables are not known (raw_table.h). May raise (memory), and run finalizers.
  static RecordShapes* of(lua_State* L);

  // The shape with these keys, in this order. Null when it has not been learnt; *frequent then tells whether it was met so
  // often that learn() should be called.
  const RecordShape* find(const RecordKey* keys, int count, bool* frequent) {
    // Lists are of one kind, mostly.
    if (last_ != nullptr && has_keys(*last_, keys, count)) return last_;
    const std::uint64_t id = record_id(keys, count);
    RecordShape* const shape = slots_[slot_of(id)].shape;
    if (shape != nullptr && has_keys(*shape, keys, count)) return last_ = shape;
    *frequent = is_frequent(id);
    return nullptr;
  }

  // A place for the shape that the last table of some kind had, whatever the caller tells kinds by: null at first. It has
  // to be compared, as kinds share places and a shape may become another one.
  const RecordShape*& likely(std::uint64_t kind) {
    return likely_[slot_of(kind * 0x9e3779b97f4a7c15)];
  }

  // Learns a shape; not one in which a key stands twice. May raise (memory), and run finalizers.
  void learn(lua_State* L, const RecordKey* keys, int count);

 private:
  static constexpr int kSlotBits = 5;
  struct Slot {
    RecordShape* shape;
    std::uint64_t met;    // the id that find() knew no shape for lately
    std::uint32_t often;  // how often, one after the other
  };

  bool is_frequent(std::uint64_t id);
  static std::size_t slot_of(std::uint64_t id) { return id >> (64 - kSlotBits); }

  RecordShape* last_;  // found
  const RecordShape* likely_[1 << kSlotBits];
  Slot slots_[1 << kSlotBits];
};

// What a decoder knows of the shapes of its records. One that is met often is learnt when the decoder is done: what it
// works on stays where it is until then.
class ShapeFinder {
 public:
  explicit ShapeFinder(RecordShapes* shapes) : shapes_(shapes) {}

  // False: find() must not be called.
  bool has_shapes() const { return shapes_ != nullptr; }
  // The shape with these keys, in this order; null when it has not been learnt.
  const RecordShape* find(const RecordKey* keys, int count) {
    bool frequent = false;
    const RecordShape* const shape = shapes_->find(keys, count, &frequent);
    if (frequent && unknown_ == 0) [[unlikely]] {
      unknown_ = count;
      std::copy_n(keys, count, unknown_keys_);
    }
    return shape;
  }

  const RecordShape*& likely(std::uint64_t kind) { return shapes_->likely(kind); }

  // May raise (memory), and run finalizers.
  void learn(lua_State* L) {
    if (unknown_ > 0) [[unlikely]]
      shapes_->learn(L, unknown_keys_, unknown_);
  }

 private:
  RecordShapes* shapes_;  // null: no records
  int unknown_ = 0;       // keys of a shape to be learnt
  RecordKey unknown_keys_[kRecordKeys];
};

// A table of a known shape in the making: its values in the order of the keys. Those that the collector knows stand on
// the stack from the beginning on.
class Record {
 public:
  Record(lua_State* L, const RecordShape& shape)
      : L_(L), shape_(shape), serial_(shape.serial), base_(lua_gettop(L)) {}

  // The next value.
  template <class Number>
  void add(Number value) {
    values_[count_++] = RawValue::of(value);
  }
  // The table has no value for the next key.
  void add_nil() { values_[count_++] = RawValue::nil(); }
  // The next value is the string, or the table, on the top of the stack.
  void add_string() { values_[count_++] = RawValue::of_string(lua_topointer(L_, -1)); }
  void add_table() { values_[count_++] = RawValue::of_table(lua_topointer(L_, -1)); }

  // Puts the table in the place of the values, once there are as many as keys. False, and nothing on the stack, when the
  // shape has become another one or the collector is in the way: then it must be made from the beginning, field by field.
  // May raise (memory), and run finalizers.
  bool finish();

 private:
  lua_State* L_;
  const RecordShape& shape_;
  std::uint32_t serial_;
  int base_;
  int count_ = 0;
  RawValue values_[kRecordKeys];
};

}  // namespace runtime::RUNTIME_ENGINE
