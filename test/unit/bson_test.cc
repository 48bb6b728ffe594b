#include <gtest/gtest.h>

#include <set>
#include <string>

#include "bson/object_id.h"
#include "bson/reader.h"
#include "bson/writer.h"

namespace runtime::bson {
namespace {

using namespace std::string_literals;

std::string error_text(const Error& error) {
  char text[kErrorText];
  describe(error, text);
  return text;
}

TEST(BsonWriter, WritesTheBytesOfTheFormat) {
  Writer writer;
  const std::size_t root = writer.open();
  writer.int32("a", 1);
  const std::size_t list = writer.open(Type::array, "b");
  ArrayKey key;
  writer.string(key.next(), "x");
  writer.boolean(key.next(), true);
  writer.close(list);
  writer.close(root);
  EXPECT_EQ(writer.bytes(),
            "\x21\0\0\0"
            "\x10"
            "a\0\1\0\0\0"
            "\4b\0\x12\0\0\0"
            "\2"
            "0\0\2\0\0\0x\0"
            "\x08"
            "1\0\1"
            "\0\0"s);
}

TEST(BsonWriter, BeginsAnewAfterClear) {
  Writer writer;
  for (int i = 0; i < 3; ++i) {
    writer.clear(1 << 10);
    const std::size_t root = writer.open();
    for (int n = 0; n < 1000; ++n) writer.real("key", n);
    writer.close(root);
    EXPECT_EQ(writer.bytes().size(), 5 + 1000 * 13u);
    EXPECT_EQ(check(writer.bytes(), 1).fault, Fault::none);
  }
}

TEST(BsonWriter, SaysThatADocumentIsTooLarge) {
  Writer writer;
  const std::size_t root = writer.open();
  const std::string_view huge(nullptr, kLargestDocument);  // nobody looks at it
  writer.raw(Type::binary, "a", huge);
  EXPECT_TRUE(writer.overflowed());
  for (int i = 0; i < 100; ++i) {
    writer.int32("b", 1);
    const std::size_t inner = writer.open(Type::document, "c");
    writer.string("d", "text");
    writer.regex("e", "a", "b");
    writer.binary("f", 0, "bytes");
    writer.close(inner);
  }
  writer.close(root);
  EXPECT_TRUE(writer.overflowed());
  writer.clear(0);
  EXPECT_FALSE(writer.overflowed());
  writer.close(writer.open());
  EXPECT_EQ(writer.bytes(), "\5\0\0\0\0"s);
}

TEST(BsonArrayKey, CountsInDecimal) {
  ArrayKey key;
  for (int i = 0; i < 12345; ++i) ASSERT_EQ(key.next(), std::to_string(i));
}

TEST(BsonReader, GivesEachElementWithItsBytes) {
  Writer writer;
  const std::size_t root = writer.open();
  writer.real("r", 1.5);
  writer.string("s", "text"s);
  writer.binary("b", 3, "\0\1"s);
  writer.regex("x", "p", "o");
  writer.raw(Type::null, "n", {});
  writer.close(root);
  Reader reader(writer.bytes());
  Element element;
  ASSERT_TRUE(reader.next(&element));
  EXPECT_EQ(element.key, "r");
  EXPECT_EQ(number_of<double>(element), 1.5);
  ASSERT_TRUE(reader.next(&element));
  EXPECT_EQ(text_of(element), "text");
  ASSERT_TRUE(reader.next(&element));
  EXPECT_EQ(binary_of(element).subtype, 3);
  EXPECT_EQ(binary_of(element).bytes, "\0\1"s);
  ASSERT_TRUE(reader.next(&element));
  EXPECT_EQ(regex_of(element).pattern, "p");
  EXPECT_EQ(regex_of(element).options, "o");
  ASSERT_TRUE(reader.next(&element));
  EXPECT_EQ(element.type, Type::null);
  EXPECT_TRUE(element.value.empty());
  EXPECT_FALSE(reader.next(&element));
  EXPECT_EQ(reader.error().fault, Fault::none);
}

TEST(BsonReader, StopsAtTheFirstFaultAndSaysWhich) {
  const struct {
    std::string bytes, error;
  } rows[] = {
      {"", "Invalid bson block (0:4)"},
      {"\4\0\0\0"s, "Invalid bson block (4:4)"},
      {"\xff\xff\xff\xff\0"s, "Invalid bson block (5:-1)"},
      {"\6\0\0\0\0"s, "Invalid bson block (5:6)"},
      {"\5\0\0\0\1"s, "Invalid document end"},
      {"\6\0\0\0\x0a\0"s, "Invalid bson block : cstring"},
      {"\x08\0\0\0\x06"
       "a\0\0"s,
       "Invalid bson type : 6"},
      {"\x0d\0\0\0\2a\0\xff\xff\xff\xff\0\0"s, "Invalid bson string , length = -1"},
      {"\x0d\0\0\0\2a\0\1\0\0\0x\0"s, "Invalid bson string , no zero byte at its end"},
      {"\x0d\0\0\0\2a\0\2\0\0\0\0\0"s, "Invalid bson block (1:2)"},
      {"\x0e\0\0\0\5a\0\xff\xff\xff\xff\0\0\0"s, "Invalid bson block (1:-1)"},
      {"\x0c\0\0\0\x12"
       "a\0\1\1\1\1\0"s,
       "Invalid bson block (4:8)"},
  };
  for (const auto& row : rows) {
    Reader reader(row.bytes);
    Element element;
    EXPECT_FALSE(reader.next(&element));
    EXPECT_EQ(error_text(reader.error()), row.error);
    EXPECT_EQ(error_text(check(row.bytes, 1)), row.error);
    EXPECT_FALSE(reader.next(&element));
  }
}

TEST(BsonCheck, LooksIntoDocumentsInsideAndCountsHowDeepTheyAre) {
  const std::string good = "\x0d\0\0\0\3a\0\5\0\0\0\0\0"s;
  EXPECT_EQ(check(good, 2).fault, Fault::none);
  EXPECT_EQ(check(good, 1).fault, Fault::depth);
  const std::string bad = "\x0d\0\0\0\3a\0\5\0\0\0\1\0"s;
  EXPECT_EQ(check(bad, 2).fault, Fault::end);
  const std::string scope =
      "\x17\0\0\0\x0f"
      "a\0\x0f\0\0\0\2\0\0\0x\0\5\0\0\0\1\0"s;
  EXPECT_EQ(check(scope, 2).fault, Fault::end);
}

TEST(BsonKeyFault, FindsZeroBytesAndBrokenText) {
  EXPECT_EQ(key_fault("plain"), KeyFault::none);
  EXPECT_EQ(key_fault("\xe4\xbd\xa0"), KeyFault::none);
  EXPECT_EQ(key_fault("a\0b"s), KeyFault::zero);
  EXPECT_EQ(key_fault("\xff"), KeyFault::utf8);
}

TEST(BsonObjectId, IsReadAndWrittenInHexadecimal) {
  char id[kObjectIdBytes];
  char hex[2 * kObjectIdBytes];
  ASSERT_TRUE(parse_object_id("0123456789abcdefABCDEF00", id));
  format_object_id(id, hex);
  EXPECT_EQ(std::string(hex, sizeof hex), "0123456789abcdefabcdef00");
  EXPECT_FALSE(parse_object_id("0123456789abcdefABCDEF0", id));
  EXPECT_FALSE(parse_object_id("0123456789abcdefABCDEF0x", id));
}

TEST(BsonObjectId, IsNeverTheSameTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    char id[kObjectIdBytes];
    make_object_id(id);
    EXPECT_TRUE(seen.emplace(id, sizeof id).second);
  }
}

// A document with a short key, a long one, an empty one, and a value of each usual kind.
std::string usual_document() {
  Writer writer;
  const std::size_t root = writer.open();
  writer.int32("a", 1);
  writer.string("of twelve letters", "text");
  writer.real("", 0.5);
  writer.close(writer.open(Type::array, "array"));
  writer.boolean("flag", true);
  writer.int64("id", 7);
  writer.close(root);
  return std::string(writer.bytes());
}

constexpr const char* kUsualKeys[] = {"a", "of twelve letters", "", "array", "flag", "id"};

TEST(BsonReader, TakesTheElementsThatAreExpected) {
  const std::string bytes = usual_document();
  Reader reader(bytes);
  Reader other(bytes);
  Element element, same;
  for (const char* key : kUsualKeys) {
    EXPECT_FALSE(reader.take_expected("b", &element));
    ASSERT_TRUE(reader.take_expected(key, &element)) << key;
    ASSERT_TRUE(other.next(&same));
    EXPECT_EQ(element.type, same.type);
    EXPECT_EQ(element.key, same.key);
    EXPECT_EQ(element.value, same.value);
  }
  EXPECT_FALSE(reader.take_expected("a", &element));
  EXPECT_TRUE(reader.at_end());
}

TEST(BsonReader, ExpectsNoElementThatIsNone) {
  const std::string good = usual_document();
  for (std::size_t place = 0; place < good.size(); ++place) {
    for (int value = 0; value < 256; ++value) {
      std::string bytes = good;
      bytes[place] = static_cast<char>(value);
      Reader reader(bytes);
      for (const char* key : kUsualKeys) {
        Reader other = reader;
        Element element, same;
        if (!reader.take_expected(key, &element)) break;
        ASSERT_TRUE(other.next(&same)) << place << ' ' << value;
        ASSERT_EQ(element.type, same.type);
        ASSERT_EQ(element.key, same.key);
        ASSERT_EQ(element.value, same.value);
      }
    }
  }
  EXPECT_FALSE(Reader("").at_end());
}

}  // namespace
}  // namespace runtime::bson
