#include "docstore/storage/collection.h"

#include <algorithm>
#include <utility>

#include "docstore/document/key.h"
#include "docstore/storage/duplicate.h"

namespace runtime::docstore {

namespace {

constexpr std::size_t kIdleStatements = 16;

IndexKeys keys_of(const Index& index, std::string_view document) {
  return index.covers(document) ? index_keys(index.spec(), document) : IndexKeys{};
}

std::vector<std::string> without(const std::vector<std::string>& from,
                                 const std::vector<std::string>& what) {
  std::vector<std::string> rest;
  std::ranges::set_difference(from, what, std::back_inserter(rest));
  return rest;
}

}  // namespace

Collection::Collection(Connection& connection, std::int64_t id, std::string database,
                       std::string name, std::string options, std::string uuid)
    : connection_(connection),
      id_(id),
      database_(std::move(database)),
      name_(std::move(name)),
      options_(std::move(options)),
      uuid_(std::move(uuid)) {
  insert_ = Statement(connection, "INSERT INTO " + table() + " (id, key, doc) VALUES (?, ?, ?)");
  replace_ = Statement(connection, "UPDATE " + table() + " SET doc = ? WHERE id = ?");
  remove_ = Statement(connection, "DELETE FROM " + table() + " WHERE id = ?");
  fetch_ = Statement(connection, "SELECT doc FROM " + table() + " WHERE id = ?");
  find_id_ = Statement(connection, "SELECT id FROM " + table() + " WHERE key = ?");
}

std::optional<WriteFault> Collection::storage_fault() {
  return WriteFault{WriteFault::Kind::storage, connection_.failure(), {}, {}};
}

std::int64_t Collection::next_number() {
  if (last_number_ < 0) {
    Statement last(connection_, "SELECT ifnull(max(id), 0) FROM " + table());
    if (!last.step()) return -1;
    last_number_ = last.number(0);
  }
  return ++last_number_;
}

// ---- writing ------------------------------------------------------------------------------------

std::optional<WriteFault> Collection::check_keys(Index& index, const IndexKeys& keys,
                                                 std::string_view document, std::int64_t number) {
  if (keys.parallel) {
    return WriteFault{
        WriteFault::Kind::parallel_arrays,
        "cannot index parallel arrays [" + keys.second_array + "] [" + keys.first_array + "]",
        {},
        {}};
  }
  if (const auto taken = index.taken(keys, number)) {
    return duplicate_fault(full_name(), index.spec(), document, *taken);
  }
  return std::nullopt;
}

std::optional<WriteFault> Collection::insert(std::string_view document, const bson::Element& id) {
  const std::string key = document::key_of(document::Value(id));
  {
    const InUse in_use(find_id_);
    if (find_id_.bind(1, std::string_view(key)).step()) return duplicate_id_fault(full_name(), id);
  }
  // All is checked before anything is written: what is refused leaves nothing behind.
  std::vector<IndexKeys> keys(indexes_.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = keys_of(*indexes_[i], document);
    if (auto fault = check_keys(*indexes_[i], keys[i], document, 0)) return fault;
  }
  const std::int64_t number = next_number();
  if (number < 0 ||
      !insert_.bind(1, number).bind(2, std::string_view(key)).bind(3, document).run()) {
    return storage_fault();
  }
  if (count_) ++*count_;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!put_keys(*indexes_[i], keys[i], keys[i].keys, number)) return storage_fault();
  }
  return std::nullopt;
}

bool Collection::put_keys(Index& index, const IndexKeys& all, const std::vector<std::string>& fresh,
                          std::int64_t number) {
  if (all.many && !index.note_many()) return false;
  return std::ranges::all_of(fresh, [&](const std::string& key) { return index.put(key, number); });
}

std::optional<WriteFault> Collection::replace(std::int64_t number, std::string_view old,
                                              std::string_view fresh) {
  std::vector<std::pair<IndexKeys, IndexKeys>> keys(indexes_.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = {keys_of(*indexes_[i], old), keys_of(*indexes_[i], fresh)};
    if (auto fault = check_keys(*indexes_[i], keys[i].second, fresh, number)) return fault;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& [before, after] = keys[i];
    Index& index = *indexes_[i];
    for (const std::string& key : without(before.keys, after.keys)) {
      if (!index.take(key, number)) return storage_fault();
    }
    if (!put_keys(index, after, without(after.keys, before.keys), number)) return storage_fault();
  }
  if (!replace_.bind(1, fresh).bind(2, number).run()) return storage_fault();
  return std::nullopt;
}

std::optional<WriteFault> Collection::remove(std::int64_t number, std::string_view old) {
  for (const auto& index : indexes_) {
    for (const std::string& key : keys_of(*index, old).keys) {
      if (!index->take(key, number)) return storage_fault();
    }
  }
  if (!remove_.bind(1, number).run()) return storage_fault();
  if (count_) --*count_;
  return std::nullopt;
}

// ---- reading ------------------------------------------------------------------------------------

bool Collection::fetch(std::int64_t number, std::string* document) {
  const InUse in_use(fetch_);
  if (!fetch_.bind(1, number).step()) return false;
  document->assign(fetch_.blob(0));
  return true;
}

std::int64_t Collection::count() {
  if (!count_) {
    Statement counting(connection_, "SELECT count(*) FROM " + table());
    if (!counting.step()) return 0;
    count_ = counting.number(0);
  }
  return *count_;
}

std::int64_t Collection::data_bytes() {
  Statement adding(connection_, "SELECT ifnull(sum(length(doc)), 0) FROM " + table());
  return adding.step() ? adding.number(0) : 0;
}

Statement Collection::borrow(const std::string& sql) {
  for (auto it = idle_.begin(); it != idle_.end(); ++it) {
    if (it->first != sql) continue;
    Statement statement = std::move(it->second);
    idle_.erase(it);
    return statement;
  }
  return Statement(connection_, sql);
}

void Collection::give_back(const std::string& sql, Statement statement) {
  statement.reset();
  if (idle_.size() >= kIdleStatements) idle_.erase(idle_.begin());
  idle_.emplace_back(sql, std::move(statement));
}

// ---- indexes ------------------------------------------------------------------------------------

Index* Collection::index(std::string_view name) const {
  for (const auto& index : indexes_) {
    if (index->spec().name == name) return index.get();
  }
  return nullptr;
}

Index* Collection::index(std::int64_t id) const {
  for (const auto& index : indexes_) {
    if (index->id() == id) return index.get();
  }
  return nullptr;
}

void Collection::disown(std::int64_t id) {
  // Scans over its table would keep SQLite from dropping it.
  idle_.clear();
  std::erase_if(indexes_, [id](const auto& index) { return index->id() == id; });
}

std::optional<WriteFault> Collection::fill(Index& index) {
  Statement all(connection_, "SELECT id, doc FROM " + table() + " ORDER BY id");
  while (all.step()) {
    const std::int64_t number = all.number(0);
    const std::string_view document = all.blob(1);
    const IndexKeys keys = keys_of(index, document);
    if (auto fault = check_keys(index, keys, document, number)) return fault;
    if (!put_keys(index, keys, keys.keys, number)) return storage_fault();
  }
  if (!connection_.failure().empty()) return storage_fault();
  return std::nullopt;
}

}  // namespace runtime::docstore
