#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "mysql/parameters.h"
#include "mysql/reply_reader.h"
#include "mysql/row.h"

namespace runtime::mysql {
namespace {

std::string text(std::string_view bytes) {
  char length[kMaxLengthBytes];
  const std::size_t size = write_length(bytes.size(), length);
  return std::string(length, size).append(bytes);
}

std::string number(std::uint64_t value, std::size_t size) {
  std::string bytes(size, '\0');
  write_number(value, size, bytes.data());
  return bytes;
}

// Numbers its packets from 1, as a server.
class Server {
 public:
  Server& packet(std::string_view payload) {
    bytes_ += number(payload.size(), 3) + number(++last_, 1) + std::string(payload);
    return *this;
  }
  Server& column(std::string_view name, Type type) {
    return packet(text("def") + text("d") + text("t") + text("t") + text(name) + text(name) +
                  "\x0c" + number(33, 2) + number(1000, 4) + number(type, 1) +
                  std::string(5, '\0'));
  }
  Server& end(std::uint16_t status = 0) {
    return packet("\xfe" + number(0, 2) + number(status, 2));
  }
  Server& ok(std::uint16_t status = 0) {
    return packet(number(0, 3) + number(status, 2) + number(0, 2));
  }
  Server& failure() { return packet("\xff" + number(1317, 2) + "#70100interrupted"); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::uint8_t last_ = 0;
};

std::vector<Step> steps_of(std::string_view bytes, Expected expected = Expected::text) {
  ReplyReader reader;
  reader.expect(expected);
  reader.feed(bytes);
  std::vector<Step> steps;
  do {
    steps.push_back(reader.next());
  } while (steps.back() != Step::incomplete && steps.back() != Step::fault);
  return steps;
}

TEST(MysqlReply, OfRowsIsColumnsThenRowsThenTheirEnd) {
  Server server;
  server.packet("\1")
      .column("a", kLong)
      .end()
      .packet(
          "\1"
          "5")
      .packet("\xfb")
      .end();
  EXPECT_EQ(steps_of(server.bytes()),
            (std::vector{Step::columns, Step::row, Step::row, Step::rows_end, Step::incomplete}));
}

TEST(MysqlReply, HasMoreResultsAsTheStatusSays) {
  Server server;
  server.packet("\1").column("a", kLong).end(kMoreResults).end(kMoreResults).ok(kMoreResults).ok();
  ReplyReader reader;
  reader.expect(Expected::text);
  reader.feed(server.bytes());
  EXPECT_EQ(reader.next(), Step::columns);
  EXPECT_EQ(reader.columns().at(0).name, "a");
  EXPECT_EQ(reader.next(), Step::rows_end);
  EXPECT_TRUE(reader.has_more());
  EXPECT_EQ(reader.next(), Step::ok);
  EXPECT_TRUE(reader.has_more());
  EXPECT_EQ(reader.next(), Step::ok);
  EXPECT_FALSE(reader.has_more());
}

// The names and types of each result of a reply.
std::string columns_of(ReplyReader& reader, std::string_view bytes) {
  reader.expect(Expected::text);
  reader.feed(bytes);
  std::string all;
  for (Step step = reader.next(); step != Step::incomplete; step = reader.next()) {
    if (step != Step::columns) continue;
    for (const Column& column : reader.columns())
      all += column.name + std::to_string(column.type) + ' ';
  }
  return all;
}

TEST(MysqlReply, HasItsOwnColumnsWhateverTheOneBeforeHad) {
  ReplyReader reader;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(columns_of(reader, Server().packet("\1").column("a", kLong).end().end().bytes()),
              "a3 ");
    EXPECT_EQ(columns_of(reader, Server()
                                     .packet("\3")
                                     .column("a", kLong)
                                     .column("b", kTiny)
                                     .column("c", kYear)
                                     .end()
                                     .end()
                                     .bytes()),
              "a3 b1 c13 ");
    EXPECT_EQ(
        columns_of(reader,
                   Server().packet("\2").column("a", kLong).column("c", kYear).end().end().bytes()),
        "a3 c13 ");
    // Cut off before its last column.
    EXPECT_EQ(columns_of(reader, Server().packet("\2").column("x", kTiny).failure().bytes()), "");
    Server wide;
    wide.packet("\x64");
    std::string names;
    for (int k = 0; k < 100; ++k) {
      wide.column("n" + std::to_string(k * (i + 1)), kTiny);
      names += "n" + std::to_string(k * (i + 1)) + "1 ";
    }
    EXPECT_EQ(columns_of(reader, wide.end().end().bytes()), names);
  }
}

TEST(MysqlReply, ThatFailsAnywhereIsReadToItsEnd) {
  Server server;
  server.failure();
  EXPECT_EQ(steps_of(server.bytes()), (std::vector{Step::failure, Step::incomplete}));
  Server in_columns;
  in_columns.packet("\2").column("a", kLong).failure();
  EXPECT_EQ(steps_of(in_columns.bytes()), (std::vector{Step::failure, Step::incomplete}));
  Server in_rows;
  in_rows.packet("\1")
      .column("a", kLong)
      .end()
      .packet(
          "\1"
          "5")
      .failure();
  EXPECT_EQ(steps_of(in_rows.bytes()),
            (std::vector{Step::columns, Step::row, Step::failure, Step::incomplete}));
}

TEST(MysqlReply, ToAPrepareHasParametersThenColumns) {
  Server server;
  server.packet(number(0, 1) + number(7, 4) + number(1, 2) + number(2, 2) + number(0, 1) +
                number(3, 2));
  server.column("?", kVarchar).column("?", kVarchar).end().column("a", kLong).end();
  ReplyReader reader;
  reader.expect(Expected::prepared);
  reader.feed(server.bytes());
  ASSERT_EQ(reader.next(), Step::prepared);
  EXPECT_EQ(reader.prepared().id, 7u);
  EXPECT_EQ(reader.parameters().size(), 2u);
  EXPECT_EQ(reader.columns().size(), 1u);
  EXPECT_EQ(reader.prepared().warnings, 3);
}

TEST(MysqlReply, OfWhatNoServerSendsIsAFaultForGood) {
  Server eof, empty, column_ok, column_eof, file, many, short_column, no_end, no_prepare;
  EXPECT_EQ(steps_of(eof.end().bytes()).back(), Step::fault);
  EXPECT_EQ(steps_of(empty.packet("").bytes()).back(), Step::fault);
  EXPECT_EQ(steps_of(column_ok.packet("\1").ok().bytes()).back(), Step::fault);
  EXPECT_EQ(steps_of(column_eof.packet("\1").end().bytes()).back(), Step::fault);
  EXPECT_EQ(steps_of(file.packet("\xfb/etc/hostname").bytes()).back(), Step::fault);
  EXPECT_EQ(steps_of(many.packet("\xfd\xff\xff\xff").bytes()).back(), Step::fault);
  EXPECT_EQ(steps_of(short_column.packet("\1").packet("\3def\2d").bytes()).back(), Step::fault);
  EXPECT_EQ(steps_of(no_end.packet("\1")
                         .column("a", kLong)
                         .packet("\1"
                                 "5")
                         .bytes())
                .back(),
            Step::fault);
  EXPECT_EQ(steps_of(no_prepare.packet("\1").bytes(), Expected::prepared).back(), Step::fault);
  ReplyReader reader;
  reader.expect(Expected::text);
  reader.feed(eof.bytes());
  EXPECT_EQ(reader.next(), Step::fault);
  EXPECT_TRUE(reader.is_misplaced());
  reader.feed(Server().ok().bytes());
  EXPECT_EQ(reader.next(), Step::fault);
}

// A server that is about to close says why, without being asked.
TEST(MysqlReply, WithTheNumberZeroAnswersNothing) {
  std::string bytes = Server().failure().bytes();
  bytes[3] = '\0';
  EXPECT_EQ(steps_of(bytes), std::vector{Step::fault});
}

// ---- rows ---------------------------------------------------------------------------------------

Column column_of(Type type, std::uint16_t flags = 0, std::uint8_t decimals = 0) {
  Column column;
  column.type = type;
  column.flags = flags;
  column.decimals = decimals;
  return column;
}

std::string show(const Value& value) {
  switch (value.kind) {
    case Kind::null: return "null";
    case Kind::integer: return "i" + std::to_string(value.integer);
    case Kind::natural: return "n" + std::to_string(value.natural);
    case Kind::real: return "r" + std::to_string(value.real);
    case Kind::whole: return "w" + std::to_string(value.integer);
    case Kind::text: return std::string(value.text);
  }
  return "?";
}

std::string from_text(Type type, std::string_view bytes) {
  const std::string packet = text(bytes);
  TextRow row(packet);
  Value value;
  EXPECT_TRUE(row.next(column_of(type), value));
  EXPECT_TRUE(row.at_end());
  return show(value);
}

TEST(MysqlTextRow, NumbersAreReadByTheTypeOfTheirColumn) {
  EXPECT_EQ(from_text(kLong, "-5"), "i-5");
  EXPECT_EQ(from_text(kInt24, "007"), "i7");
  EXPECT_EQ(from_text(kLongLong, "9223372036854775807"), "i9223372036854775807");
  EXPECT_EQ(from_text(kLongLong, "18446744073709551615"), "n18446744073709551615");
  EXPECT_EQ(from_text(kNewDecimal, "12.50"), "r12.500000");
  EXPECT_EQ(from_text(kNewDecimal, "-12"), "w-12");
  EXPECT_EQ(from_text(kDouble, "1e3"), "r1000.000000");
  EXPECT_EQ(from_text(kDouble, "-.5"), "r-0.500000");
  EXPECT_EQ(from_text(kLong, "1x"), "null");
  EXPECT_EQ(from_text(kDouble, "inf"), "null");
  EXPECT_EQ(from_text(kDouble, "-nan"), "null");
  EXPECT_EQ(from_text(kLong, ""), "null");
  EXPECT_EQ(from_text(kDatetime, "2020-01-02"), "2020-01-02");
  EXPECT_EQ(from_text(kBit, "\1"), "\1");
}

TEST(MysqlTextRow, ANumberIsTheNearestToItsDigits) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string digits = std::to_string(random() >> random() % 64);
    digits.insert(random() % (digits.size() + 1), random() % 2 == 0 ? "." : "");
    if (random() % 2 == 0) digits.insert(0, "-");
    if (digits.back() == '.' || digits.size() > 18) continue;
    const bool whole = digits.find('.') == std::string::npos;
    const std::string packet = text(digits);
    Value value;
    ASSERT_TRUE(TextRow(packet).next(column_of(kDouble), value));
    ASSERT_EQ(value.kind, whole ? Kind::whole : Kind::real) << digits;
    ASSERT_EQ(value.real, std::strtod(digits.c_str(), nullptr)) << digits;
    if (!whole) continue;
    ASSERT_EQ(value.integer, std::stoll(digits));
    ASSERT_EQ(from_text(kLongLong, digits), "i" + std::to_string(std::stoll(digits)));
  }
  Value value;
  ASSERT_TRUE(TextRow("\4-0.0").next(column_of(kDouble), value));
  EXPECT_TRUE(std::signbit(value.real));
}

