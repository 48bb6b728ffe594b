// What went wrong with single documents of a write: the array writeErrors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bson/writer.h"
#include "docstore/commands/context.h"
#include "docstore/storage/collection.h"

namespace runtime::docstore {

// As a command's error.
CommandError error_of(const WriteFault& fault);
// The same, with what goes with it, in *context. Always false.
bool refuse_fault(Context& context, const WriteFault& fault);

class WriteErrors {
 public:
  void add(std::size_t index, const CommandError& error) {
    list_.push_back({index, error, {}, {}});
  }
  void add(std::size_t index, const WriteFault& fault) {
    list_.push_back({index, error_of(fault), fault.key_pattern, fault.key_value});
  }
  bool empty() const { return list_.empty(); }
  // Nothing when there are none.
  void write(bson::Writer& writer) const;

 private:
  struct One {
    std::size_t index;
    CommandError error;
    std::string key_pattern, key_value;
  };
  std::vector<One> list_;
};

}  // namespace runtime::docstore
