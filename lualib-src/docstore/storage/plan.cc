#include "docstore/storage/plan.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "docstore/document/key.h"

namespace runtime::docstore {

using document::KeyRange;
using document::PathBound;

namespace {

constexpr std::size_t kMostRanges = 1000;

class Conditions {
 public:
  explicit Conditions(const document::Filter& filter) : bounds_(filter.bounds()) {}

  // What the filter says of a path. `alone`: the path may lead to several values of a document, so that two bounds may
  // be met by two of them.
  std::optional<PathBound> find(std::string_view path, bool alone) const {
    std::optional<PathBound> best;
    for (const PathBound& bound : bounds_) {
      if (bound.path != path || bound.ranges.empty()) continue;
      if (!best) {
        best = bound;
      } else if (bound.is_points && !best->is_points) {
        best = bound;
      } else if (!alone && !bound.is_points && !best->is_points && bound.ranges.size() == 1 &&
                 best->ranges.size() == 1) {
        const KeyRange both = best->ranges[0].intersection(bound.ranges[0]);
        if (!both.is_empty()) best->ranges[0] = both;
        best->takes_missing = best->takes_missing && bound.takes_missing;
      }
    }
    return best;
  }

 private:
  const std::vector<PathBound> bounds_;
};

struct Path {
  std::string_view name;
  bool descending;
};

// An index, or the _id, as far as planning goes.
struct Candidate {
  Plan::Kind kind;
  const Index* index;
  std::vector<Path> paths;

