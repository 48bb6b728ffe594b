#include "docstore/storage/catalogue.h"

#include <utility>

#include "docstore/storage/random.h"

namespace runtime::docstore {

namespace {

constexpr std::int64_t kFormat = 1;  // user_version of the file

constexpr char kTables[] =
    "CREATE TABLE IF NOT EXISTS collections (id INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT "
    "NOT NULL, "
    "name TEXT NOT NULL, options BLOB NOT NULL, uuid BLOB NOT NULL, UNIQUE (database, name));"
    "CREATE TABLE IF NOT EXISTS indexes (id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER "
    "NOT NULL, "
    "spec BLOB NOT NULL, many INTEGER NOT NULL DEFAULT 0);";

}  // namespace

std::string Catalogue::prepare() {
  std::int64_t format = 0;
  {
    Statement asking(connection_, "PRAGMA user_version");
    if (asking.step()) format = asking.number(0);
    if (!connection_.failure().empty()) return connection_.failure();
  }
  if (format > kFormat) return "the file was written by a newer version";
  if (format == 0) {
    Statement strange(connection_, "SELECT count(*) FROM sqlite_schema");
    if (strange.step() && strange.number(0) > 0) return "the file is a database of something else";
  }
  if (!connection_.run("BEGIN") || !connection_.run(kTables) ||
      !connection_.run("PRAGMA user_version = " + std::to_string(kFormat)) ||
      !connection_.run("COMMIT")) {
    return connection_.failure();
  }
  return reload();
}

std::string Catalogue::reload() {
  collections_.clear();
  Statement all(connection_,
                "SELECT id, database, name, options, uuid FROM collections ORDER BY id");
  while (all.step()) {
    collections_.push_back(std::make_unique<Collection>(
        connection_, all.number(0), std::string(all.text(1)), std::string(all.text(2)),
        std::string(all.blob(3)), std::string(all.blob(4))));
  }
  Statement indexes(connection_, "SELECT id, collection, spec, many FROM indexes ORDER BY id");
  while (indexes.step()) {
    Collection* const collection = find(indexes.number(1));
    document::CommandError error;
    auto spec = parse_index(indexes.blob(2), &error);
    if (collection == nullptr || !spec)
      return "an index of the file cannot be read: " + error.message;
    collection->adopt(std::make_unique<Index>(connection_, indexes.number(0), std::move(*spec),
                                              indexes.number(3) != 0));
  }
  return connection_.failure();
}

Collection* Catalogue::find(std::string_view database, std::string_view name) const {
  for (const auto& collection : collections_) {
    if (collection->name() == name && collection->database() == database) return collection.get();
  }
  return nullptr;
}

Collection* Catalogue::find(std::int64_t id) const {
  for (const auto& collection : collections_) {
    if (collection->id() == id) return collection.get();
  }
  return nullptr;
}

Collection* Catalogue::create(std::string_view database, std::string_view name,
                              std::string_view options) {
  const std::string uuid = random_uuid();
  Statement adding(connection_,
                   "INSERT INTO collections (database, name, options, uuid) VALUES (?, ?, ?, ?)");
  if (!adding.bind_text(1, database)
           .bind_text(2, name)
           .bind(3, options)
           .bind(4, std::string_view(uuid))
           .run()) {
    return nullptr;
  }
  const std::int64_t id = connection_.last_rowid();
  if (!connection_.run("CREATE TABLE c" + std::to_string(id) +
                       " (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, doc BLOB NOT NULL)")) {
    return nullptr;
  }
  collections_.push_back(std::make_unique<Collection>(
      connection_, id, std::string(database), std::string(name), std::string(options), uuid));
  return collections_.back().get();
}

bool Catalogue::drop(Collection* collection) {
  std::string sql;
  for (const auto& index : collection->indexes()) sql += "DROP TABLE " + index->table() + ";";
  const std::string id = std::to_string(collection->id());
  sql += "DROP TABLE " + collection->table() + "; DELETE FROM indexes WHERE collection = " + id +
         "; DELETE FROM collections WHERE id = " + id;
  std::erase_if(collections_, [collection](const auto& one) { return one.get() == collection; });
  return connection_.run(sql);
}

bool Catalogue::rename(Collection* collection, std::string_view database, std::string_view name) {
  Statement renaming(connection_, "UPDATE collections SET database = ?, name = ? WHERE id = ?");
  return renaming.bind_text(1, database).bind_text(2, name).bind(3, collection->id()).run() &&
         reload().empty();
}

Index* Catalogue::create_index(Collection& collection, const IndexSpec& spec) {
  Statement adding(connection_, "INSERT INTO indexes (collection, spec) VALUES (?, ?)");
  if (!adding.bind(1, collection.id()).bind(2, std::string_view(spec.document)).run())
    return nullptr;
  const std::int64_t id = connection_.last_rowid();
  if (!connection_.run(
          "CREATE TABLE i" + std::to_string(id) +
          " (key BLOB NOT NULL, doc INTEGER NOT NULL, PRIMARY KEY (key, doc)) WITHOUT ROWID")) {
    return nullptr;
  }
  collection.adopt(std::make_unique<Index>(connection_, id, spec, false));
  return collection.indexes().back().get();
}

bool Catalogue::drop_index(Collection& collection, Index* index) {
  const std::string sql = "DROP TABLE " + index->table() +
                          "; DELETE FROM indexes WHERE id = " + std::to_string(index->id());
  collection.disown(index->id());
  return connection_.run(sql);
}

bool Catalogue::change_index(Collection& collection, Index* index, const IndexSpec& spec) {
  const std::int64_t id = index->id();
  const bool many = index->has_many();
  Statement changing(connection_, "UPDATE indexes SET spec = ? WHERE id = ?");
  if (!changing.bind(1, std::string_view(spec.document)).bind(2, id).run()) return false;
  collection.disown(id);
  collection.adopt(std::make_unique<Index>(connection_, id, spec, many));
  return true;
}

}  // namespace runtime::docstore
