#include "docstore/storage/index.h"

#include <utility>

namespace runtime::docstore {

Index::Index(Connection& connection, std::int64_t id, IndexSpec spec, bool many)
    : connection_(connection), id_(id), spec_(std::move(spec)), many_(many) {
  put_ = Statement(connection, "INSERT INTO " + table() + " (key, doc) VALUES (?, ?)");
  take_ = Statement(connection, "DELETE FROM " + table() + " WHERE key = ? AND doc = ?");
  find_ =
      Statement(connection, "SELECT doc FROM " + table() + " WHERE key = ? AND doc <> ? LIMIT 1");
}

bool Index::covers(std::string_view document) const {
  document::MatchDetails details;
  return !spec_.partial || spec_.partial->matches(document, &details);
}

std::optional<std::string> Index::taken(const IndexKeys& keys, std::int64_t except) {
  if (!spec_.unique) return std::nullopt;
  for (const std::string& key : keys.keys) {
    const InUse in_use(find_);
    if (find_.bind(1, std::string_view(key)).bind(2, except).step()) return key;
  }
  return std::nullopt;
}

bool Index::put(const std::string& key, std::int64_t document) {
  return put_.bind(1, std::string_view(key)).bind(2, document).run();
}

bool Index::take(const std::string& key, std::int64_t document) {
  return take_.bind(1, std::string_view(key)).bind(2, document).run();
}

bool Index::note_many() {
  if (many_) return true;
  many_ = true;
  return connection_.run("UPDATE indexes SET many = 1 WHERE id = " + std::to_string(id_));
}

}  // namespace runtime::docstore