TEST(MysqlTextRow, WhatIsNoNumberIsNone) {
  for (const char* digits :
       {"-", ".", "-.", "+1", "1 ", " 1", "1-", "--1", "1.2.3", "1.x", "0x1", "1e"}) {
    EXPECT_EQ(from_text(kDouble, digits), "null") << digits;
  }
  EXPECT_EQ(from_text(kDouble, "1."), "r1.000000");
  EXPECT_EQ(from_text(kLong, "1.5"), "r1.500000");
}

TEST(MysqlTextRow, CutShortIsNone) {
  Value value;
  EXPECT_FALSE(TextRow("\5four").next(column_of(kVarchar), value));
  EXPECT_FALSE(TextRow("").next(column_of(kVarchar), value));
  EXPECT_FALSE(TextRow("\xff").next(column_of(kVarchar), value));
}

std::string from_binary(const Column& column, std::string_view bytes) {
  const std::string packet = std::string(2, '\0') + std::string(bytes);
  BinaryRow row(packet, 1);
  Value value;
  if (!row.next(column, value)) return "false";
  EXPECT_TRUE(row.at_end());
  return show(value);
}

TEST(MysqlBinaryRow, IntegersHaveTheSignAndSizeOfTheirColumn) {
  EXPECT_EQ(from_binary(column_of(kTiny), "\xff"), "i-1");
  EXPECT_EQ(from_binary(column_of(kTiny, kUnsigned), "\xff"), "i255");
  EXPECT_EQ(from_binary(column_of(kShort), "\xfe\xff"), "i-2");
  EXPECT_EQ(from_binary(column_of(kYear, kUnsigned), number(2020, 2)), "i2020");
  EXPECT_EQ(from_binary(column_of(kInt24), number(0xfffeee90, 4)), "i-70000");
  EXPECT_EQ(from_binary(column_of(kLong, kUnsigned), number(4294967295, 4)), "i4294967295");
  EXPECT_EQ(from_binary(column_of(kLongLong), number(UINT64_MAX, 8)), "i-1");
  EXPECT_EQ(from_binary(column_of(kLongLong, kUnsigned), number(UINT64_MAX, 8)),
            "n18446744073709551615");
}

