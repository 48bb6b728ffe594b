#include <gtest/gtest.h>

#include <string>

#include "sproto/schema.h"
#include "sproto/slots.h"
#include "sproto/wire.h"
#include "sproto/zero_pack.h"

namespace runtime::sproto {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string packed(std::string_view bytes) {
  std::string out(max_packed(bytes.size()), '\0');
  out.resize(zero_pack(bytes, out.data()));
  return out;
}

// .A { a 0 : integer b 1 : *string }  foo 1 { request A response nil }
constexpr std::string_view kBundle =
    "\x02\0\0\0\0\0"
    "\x3b\0\0\0\x37\0\0\0\x02\0\0\0\0\0\x01\0\0\0A\x28\0\0\0"
    "\x0f\0\0\0\x04\0\0\0\x02\0\x01\0\x02\0\x01\0\0\0a"
    "\x11\0\0\0\x05\0\0\0\x06\0\x01\0\x04\0\x04\0\x01\0\0\0b"
    "\x17\0\0\0\x13\0\0\0\x05\0\0\0\x04\0\x02\0\x01\0\x04\0\x03\0\0\0foo"sv;

TEST(SprotoWire, WordsGiveTagsInlineValuesAndParts) {
  auto reader = StructReader::open("\x04\0\x03\0\x04\0\0\0\xc3\x07\x01\0\0\0xtail"sv);
  ASSERT_TRUE(reader);
  StructReader::Value value;
  ASSERT_EQ(reader->next(&value), Step::value);
  EXPECT_EQ(value.tag, 2);
  EXPECT_FALSE(value.is_part);
  EXPECT_EQ(value.number, 1);
  ASSERT_EQ(reader->next(&value), Step::value);
  EXPECT_EQ(value.tag, 3);
  EXPECT_EQ(value.part, "x");
  EXPECT_EQ(reader->next(&value), Step::end);
  EXPECT_EQ(reader->used(), 15u);
}

TEST(SprotoWire, LengthsThatWrapAroundAreBroken) {
  for (const char last : {'\xfc', '\xfd', '\xfe', '\xff'}) {
    std::string bytes = "\x01\0\0\0\xff\xff\xff\xff"s + "abcdefgh";
    bytes[4] = last;
    auto reader = StructReader::open(bytes);
    ASSERT_TRUE(reader);
    StructReader::Value value;
    EXPECT_EQ(reader->next(&value), Step::broken);
  }
}

TEST(SprotoWire, HeaderThatIsCutShortIsRefused) {
  EXPECT_FALSE(StructReader::open(""));
  EXPECT_FALSE(StructReader::open("\x01"sv));
  EXPECT_FALSE(StructReader::open("\x02\0\x01\0"sv));
}

TEST(SprotoSchema, BundleGivesTypesAndProtocols) {
  const SchemaRef schema = Schema::load(kBundle);
  ASSERT_TRUE(schema);
  const Type* type = schema->type("A");
  ASSERT_TRUE(type);
  ASSERT_EQ(type->fields.size(), 2u);
  EXPECT_EQ(type->find(1)->name, "b");
  EXPECT_TRUE(type->find(1)->array);
  EXPECT_EQ(type->find(2), nullptr);
  ASSERT_TRUE(schema->protocol("foo"));
  EXPECT_EQ(schema->protocol(1), schema->protocol("foo"));
  EXPECT_EQ(schema->protocol(1)->request, type);
  EXPECT_TRUE(schema->protocol(1)->confirm);
  EXPECT_EQ(schema->protocol(2), nullptr);
}

TEST(SprotoSchema, AnyCutBundleIsRefused) {
  for (std::size_t size = 0; size < kBundle.size(); ++size)
    EXPECT_FALSE(Schema::load(kBundle.substr(0, size)));
  EXPECT_FALSE(Schema::load(std::string(kBundle) + "x"));
}

TEST(SprotoSchema, TypeWithoutFieldsHasNone) {
  const SchemaRef schema =
      Schema::load("\x01\0\0\0\x13\0\0\0\x0f\0\0\0\x02\0\0\0\0\0\x01\0\0\0A\0\0\0\0"sv);
  ASSERT_TRUE(schema);
  EXPECT_TRUE(schema->type("A")->fields.empty());
}

TEST(SprotoSchema, IndexOfATypeThatIsNotThereIsRefused) {
  std::string bundle(kBundle);
  const std::size_t request = bundle.rfind("\x05\0\0\0\x04\0\x02\0"sv) + 6;
  bundle[request] = '\x04';  // type 1 of 1
  EXPECT_FALSE(Schema::load(bundle));
}

TEST(SprotoSlots, SchemaLivesAsLongAsSomebodyHoldsIt) {
  save(15, Schema::load(kBundle));
  const SchemaRef held = saved(15);
  ASSERT_TRUE(held);
  save(15, nullptr);
  EXPECT_FALSE(saved(15));
  EXPECT_EQ(held.use_count(), 1);
}

TEST(SprotoZeroPack, ExamplesOfTheFormat) {
  EXPECT_EQ(packed(""), "");
  EXPECT_EQ(packed("\x08"), "\x01\x08");
  EXPECT_EQ(packed("\0\0\0\0\0\0\0\0"sv), "\0"sv);
  EXPECT_EQ(packed("\x08\0\0\0\x03\0\x02\0\x19\0\0\0\xaa\x01\0\0"sv),
            "\x51\x08\x03\x02\x31\x19\xaa\x01");
  EXPECT_EQ(packed("\x01\x02\x03\x04\x05\x06\x07\x08"), "\xff\0\x01\x02\x03\x04\x05\x06\x07\x08"sv);
}

TEST(SprotoZeroPack, RunEndsAfter256Segments) {
  const std::string out = packed(std::string(2056, '\1'));
  ASSERT_EQ(out.size(), 2060u);
  EXPECT_EQ(out.substr(0, 2), "\xff\xff");
  EXPECT_EQ(out.substr(2050, 3), "\xff\0\x01"sv);
}

TEST(SprotoZeroPack, CutInputIsRefusedAtEachPlace) {
  const std::string out = packed("\x01\x02\x03\x04\x05\x06\x07\x08\x09\0\x0b"sv);
  EXPECT_EQ(unpacked_size(out), 16u);
  for (std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{9}, out.size() - 1}) {
    EXPECT_FALSE(unpacked_size(std::string_view(out).substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace runtime::sproto
