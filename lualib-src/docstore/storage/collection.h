// One collection: its documents in the order of their insertion, found by number or by _id, and its indexes.
//
// Documents are kept byte for byte. The number of a document stays the same while it lives and is never given again
// while the store runs, so that a number is a position.
//
// Threads:   that of the store.
// Ownership: belongs to the catalogue; ends with it, or when the collection is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bson/reader.h"
#include "docstore/storage/index.h"
#include "docstore/storage/sqlite.h"

namespace runtime::docstore {

// Why a document was not written.
struct WriteFault {
  enum class Kind {
    duplicate,        // another one has the key
    parallel_arrays,  // an index cannot take it
    storage,          // the file: `message`
  } kind;
  std::string message;
  std::string key_pattern, key_value;  // of a duplicate: documents
};

class Collection {
 public:
  Collection(Connection& connection, std::int64_t id, std::string database, std::string name,
             std::string options, std::string uuid);

  std::int64_t id() const { return id_; }
  const std::string& database() const { return database_; }
  const std::string& name() const { return name_; }
  std::string full_name() const { return database_ + '.' + name_; }
  const std::string& options() const { return options_; }  // a document
  const std::string& uuid() const { return uuid_; }        // 16 bytes
  std::string table() const { return "c" + std::to_string(id_); }

  // ---- documents ----

  // `id` is the document's _id.
  std::optional<WriteFault> insert(std::string_view document, const bson::Element& id);
  // The _id of the two is the same.
  std::optional<WriteFault> replace(std::int64_t number, std::string_view old,
                                    std::string_view fresh);
  std::optional<WriteFault> remove(std::int64_t number, std::string_view old);
  // The document of a number; false when it has gone. Copied, so that it may be written meanwhile.
  bool fetch(std::int64_t number, std::string* document);

  std::int64_t count();
  std::int64_t data_bytes();

  // ---- indexes ----

  const std::vector<std::unique_ptr<Index>>& indexes() const { return indexes_; }
  Index* index(std::string_view name) const;
  Index* index(std::int64_t id) const;
  void adopt(std::unique_ptr<Index> index) { indexes_.push_back(std::move(index)); }
  void disown(std::int64_t id);
  // Gives all documents to a new index.
  std::optional<WriteFault> fill(Index& index);

  // Statements for scans, kept for the next one of the same text.
  Statement borrow(const std::string& sql);
  void give_back(const std::string& sql, Statement statement);

  Connection& connection() { return connection_; }

 private:
  std::optional<WriteFault> check_keys(Index& index, const IndexKeys& keys,
                                       std::string_view document, std::int64_t number);
  std::optional<WriteFault> storage_fault();
  static bool put_keys(Index& index, const IndexKeys& all, const std::vector<std::string>& fresh,
                       std::int64_t number);
  std::int64_t next_number();

  Connection& connection_;
  const std::int64_t id_;
  const std::string database_, name_, options_, uuid_;
  std::vector<std::unique_ptr<Index>> indexes_;
  std::optional<std::int64_t> count_;
  std::int64_t last_number_ = -1;  // not looked up yet
  Statement insert_, replace_, remove_, fetch_, find_id_;
  std::vector<std::pair<std::string, Statement>> idle_;
};

}  // namespace runtime::docstore