TEST(MysqlBinaryRow, DatesAreWrittenAsTheTextProtocolWritesThem) {
  const std::string date = number(2020, 2) + "\3\x14";
  EXPECT_EQ(from_binary(column_of(kDate), "\4" + date), "2020-03-20");
  EXPECT_EQ(from_binary(column_of(kDate), number(0, 1)), "0000-00-00");
  EXPECT_EQ(from_binary(column_of(kDatetime), "\4" + date), "2020-03-20 00:00:00");
  EXPECT_EQ(from_binary(column_of(kDatetime), number(0, 1)), "0000-00-00 00:00:00");
  EXPECT_EQ(from_binary(column_of(kTimestamp), "\7" + date + "\1\2\3"), "2020-03-20 01:02:03");
  EXPECT_EQ(from_binary(column_of(kDatetime, 0, 6), "\x0b" + date + "\1\2\3" + number(45, 4)),
            "2020-03-20 01:02:03.000045");
  EXPECT_EQ(from_binary(column_of(kDatetime, 0, 3), "\x0b" + date + "\1\2\3" + number(120000, 4)),
            "2020-03-20 01:02:03.120");
  EXPECT_EQ(from_binary(column_of(kDatetime, 0, 2), "\7" + date + "\1\2\3"),
            "2020-03-20 01:02:03.00");
  EXPECT_EQ(from_binary(column_of(kDatetime), "\5" + date), "false");
}