  bool has_many() const { return index != nullptr && index->has_many(); }
  bool is_sparse() const { return index != nullptr && index->spec().sparse; }
  bool is_whole() const {
    return index == nullptr || (!index->spec().sparse && !index->spec().partial);
  }
};

std::vector<Candidate> candidates_of(const Collection& collection) {
  std::vector<Candidate> list{{Plan::Kind::id, nullptr, {{"_id", false}}}};
  for (const auto& index : collection.indexes()) {
    Candidate candidate{Plan::Kind::index, index.get(), {}};
    for (const IndexPath& path : index->spec().paths)
      candidate.paths.push_back({path.path, path.descending});
    list.push_back(std::move(candidate));
  }
  return list;
}

// Adds the values of one more path to each key so far. The beginning of a range over one value is its key.
void extend(std::vector<std::string>* prefixes, const std::vector<KeyRange>& points,
            bool descending) {
  std::vector<std::string> longer;
  for (const std::string& prefix : *prefixes) {
    for (const KeyRange& point : points) {
      std::string key = prefix + point.low;
      if (descending) document::invert_key(&key, prefix.size());
      longer.push_back(std::move(key));
    }
  }
  std::ranges::sort(longer);
  *prefixes = std::move(longer);
}

void add_ranges(const std::string& prefix, const std::vector<KeyRange>& ranges, bool descending,
                std::vector<KeyRange>* out) {
  const std::size_t before = out->size();
  for (const KeyRange& range : ranges) {
    const KeyRange one = descending ? range.inverted() : range;
    out->push_back(
        {prefix + one.low, one.high.empty() ? document::key_after(prefix) : prefix + one.high});
  }
  if (descending) std::reverse(out->begin() + static_cast<std::ptrdiff_t>(before), out->end());
}

struct Choice {
  Plan plan;
  std::size_t equal = 0;  // paths whose value is given
  bool has_range = false;
  std::size_t score() const { return 2 * equal + (has_range ? 1 : 0); }
};

Choice bounds(const Candidate& candidate, const Conditions& conditions) {
  Choice choice;
  choice.plan.kind = candidate.kind;
  choice.plan.index = candidate.index != nullptr ? candidate.index->id() : 0;
  choice.plan.may_repeat = candidate.has_many();
  std::vector<std::string> prefixes{""};
  for (const Path& path : candidate.paths) {
    const auto condition = conditions.find(path.name, candidate.has_many());
    if (!condition || (condition->takes_missing && candidate.is_sparse())) break;
    if (!condition->is_points) {
      for (const std::string& prefix : prefixes) {
        add_ranges(prefix, condition->ranges, path.descending, &choice.plan.ranges);
      }
      choice.has_range = true;
      return choice;
    }
    if (prefixes.size() * condition->ranges.size() > kMostRanges) break;
    extend(&prefixes, condition->ranges, path.descending);
    ++choice.equal;
  }
  for (const std::string& prefix : prefixes) {
    choice.plan.ranges.push_back(
        {prefix, prefix.empty() ? std::string() : document::key_after(prefix)});
  }
  return choice;
}

struct SortKey {
  std::string_view path;
  bool descending;
};

// Nothing for an order that is not by paths alone.
std::optional<std::vector<SortKey>> sort_keys(std::string_view sort) {
  std::vector<SortKey> keys;
  if (sort.empty()) return keys;
  bson::Reader reader(sort);
  bson::Element element;
  while (reader.next(&element)) {
    double direction = 0;
    switch (element.type) {
      case bson::Type::int32: direction = bson::number_of<std::int32_t>(element); break;
      case bson::Type::int64:
        direction = static_cast<double>(bson::number_of<std::int64_t>(element));
        break;
      case bson::Type::real: direction = bson::number_of<double>(element); break;
      default: return std::nullopt;
    }
    if (element.key.starts_with('$')) return std::nullopt;
    keys.push_back({element.key, direction < 0});
  }
  return keys;
}

// Whether the index, from its path `first` on, has the order; *backward tells the direction.
bool gives_order(const Candidate& candidate, std::size_t first, std::span<const SortKey> keys,
                 bool* backward) {
  if (candidate.has_many() || keys.empty() || keys.size() > candidate.paths.size() - first)
    return false;
  *backward = keys[0].descending != candidate.paths[first].descending;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Path& path = candidate.paths[first + i];
    if (path.name != keys[i].path || (path.descending != keys[i].descending) != *backward)
      return false;
  }
  return true;
}

void try_order(const Candidate& candidate, std::span<const SortKey> keys, Choice* choice) {
  bool backward = false;
  bool good = gives_order(candidate, 0, keys, &backward);
  // Behind paths that have one value each.
  for (std::size_t first = 1; !good && first <= choice->equal && choice->plan.ranges.size() == 1;
       ++first) {
    good = first < candidate.paths.size() && gives_order(candidate, first, keys, &backward);
  }
  choice->plan.is_sorted = good;
  choice->plan.backward = good && backward;
}

bool is_usable(const Candidate& candidate) {
  if (candidate.index == nullptr) return true;
  const IndexSpec& spec = candidate.index->spec();
  return !spec.is_place && !spec.partial &&
         std::ranges::none_of(spec.paths, [](const IndexPath& path) { return path.has_number; });
}

bool is_hinted(const Candidate& candidate, const bson::Element& hint) {
  if (hint.type == bson::Type::string) {
    return bson::text_of(hint) ==
           (candidate.index == nullptr ? "_id_" : candidate.index->spec().name);
  }
  const auto keys = sort_keys(hint.value);
  return keys &&
         std::ranges::equal(*keys, candidate.paths, [](const SortKey& key, const Path& path) {
           return key.path == path.name && key.descending == path.descending;
         });
}

std::optional<Plan> hinted_plan(const Collection& collection, const Conditions& conditions,
                                std::span<const SortKey> keys, const bson::Element& hint) {
  if (hint.type == bson::Type::document) {
    bson::Reader reader(hint.value);
    bson::Element natural;
    if (reader.next(&natural) && natural.key == "$natural") {
      Plan plan;
      plan.backward =
          natural.type == bson::Type::int32 && bson::number_of<std::int32_t>(natural) < 0;
      return plan;
    }
  }
  for (const Candidate& candidate : candidates_of(collection)) {
    if (!is_hinted(candidate, hint)) continue;
    if (!is_usable(candidate)) return Plan{};
    Choice choice = bounds(candidate, conditions);
    try_order(candidate, keys, &choice);
    return choice.plan;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Plan> choose_plan(const Collection& collection, const PlanRequest& request) {
  const Conditions conditions(request.filter);
  const auto wanted = sort_keys(request.sort);
  const std::vector<SortKey> keys = wanted.value_or(std::vector<SortKey>{});
  if (request.hint) return hinted_plan(collection, conditions, keys, *request.hint);

  Choice best;
  best.plan.is_sorted = keys.empty() && wanted;
  std::size_t best_score = 0;
  for (const Candidate& candidate : candidates_of(collection)) {
    if (!is_usable(candidate)) continue;
    Choice choice = bounds(candidate, conditions);
    try_order(candidate, keys, &choice);
    // A sparse index has not all documents: only those that a condition leads to.
    if (choice.score() == 0 && !(choice.plan.is_sorted && candidate.is_whole())) continue;
    const std::size_t score = 2 * choice.score() + (choice.plan.is_sorted ? 1 : 0);
    if (score <= best_score) continue;
    best_score = score;
    best = std::move(choice);
    if (best.plan.kind == Plan::Kind::id && best.equal == 1) break;
  }
  return best.plan;
}

}  // namespace runtime::docstore
