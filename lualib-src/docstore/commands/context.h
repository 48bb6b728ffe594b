// One command while it runs: what it was given, what it works on, and the answer that it writes.
//
// Threads:   that of the store.
// Ownership: all is borrowed, for as long as the command runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bson/writer.h"
#include "docstore/commands/engine.h"
#include "docstore/commands/peer.h"
#include "docstore/document/constants.h"
#include "docstore/document/error.h"
#include "docstore/document/filter.h"
#include "docstore/document/value.h"
#include "docstore/wire/request.h"

namespace runtime::docstore {

using document::Code;
using document::CommandError;
using document::refuse;
using document::Value;

struct Context {
  Engine& engine;
  Peer& peer;
  const Request& request;
  std::string_view command;  // its name
  Value subject;             // the value of its name: a collection, in general
  std::string_view database;
  document::Clock clock;
  bson::Writer& reply;  // the document is open; `ok` is added by the caller
  CommandError* error;
  document::Constants constants{};  // its `let`
  // Of a duplicate key that is the command's error: documents, which go with it.
  std::string key_pattern{}, key_value{};

  Value argument(std::string_view name) const { return document::field(request.command, name); }

  // Typed arguments. They keep *out where there is no such argument, and refuse another type.
  bool take(std::string_view name, std::int64_t* out);
  bool take(std::string_view name, bool* out);
  bool take(std::string_view name, std::optional<std::int64_t>* out);
  bool take_document(std::string_view name, std::string_view* out);
  // An array of documents, from the command or from a sequence behind it.
  bool take_documents(std::string_view name, std::vector<std::string_view>* out);
  bool take_filter(std::string_view name, document::Filter* out);
  // Fills `constants`.
  bool take_let(const Value& let);

  // The collection's name that the command begins with; refuses what can be none.
  bool collection_name(std::string_view* out);

  bool is_late() const { return engine.is_late(); }
  bool refuse_late();
  // The file has failed: says so.
  bool refuse_storage();
};

// Nothing is silently taken for something else: a name that could not be found again is refused.
bool check_database_name(std::string_view name, CommandError* error);
bool check_collection_name(std::string_view database, std::string_view name, CommandError* error);

// Strings compare by their bytes here: another collation is refused. What is no document says nothing.
bool check_collation(const Value& collation, CommandError* error);

// As a single MongoDB does it.
bool refuse_transaction(CommandError* error);

// An element of an array of values in the answer, and its end.
class ArrayWriter {
 public:
  ArrayWriter(bson::Writer& writer, std::string_view key)
      : writer_(writer), opened_(writer.open(bson::Type::array, key)) {}
  std::string_view next() { return key_.next(); }
  void document(std::string_view bytes) { writer_.raw(bson::Type::document, key_.next(), bytes); }
  void close() { writer_.close(opened_); }

 private:
  bson::Writer& writer_;
  const std::size_t opened_;
  bson::ArrayKey key_;
};

constexpr std::size_t kLargestReply = 16'777'216;  // bytes of documents in an answer
constexpr char kEmptyDocument[] = "\5\0\0\0";      // with its own zero
inline std::string_view empty_document() { return {kEmptyDocument, 5}; }

}  // namespace runtime::docstore
