// The sizes of a collection: what collStats and the stage $collStats tell.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "docstore/commands/context.h"

namespace runtime::docstore {

// Counts and sizes, in units of `scale` bytes. Null: a collection that is not there.
void write_sizes(Engine& engine, Collection* collection, std::int64_t scale, bson::Writer& writer);

// The bytes of a collection's indexes.
std::int64_t index_bytes(Engine& engine, const Collection& collection);

// When $collStats is the first of `stages`, an array: *document is what it makes, *rest the array of the others.
bool take_collection_stats(Context& context, std::string_view collection, std::string_view stages,
                           std::optional<std::string>* document, std::string* rest);

// The stages behind the first one.
std::string without_first(std::string_view stages);

}  // namespace runtime::docstore
