// Changes of one document, which all writing commands are made of.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/commands/context.h"
#include "docstore/document/update.h"
#include "docstore/storage/collection.h"

namespace runtime::docstore {

// A new collection. Null: refused.
Collection* make_collection(Context& context, std::string_view name, CommandError* error);

// Where a command that writes may put documents: made when it is not there. Null: refused.
Collection* collection_to_write(Context& context, std::string_view name, CommandError* error);

// Stores a new document, with its _id (an ObjectId where it has none) in front; *stored, unless it is null, is the
// document then. False: refused, or *fault.
bool insert_document(Collection& collection, std::string_view document, std::string* stored,
                     std::optional<WriteFault>* fault, CommandError* error);

// What an update command, or findAndModify, was told to do.
struct Change {
  document::Filter filter;
  std::optional<document::Update> update;  // none: remove
  bool upsert = false;
};

// Parses `u`, arrayFilters and `c`; `let` is what a pipeline may use besides.
bool parse_update(const Value& update, const Value& array_filters, const Value& constants,
                  const document::Constants& let, std::optional<document::Update>* out,
                  CommandError* error);

struct Changed {
  std::int64_t matched = 0, modified = 0;
  std::optional<document::OwnedValue> upserted;  // its _id
};

// An upsert must know what the filter wants to be equal.
bool check_upsert(const Change& change, CommandError* error);

// Updates one document that fitted the filter: adds to *changed; *fresh is what it is now. False as above.
bool update_document(Collection& collection, std::int64_t number, const std::string& old,
                     const Change& change, const document::Clock& clock, Changed* changed,
                     std::string* fresh, std::optional<WriteFault>* fault, CommandError* error);

// Inserts what an upsert makes. *fresh is the document.
bool upsert_document(Collection& collection, const Change& change, const document::Clock& clock,
                     Changed* changed, std::string* fresh, std::optional<WriteFault>* fault,
                     CommandError* error);

}  // namespace runtime::docstore
