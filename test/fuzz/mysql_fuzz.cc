// Replies of any bytes, whole and in pieces: both ways come to the same end, and the values of each row
// that is found can be read. The first byte says which reply is expected, and how large the pieces are.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "mysql/reply_reader.h"
#include "mysql/row.h"

namespace {

namespace mysql = runtime::mysql;

void check(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  std::vector<mysql::Step> steps;
  std::size_t values = 0;
  std::size_t text_bytes = 0;
  bool operator==(const Outcome&) const = default;
};

template <class Row>
void read_row(Row row, const std::vector<mysql::Column>& columns, Outcome& outcome) {
  for (const mysql::Column& column : columns) {
    mysql::Value value;
    if (!row.next(column, value)) return;
    ++outcome.values;
    outcome.text_bytes += value.text.size();
    for (const char c : value.text) outcome.text_bytes += static_cast<unsigned char>(c);
  }
}

void read_replies(mysql::ReplyReader& reader, mysql::Expected expected, Outcome& outcome) {
  using mysql::Step;
  for (Step step = reader.next(); step != Step::incomplete; step = reader.next()) {
    outcome.steps.push_back(step);
    if (step == Step::fault) {
      check(reader.fault() != nullptr);
      return;
    }
    if (step == Step::row && reader.is_binary()) {
      read_row(mysql::BinaryRow(reader.payload(), reader.columns().size()), reader.columns(),
               outcome);
    } else if (step == Step::row) {
      read_row(mysql::TextRow(reader.payload()), reader.columns(), outcome);
    }
    const bool ended = step == Step::failure || step == Step::prepared ||
                       ((step == Step::ok || step == Step::rows_end) && !reader.has_more());
    if (ended) reader.expect(expected);
  }
}

Outcome read_all(std::string_view bytes, mysql::Expected expected, std::size_t step) {
  Outcome outcome;
  mysql::ReplyReader reader;
  reader.expect(expected);
  while (!bytes.empty()) {
    const std::size_t piece = std::min(step, bytes.size());
    // Of its own, so that a look behind its end is noticed.
    const std::string copy(bytes.substr(0, piece));
    reader.feed(copy);
    bytes.remove_prefix(piece);
    read_replies(reader, expected, outcome);
    if (!outcome.steps.empty() && outcome.steps.back() == mysql::Step::fault) break;
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(data + 1, data + size);
  const auto expected = static_cast<mysql::Expected>(data[0] % 3);
  check(read_all(bytes, expected, size) == read_all(bytes, expected, 1 + data[0] / 3));
  mysql::parse_greeting(bytes);
  mysql::parse_switch(bytes);
  mysql::parse_failure(bytes);
  return 0;
}
