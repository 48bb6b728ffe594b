#include "docstore/commands/short.h"

#include <algorithm>
#include <string_view>

#include "docstore/document/value.h"

namespace runtime::docstore {

namespace {

using document::Value;

constexpr std::size_t kMostBytes = 16 * 1024;  // of the command, without its sequences
constexpr std::size_t kMostStatements = 8;

// One value is asked for, and no index but that of _id: see choose_plan().
bool is_by_id(std::string_view statement, std::string_view name) {
  const Value filter = document::field(statement, name);
  if (!filter.is_document() || !document::field(statement, "hint").is_missing()) return false;
  const Value id = document::field(filter.bytes, "_id");
  return !id.is_missing() && !id.is_container() && id.type != bson::Type::regex;
}

// Whether the list of that name has few elements, all of which are `good`.
template <class Good>
bool has_few(const Request& request, std::string_view name, Good good) {
  for (const Sequence& sequence : request.sequences) {
    std::size_t bytes = 0;
    for (const std::string_view document : sequence.documents) bytes += document.size();
    if (sequence.identifier != name || bytes > kMostBytes ||
        sequence.documents.size() > kMostStatements ||
        !std::ranges::all_of(sequence.documents, good)) {
      return false;
    }
  }
  const Value list = document::field(request.command, name);
  if (!list.is_array()) return !request.sequences.empty();
  bson::Reader reader(list.bytes);
  bson::Element element;
  for (std::size_t i = 0; reader.next(&element); ++i) {
    if (i == kMostStatements || element.type != bson::Type::document || !good(element.value))
      return false;
  }
  return true;
}

bool has_few_by_id(const Request& request, std::string_view name) {
  return has_few(request, name,
                 [](std::string_view statement) { return is_by_id(statement, "q"); });
}

}  // namespace

Brevity brevity_of(const Request& request) {
  if (request.command.size() > kMostBytes) return Brevity::none;
  const std::string_view name = document::first_element(request.command).key;
  const auto if_short = [](bool is_short, Brevity brevity) {
    return is_short ? brevity : Brevity::none;
  };
  if (name == "find") return if_short(is_by_id(request.command, "filter"), Brevity::read);
  if (name == "update") return if_short(has_few_by_id(request, "updates"), Brevity::write);
  if (name == "insert") {
    const auto any = [](std::string_view) { return true; };
    return if_short(has_few(request, "documents", any), Brevity::write);
  }
  if (name == "delete") return if_short(has_few_by_id(request, "deletes"), Brevity::write);
  if (name == "findAndModify" || name == "findandmodify")
    return if_short(is_by_id(request.command, "query"), Brevity::write);
  return if_short(name == "ping" || name == "hello", Brevity::read);
}

}  // namespace runtime::docstore
