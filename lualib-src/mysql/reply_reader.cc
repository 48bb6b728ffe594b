#include "mysql/reply_reader.h"

#include <utility>

#include "mysql/cursor.h"

namespace runtime::mysql {

namespace {

constexpr std::uint64_t kMaxColumns = 65535;  // what a prepare can announce; tables have fewer

}  // namespace

void ReplyReader::expect(Expected expected) {
  expected_ = expected;
  is_first_ = true;
  begin_result();
}

void ReplyReader::begin_result() {
  phase_ = Phase::head;
  has_more_ = false;
}

Step ReplyReader::fail(const char* fault, bool is_misplaced) {
  fault_ = fault;
  is_misplaced_ = is_misplaced;
  return Step::fault;
}

Step ReplyReader::next() noexcept {
  if (fault_ != nullptr) return Step::fault;
  for (;;) {
    switch (packets_.next()) {
      case Status::incomplete: return Step::incomplete;
      case Status::error: return fail("a packet of more than 1 GB");
      case Status::ready: break;
    }
    const Step step = take(packets_.payload());
    if (step != again) return step;
  }
}

Step ReplyReader::take(std::string_view packet) {
  // Answers are numbered from 1. What a server says on its own before it closes has 0.
  if (std::exchange(is_first_, false) && packets_.number() == 0) {
    return fail("a packet that answers nothing");
  }
  if (packet.empty()) return fail("an empty packet", true);
  if (is_failure(packet)) return take_failure(packet);
  switch (phase_) {
    case Phase::head:
      return expected_ == Expected::prepared ? take_prepared(packet) : take_head(packet);
    case Phase::parameters: return take_column(packet, parameters_, Phase::parameters_end);
    case Phase::columns: return take_column(packet, columns_, Phase::columns_end);
    case Phase::parameters_end:
    case Phase::columns_end: return take_end_of_columns(packet);
    case Phase::rows: return take_row(packet);
  }
  return fail("unreachable");
}

Step ReplyReader::take_failure(std::string_view packet) {
  const std::optional<Failure> failure = parse_failure(packet);
  if (!failure) return fail("an error packet that is cut short");
  failure_ = *failure;
  begin_result();
  return Step::failure;
}

Step ReplyReader::take_head(std::string_view packet) {
  if (is_ok(packet)) {
    const std::optional<Ok> ok = parse_ok(packet);
    if (!ok) return fail("an OK packet that is cut short");
    ok_ = *ok;
    begin_result();
    has_more_ = (ok_.status & kMoreResults) != 0;
    return Step::ok;
  }
  if (is_end(packet)) return fail("an EOF packet in the place of a result", true);
  // LOCAL_FILES is not among the capabilities that the login announces.
  if (static_cast<unsigned char>(packet.front()) == kNull) {
    return fail("a request for a local file, which is never answered");
  }
  Cursor cursor(packet);
  const std::uint64_t wanted = cursor.length();
  if (cursor.failed() || !cursor.at_end() || wanted > kMaxColumns) {
    return fail("a number of columns that is none");
  }
  columns_.begin(wanted);
  phase_ = Phase::columns;
  return again;
}

Step ReplyReader::take_prepared(std::string_view packet) {
  const std::optional<Prepared> prepared = is_ok(packet) ? parse_prepared(packet) : std::nullopt;
  if (!prepared) return fail("no answer to a prepare");
  prepared_ = *prepared;
  parameters_.clear();
  columns_.clear();
  if (prepared_.parameters == 0) return after_parameters();
  parameters_.begin(prepared_.parameters);
  phase_ = Phase::parameters;
  return again;
}

// Of a prepared statement.
Step ReplyReader::after_parameters() {
  if (prepared_.columns == 0) {
    begin_result();
    return Step::prepared;
  }
  columns_.begin(prepared_.columns);
  phase_ = Phase::columns;
  return again;
}

Step ReplyReader::take_column(std::string_view packet, ColumnList& columns, Phase end) {
  if (is_ok(packet)) return fail("an OK packet in the place of a column", true);
  if (is_end(packet)) return fail("an EOF packet in the place of a column", true);
  if (!columns.take(packet)) return fail("a column that is cut short");
  if (columns.is_full()) phase_ = end;
  return again;
}

Step ReplyReader::take_end_of_columns(std::string_view packet) {
  if (!is_end(packet)) return fail("no EOF packet after the columns");
  if (phase_ == Phase::parameters_end) return after_parameters();
  if (expected_ == Expected::prepared) {
    begin_result();
    return Step::prepared;
  }
  phase_ = Phase::rows;
  return Step::columns;
}

Step ReplyReader::take_row(std::string_view packet) {
  if (!is_end(packet)) return Step::row;
  begin_result();
  has_more_ = (status_of_end(packet) & kMoreResults) != 0;
  return Step::rows_end;
}

}  // namespace runtime::mysql
