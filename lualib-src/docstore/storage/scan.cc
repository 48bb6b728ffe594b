#include "docstore/storage/scan.h"

#include <limits>
#include <utility>

namespace runtime::docstore {

namespace {

constexpr std::int64_t kFirst = 0;  // numbers count from 1
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

}  // namespace

Scan::Scan(Collection& collection, ScanState& state) : collection_(collection), state_(state) {}

Scan::~Scan() { close(); }

// Backward, the ranges are taken from the last one on.
const document::KeyRange& Scan::current() const {
  const auto& ranges = state_.plan.ranges;
  return ranges[state_.plan.backward ? ranges.size() - 1 - state_.range : state_.range];
}

std::string Scan::text() const {
  const Plan& plan = state_.plan;
  const std::string table = collection_.table();
  if (plan.kind == Plan::Kind::documents) {
    return "SELECT id, doc FROM " + table +
           (plan.backward ? " WHERE id < ? ORDER BY id DESC" : " WHERE id > ? ORDER BY id");
  }
  const document::KeyRange& range = current();
  if (plan.kind == Plan::Kind::id) {
    std::string sql = "SELECT id, doc, key FROM " + table + " WHERE key >= ?";
    if (!range.high.empty() || (plan.backward && state_.is_begun)) sql += " AND key < ?";
    return sql + (plan.backward ? " ORDER BY key DESC" : " ORDER BY key");
  }
  std::string sql = "SELECT c.id, c.doc, i.key FROM i" + std::to_string(plan.index) +
                    " i CROSS JOIN " + table + " c ON c.id = i.doc WHERE ";
  if (plan.backward) {
    sql += "i.key >= ?";
    if (state_.is_begun) {
      sql += " AND (i.key, i.doc) < (?, ?)";
    } else if (!range.high.empty()) {
      sql += " AND i.key < ?";
    }
    return sql + " ORDER BY i.key DESC, i.doc DESC";
  }
  sql += "(i.key, i.doc) > (?, ?)";
  if (!range.high.empty()) sql += " AND i.key < ?";
  return sql + " ORDER BY i.key, i.doc";
}

bool Scan::open() {
  const Plan& plan = state_.plan;
  const bool has_ranges = plan.kind != Plan::Kind::documents;
  if (state_.range >= (has_ranges ? plan.ranges.size() : 1)) return false;
  sql_ = text();
  statement_ = collection_.borrow(sql_);
  if (!statement_) return false;
  if (!has_ranges) {
    statement_.bind(1, state_.is_begun ? state_.number : plan.backward ? kLast : kFirst);
    return true;
  }
  const document::KeyRange& range = current();
  low_ = range.low;
  high_ = range.high;
  if (state_.is_begun) (plan.backward ? high_ : low_) = state_.key;
  if (plan.kind == Plan::Kind::id) {
    if (state_.is_begun && !plan.backward) low_ += '\0';  // the first key behind it
    statement_.bind(1, std::string_view(low_));
    if (!high_.empty()) statement_.bind(2, std::string_view(high_));
  } else if (plan.backward) {
    statement_.bind(1, std::string_view(low_));
    if (!high_.empty()) statement_.bind(2, std::string_view(high_));
    if (state_.is_begun) statement_.bind(3, state_.number);
  } else {
    statement_.bind(1, std::string_view(low_)).bind(2, state_.is_begun ? state_.number : kFirst);
    if (!high_.empty()) statement_.bind(3, std::string_view(high_));
  }
  return true;
}

void Scan::close() {
  if (!statement_) return;
  if (is_at_row_) {
    state_.is_begun = true;
    state_.number = number_;
    if (state_.plan.kind != Plan::Kind::documents) state_.key.assign(statement_.blob(2));
    is_at_row_ = false;
  }
  collection_.give_back(sql_, std::move(statement_));
  statement_ = Statement();
}

bool Scan::next() {
  for (;;) {
    if (!statement_ && !open()) return false;
    is_at_row_ = statement_.step();
    if (!is_at_row_) {
      close();
      if (!collection_.connection().failure().empty()) return false;
      ++state_.range;
      state_.is_begun = false;
      continue;
    }
    number_ = statement_.number(0);
    if (state_.plan.may_repeat && !state_.seen.insert(number_).second) continue;
    document_ = statement_.blob(1);
    return true;
  }
}

}  // namespace runtime::docstore
