// The table that `require "skynet"` gives, as far as native code has to look into it: programs put functions of their own in
// the place of its functions (to trace answers, to count them), and what skynet does by these functions is done by theirs.
//
// Threads:   the worker that runs the service.
// Ownership: the state's registry has the table (TaskScheduler::References::skynet).
#pragma once

#include "lua/engine.h"
#include "lua/raw_table.h"

namespace runtime::RUNTIME_ENGINE {

// Pushes the field of that table if a program has put something else there than `native`; else nothing, and is false.
bool push_own_function(lua_State* L, const char* name, lua_CFunction native);

// Whether two fields have what they had at the last look. That is asked for each answer, so nothing is looked up: as long
// as the table has the same entries, with this key and this value in this place, it has no other value for the key.
class KeptFields {
 public:
  bool are_kept() const {
    return table_->entries() == entries_ && first_.is_kept() && second_.is_kept();
  }

  // Looks at two fields, which the table on the top of the stack has. Raw values are known.
  KeptFields(lua_State* L, const char* first, const char* second);

 private:
  struct Field {
    const RawEntry* entry = nullptr;
    std::uint64_t key = 0, value = 0;

    bool is_kept() const { return entry->key_word() == key && entry->value_word() == value; }
  };
  static Field find(lua_State* L, const char* name);

  const RawTable* table_;
  const RawEntry* entries_;
  Field first_, second_;
};

}  // namespace runtime::RUNTIME_ENGINE
