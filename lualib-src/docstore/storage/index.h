// One index of a collection: a table of (key, document) pairs in key order.
//
// A table of our own and not an SQLite index over an expression: a document with an array has several keys, which an
// expression cannot give; and any SQLite tool can open a file that needs no function of ours.
//
// Threads:   that of the store.
// Ownership: belongs to its collection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "docstore/storage/index_keys.h"
#include "docstore/storage/index_spec.h"
#include "docstore/storage/sqlite.h"

namespace runtime::docstore {

class Index {
 public:
  Index(Connection& connection, std::int64_t id, IndexSpec spec, bool many);

  std::int64_t id() const { return id_; }
  const IndexSpec& spec() const { return spec_; }
  std::string table() const { return "i" + std::to_string(id_); }

  // A document has, or once had, more than one key here.
  bool has_many() const { return many_; }

  // Whether partialFilterExpression takes the document in; without one, it does.
  bool covers(std::string_view document) const;

  // A key of `keys` that another document has, when the index is unique.
  std::optional<std::string> taken(const IndexKeys& keys, std::int64_t except);

  // False: the connection tells why.
  bool put(const std::string& key, std::int64_t document);
  bool take(const std::string& key, std::int64_t document);
  bool note_many();

 private:
  Connection& connection_;
  const std::int64_t id_;
  const IndexSpec spec_;
  bool many_;
  Statement put_, take_, find_;
};

}  // namespace runtime::docstore
