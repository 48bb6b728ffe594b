// Replies of a MySQL server: to a query, to the execution of a prepared statement, to a prepare.
// A reply may have several results; each is an OK, a failure, or columns and rows.
//
//   reader.expect(Expected::text);
//   reader.feed(bytes);
//   switch (reader.next()) { case Step::row: ... reader.columns() ... reader.payload() ... }
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/column_list.h"
#include "mysql/packet_reader.h"
#include "mysql/packets.h"

namespace runtime::mysql {

enum class Expected : std::uint8_t { text, binary, prepared };

enum class Step : std::uint8_t {
  incomplete,  // more bytes are needed
  ok,          // ok()
  failure,     // failure(); the reply ends
  prepared,    // prepared(), parameters(), columns(); the reply ends
  columns,     // columns(): rows follow
  row,         // payload() is one of columns().size() values
  rows_end,
  fault,  // fault(): the peer speaks something else. Final
};

class ReplyReader {
 public:
  // Which reply comes next. To be called before its first packet.
  void expect(Expected expected);

  void feed(std::string_view bytes) noexcept { packets_.feed(bytes); }

  // What comes next in the reply. All views are valid until next() or feed().
  Step next() noexcept;

  [[nodiscard]] const Ok& ok() const { return ok_; }
  [[nodiscard]] const Failure& failure() const { return failure_; }
  [[nodiscard]] const Prepared& prepared() const { return prepared_; }
  [[nodiscard]] const std::vector<Column>& parameters() const { return parameters_.columns(); }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_.columns(); }
  [[nodiscard]] std::string_view payload() const { return packets_.payload(); }
  [[nodiscard]] bool is_binary() const { return expected_ == Expected::binary; }

  // After ok and rows_end: whether another result follows in this reply.
  [[nodiscard]] bool has_more() const { return has_more_; }

  // What is wrong; and whether it is a packet that is whole, only in the wrong place.
  [[nodiscard]] const char* fault() const { return fault_; }
  [[nodiscard]] bool is_misplaced() const { return is_misplaced_; }
  Step fail(const char* fault, bool is_misplaced = false);

  // The packets themselves, for the login, which is no reply.
  PacketReader& packets() { return packets_; }

 private:
  enum class Phase : std::uint8_t { head, parameters, parameters_end, columns, columns_end, rows };

  // `again`: the packet brought nothing to tell.
  static constexpr Step again = Step::incomplete;
  Step take(std::string_view packet);
  Step take_head(std::string_view packet);
  Step take_prepared(std::string_view packet);
  Step take_column(std::string_view packet, ColumnList& columns, Phase end);
  Step take_end_of_columns(std::string_view packet);
  Step take_row(std::string_view packet);
  Step take_failure(std::string_view packet);
  Step after_parameters();
  void begin_result();

  PacketReader packets_;
  Expected expected_ = Expected::text;
  Phase phase_ = Phase::head;
  bool is_first_ = true;  // packet of the reply
  bool has_more_ = false;
  bool is_misplaced_ = false;
  const char* fault_ = nullptr;
  Ok ok_;
  Failure failure_;
  Prepared prepared_;
  ColumnList parameters_;
  ColumnList columns_;
};

}  // namespace runtime::mysql
