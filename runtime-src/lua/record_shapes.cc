#include "lua/record_shapes.h"

#include <algorithm>
#include <type_traits>

#include "lua/shared_api.h"

namespace runtime::RUNTIME_ENGINE {

static_assert(std::is_trivially_destructible_v<Record>, "a raise would leak");

namespace {

const char shapes_key = 0;  // in the registry: RecordShapes, a userdata
const char patterns_key =
    0;  // in the registry: a table, [2 * slot + 1] a RecordShape, [2 * slot + 2] its pattern

// Before a shape takes the place of another one, it is met twice as often as for the last time.
constexpr std::uint32_t kFrequent = 3;
constexpr std::uint32_t kMostDoublings = 12;

// The entry whose key is the string with the bytes at `text`; -1 when there is none.
int find_entry(const RawTable& table, const char* text) {
  for (std::size_t i = 0; i < table.entry_count(); ++i) {
    const RawEntry& entry = table.entries()[i];
    if (!entry.is_empty() && entry.key().text().data() == text) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

RecordShapes* RecordShapes::of(lua_State* L) {
  stock_rawgetp(L, LUA_REGISTRYINDEX, &shapes_key);
  auto* shapes = static_cast<RecordShapes*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  if (shapes != nullptr || !raw_values_known() || !lua_checkstack(L, 4)) return shapes;
  lua_newtable(L);
  stock_rawsetp(L, LUA_REGISTRYINDEX, &patterns_key);
  void* const block = lua_newuserdatauv(L, sizeof(RecordShapes), 0);
  shapes = static_cast<RecordShapes*>(std::memset(block, 0, sizeof(RecordShapes)));
  stock_rawsetp(L, LUA_REGISTRYINDEX, &shapes_key);
  return shapes;
}

bool RecordShapes::is_frequent(std::uint64_t id) {
  Slot& slot = slots_[slot_of(id)];
  if (slot.met != id) {
    slot.met = id;
    slot.often = 0;
  }
  const std::uint32_t before = slot.shape == nullptr ? 0 : slot.shape->serial;
  return ++slot.often >= kFrequent << std::min(before, kMostDoublings);
}

void RecordShapes::learn(lua_State* L, const RecordKey* keys, int count) {
  const int top = lua_gettop(L);
  if (!lua_checkstack(L, 8)) return;
  const auto slot = static_cast<int>(slot_of(record_id(keys, count)));
  stock_rawgetp(L, LUA_REGISTRYINDEX, &patterns_key);
  const int patterns = top + 1;
  lua_createtable(L, 0, count);
  const int table = top + 2;
  RecordShape shape{};
  shape.count = count;
  for (int i = 0; i < count; ++i) {
    lua_pushlstring(L, keys[i].text, keys[i].size);
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 1);
    stock_lua_rawset(L, table);
    // Now the table has it, and it stays where it is.
    shape.keys[i].name = {lua_tolstring(L, -1, nullptr), keys[i].size};
    lua_pop(L, 1);
  }
  const RawTable& pattern = raw_table(L, table);
  std::uint32_t taken = 0;  // a bit for each entry
  static_assert(kRecordKeys <= 32);
  for (int i = 0; i < count; ++i) {
    const int entry = find_entry(pattern, shape.keys[i].name.text);
    if (entry < 0 || (taken >> entry & 1) != 0) {  // a key stands twice
      slots_[slot].often = 0;
      return lua_settop(L, top);
    }
    taken |= 1U << entry;
    shape.keys[i].entry = entry;
  }
  shape.pattern = &pattern;
  if (slots_[slot].shape == nullptr) {
    void* const block = lua_newuserdatauv(L, sizeof(RecordShape), 0);
    std::memset(block, 0, sizeof(RecordShape));
    if (slots_[slot].shape == nullptr) {  // and no finalizer has learnt one meanwhile
      lua_rawseti(L, patterns, 2 * slot + 1);
      slots_[slot].shape = static_cast<RecordShape*>(block);
    } else {
      lua_pop(L, 1);
    }
  }
  // From here on nothing raises, and no Lua code runs.
  lua_rawseti(L, patterns, 2 * slot + 2);
  shape.serial = slots_[slot].shape->serial + 1;
  *slots_[slot].shape = shape;
  slots_[slot].often = 0;
  lua_settop(L, top);
}

bool Record::finish() {
  lua_State* const L = L_;
  lua_createtable(L, 0, count_);
  RawTable& table = raw_table(L, -1);
  if (shape_.serial != serial_ || !table.is_new() ||
      table.entry_count() != shape_.pattern->entry_count()) {
    lua_settop(L, base_);
    return false;
  }
  table.copy_entries(*shape_.pattern);
  for (int i = 0; i < count_; ++i) table.entries()[shape_.keys[i].entry].set(values_[i]);
  if (lua_gettop(L) > base_ + 1) {
    lua_replace(L, base_ + 1);
    lua_settop(L, base_ + 1);
  }
  return true;
}

}  // namespace runtime::RUNTIME_ENGINE
