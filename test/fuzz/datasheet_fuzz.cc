// Any bytes as a compiled datasheet. All of what could be read is looked at.
#include <cstdint>
#include <cstdlib>
#include <unordered_set>
#include <vector>

#include "share/datasheet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runtime::share;
  const ImageRef image = read_sheet({reinterpret_cast<const char*>(data), size});
  if (!image) return 0;
  if (image->bytes() > 64 * size + 8192) std::abort();
  std::vector<const Table*> waiting{image->root()};
  std::unordered_set<const Table*> seen{image->root()};
  while (!waiting.empty()) {
    const Table* table = waiting.back();
    waiting.pop_back();
    for (std::uint32_t slot = 0; slot < table->slots(); ++slot) {
      const Value value = table->value(slot);
      if (table->find(to_key(table->key(slot))) != slot) std::abort();
      if (value.type == Type::text && value.text->data()[value.text->size] != '\0') std::abort();
      if (value.type == Type::table && seen.insert(value.table).second)
        waiting.push_back(value.table);
    }
    if (same_place(table, *image.get()) == nullptr) std::abort();
  }
  return 0;
}
