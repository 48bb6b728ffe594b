#include "docstore/expiry.h"

#include <string>
#include <vector>

#include "docstore/document/key.h"
#include "docstore/document/value.h"
#include "docstore/storage/scan.h"

namespace runtime::docstore {

namespace {

constexpr std::size_t kAtOnce = 10'000;  // others wait meanwhile

// The documents with a date before `ms` in the index, at most `most`.
std::vector<std::int64_t> numbers_before(Collection& collection, const Index& index,
                                         std::int64_t ms, std::size_t most) {
  ScanState state;
  state.plan.kind = Plan::Kind::index;
  state.plan.index = index.id();
  state.plan.may_repeat = index.has_many();
  const document::OwnedValue last = document::OwnedValue::date(ms);
  const auto range = document::KeyRange::below(last.view(), document::KeyRange::Edge::included);
  state.plan.ranges.push_back(index.spec().paths[0].descending ? range.inverted() : range);
  std::vector<std::int64_t> numbers;
  Scan scan(collection, state);
  while (numbers.size() < most && scan.next()) numbers.push_back(scan.number());
  return numbers;
}

// Calls f(collection, index, the latest date that is too old) for each TTL index, until it returns true.
template <class F>
bool any_index(Engine& engine, F f) {
  const std::int64_t now = engine.clock().ms;
  for (const auto& collection : engine.catalogue.collections()) {
    for (const auto& index : collection->indexes()) {
      const auto seconds = index->spec().expire_after_seconds;
      if (seconds && !index->spec().is_place && f(*collection, *index, now - *seconds * 1000))
        return true;
    }
  }
  return false;
}

}  // namespace

bool has_expired_documents(Engine& engine) {
  return any_index(engine, [](Collection& collection, const Index& index, std::int64_t ms) {
    return !numbers_before(collection, index, ms, 1).empty();
  });
}

void remove_expired_documents(Engine& engine) {
  any_index(engine, [&engine](Collection& collection, const Index& index, std::int64_t ms) {
    std::string document;
    for (const std::int64_t number : numbers_before(collection, index, ms, kAtOnce)) {
      if (collection.fetch(number, &document)) collection.remove(number, document);
    }
    return !engine.connection.failure().empty();
  });
}

}  // namespace runtime::docstore