TEST(MysqlBinaryRow, TimesMayBeNegativeAndOfMoreThanADay) {
  EXPECT_EQ(from_binary(column_of(kTime), number(0, 1)), "00:00:00");
  EXPECT_EQ(from_binary(column_of(kTime), "\x08" + number(0, 5) + "\x0a\x0b\x0c"), "10:11:12");
  EXPECT_EQ(from_binary(column_of(kTime), "\x08\1" + number(34, 4) + "\x16\x3b\x3b"), "-838:59:59");
  EXPECT_EQ(
      from_binary(column_of(kTime, 0, 3), "\x0c" + number(0, 5) + "\1\2\3" + number(45000, 4)),
      "01:02:03.045");
  // What no server sends still fits where it is written.
  EXPECT_EQ(from_binary(column_of(kTime, 0, 6), "\x0c" + std::string(12, '\xff')).substr(0, 1),
            "-");
  EXPECT_EQ(from_binary(column_of(kDatetime, 0, 6), "\x0b" + std::string(11, '\xff')).substr(0, 5),
            "65535");
}

TEST(MysqlBinaryRow, KnowsDecimalsTextsAndNulls) {
  EXPECT_EQ(from_binary(column_of(kNewDecimal), text("12.50")), "r12.500000");
  EXPECT_EQ(from_binary(column_of(kJson), text("{}")), "{}");
  EXPECT_EQ(from_binary(column_of(kBit), text("\2\1")), "\2\1");
  EXPECT_EQ(from_binary(column_of(kFloat), number(0x3fc00000, 4)), "r1.500000");
  EXPECT_EQ(from_binary(column_of(static_cast<Type>(200)), text("x")), "false");
  const std::string packet("\0\4", 2);  // the bits begin with two that no column has
  Value value;
  EXPECT_TRUE(BinaryRow(packet, 1).next(column_of(kLong), value));
  EXPECT_EQ(show(value), "null");
}

TEST(MysqlBinaryRow, CutShortIsNone) {
  Value value;
  EXPECT_FALSE(BinaryRow("", 1).next(column_of(kLong), value));
  EXPECT_FALSE(BinaryRow(std::string_view("\0", 1), 1).next(column_of(kLong), value));
  EXPECT_FALSE(BinaryRow(std::string_view("\1\0", 2), 1).next(column_of(kNullType), value));
  EXPECT_EQ(from_binary(column_of(kLong), "abc"), "false");
  EXPECT_EQ(from_binary(column_of(kVarchar), "\4abc"), "false");
  EXPECT_EQ(from_binary(column_of(kDatetime), "\7abc"), "false");
}

}  // namespace
}  // namespace runtime::mysql
