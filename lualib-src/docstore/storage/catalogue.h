// What is in the file: databases, their collections and indexes.
//
//   collections  id, database, name, options (a document), uuid
//   indexes      id, collection, name, spec (a document), many
//   cN           the documents of collection N: id, key (of the _id), doc
//   iN           the keys of index N: key, doc
//
// A database is there while it has a collection. The order of `collections` is that of their creation.
//
// Threads:   that of the store.
// Transactions: the caller's. After one that wrote was taken back, reload() makes the objects what the file has; every
//            Collection and Index from before is gone then.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/storage/collection.h"
#include "docstore/storage/sqlite.h"

namespace runtime::docstore {

class Catalogue {
 public:
  explicit Catalogue(Connection& connection) : connection_(connection) {}

  // Makes the tables of a new file. What is wrong, or nothing.
  std::string prepare();
  std::string reload();

  Collection* find(std::string_view database, std::string_view name) const;
  Collection* find(std::int64_t id) const;
  const std::vector<std::unique_ptr<Collection>>& collections() const { return collections_; }

  // Null: the connection tells why.
  Collection* create(std::string_view database, std::string_view name, std::string_view options);
  bool drop(Collection* collection);
  bool rename(Collection* collection, std::string_view database, std::string_view name);

  // An index that has no documents yet.
  Index* create_index(Collection& collection, const IndexSpec& spec);
  bool drop_index(Collection& collection, Index* index);
  // The same index with another description (collMod).
  bool change_index(Collection& collection, Index* index, const IndexSpec& spec);

 private:
  Connection& connection_;
  std::vector<std::unique_ptr<Collection>> collections_;
};

}  // namespace runtime::docstore
