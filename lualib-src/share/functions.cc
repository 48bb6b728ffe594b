#include "share/functions.h"

#include <unordered_set>

namespace runtime::share {

void adopt_functions(const ImageRef& image, const Image& other, Engine engine) noexcept {
  auto& functions = const_cast<std::vector<Function>&>(image->functions());
  const auto form = static_cast<std::size_t>(engine);
  std::vector<const Table*> waiting{image->root()};
  std::unordered_set<const Table*> seen{image->root()};
  while (!waiting.empty()) {
    const Table* table = waiting.back();
    waiting.pop_back();
    const Table* place = same_place(table, other);
    for (std::uint32_t slot = 0; slot < table->slots(); ++slot) {
      const Value value = table->value(slot);
      if (value.type == Type::table && seen.insert(value.table).second)
        waiting.push_back(value.table);
      if (value.type != Type::function || place == nullptr) continue;
      const std::uint32_t found = place->find(to_key(table->key(slot)));
      if (found == Table::kNone || place->value(found).type != Type::function) continue;
      const Function& from = other.functions()[place->value(found).function];
      functions[value.function].bytecode[form] = from.bytecode[form];
      functions[value.function].native[form] = from.native[form];
    }
  }
}

}  // namespace runtime::share
