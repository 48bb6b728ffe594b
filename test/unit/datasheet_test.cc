#include "share/datasheet.h"

#include <gtest/gtest.h>

#include <random>

#include "share/cell.h"

namespace runtime::share {
namespace {

// { 1, 0.5, a = "text", b = { c = true } }
std::string example() {
  SheetWriter writer;
  writer.add_table();
  writer.begin();
  writer.element(SheetType::integer, 1);
  writer.element(SheetType::number, 0x3f000000);
  writer.pair(writer.text("a"), SheetType::text, writer.text("text"));
  writer.pair(writer.text("b"), SheetType::table, writer.add_table());
  writer.end();
  writer.begin();
  writer.pair(writer.text("c"), SheetType::boolean, 0x01000000);
  writer.end();
  return writer.finish();
}

Value look(const Table* table, const Key& key) {
  const std::uint32_t slot = table->find(key);
  return slot == Table::kNone ? Value() : table->value(slot);
}

TEST(Datasheet, WhatIsWrittenIsRead) {
  const ImageRef image = read_sheet(example());
  ASSERT_TRUE(image);
  const Table* root = image->root();
  EXPECT_EQ(root->length(), 2U);
  EXPECT_EQ(look(root, Key::of(1)).integer, 1);
  EXPECT_EQ(look(root, Key::of(2)).number, 0.5);
  EXPECT_EQ(look(root, Key::of("a")).text->view(), "text");
  const Table* b = look(root, Key::of("b")).table;
  EXPECT_TRUE(look(b, Key::of("c")).boolean);
  EXPECT_EQ(b->parent(), root);
}

TEST(Datasheet, ATextIsStoredOnce) {
  SheetWriter writer;
  EXPECT_EQ(writer.text("x"), writer.text("x"));
  EXPECT_NE(writer.text("x"), writer.text("y"));
}

TEST(Datasheet, IsFoundWholeAtItsAddress) {
  const std::string whole = example();
  const std::string more = whole + "what comes behind it";
  EXPECT_EQ(sheet_at(more.data()), whole);
  SheetWriter empty;
  empty.add_table();
  empty.begin();
  empty.end();
  const std::string nothing = empty.finish();
  EXPECT_EQ(sheet_at(nothing.data()), nothing);
}

TEST(Datasheet, AnythingCutOffIsRefused) {
  const std::string whole = example();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_sheet(whole.substr(0, size))) << size;
}

TEST(Datasheet, RandomDamageIsRefusedOrHarmless) {
  std::mt19937 random(3);
  const std::string whole = example();
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = whole;
    for (int n = random() % 3; n >= 0; --n)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    const ImageRef image = read_sheet(damaged);
    EXPECT_LT(image ? image->bytes() : 0, std::size_t{1} << 20);
  }
}

TEST(Datasheet, AKeyThatComesTwiceIsRefused) {
  SheetWriter writer;
  writer.add_table();
  writer.begin();
  writer.pair(writer.text("a"), SheetType::integer, 1);
  writer.pair(writer.text("a"), SheetType::integer, 2);
  writer.end();
  EXPECT_FALSE(read_sheet(writer.finish())) << "next() would not get past it";
}

TEST(Datasheet, ManyNumbersForOneTableDoNotMultiplyIt) {
  // 1000 tables, all of them the same array of 1000 references to the next ones.
  constexpr std::uint32_t kTables = 1000;
  std::string bytes;
  const auto append = [&bytes](std::uint32_t value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  append(8 + 4 * kTables + 8 + kTables + 4 * kTables);
  append(kTables);
  for (std::uint32_t i = 0; i < kTables; ++i) append(0);
  append(kTables);
  append(0);
  bytes.append(kTables, static_cast<char>(SheetType::table));
  for (std::uint32_t i = 0; i < kTables; ++i) append(i);
  EXPECT_FALSE(read_sheet(bytes));
}

TEST(Cell, ReadersSeeWholeVersionsUntilTheWriterIsGone) {
  Cell cell;
  EXPECT_EQ(cell.read(), nullptr);
  cell.write(std::malloc(3), 3);
  const auto first = cell.read();
  cell.write(std::malloc(5), 5);
  EXPECT_EQ(first->size, 3U);
  EXPECT_EQ(cell.read()->size, 5U);
  cell.close();
  EXPECT_EQ(cell.read(), nullptr);
}

TEST(Cell, AHandleIsGoodOnce) {
  CellHandles handles;
  const auto cell = std::make_shared<Cell>();
  void* handle = handles.add(cell);
  EXPECT_EQ(handles.add(cell), handle);
  EXPECT_EQ(handles.take(handle), cell);
  EXPECT_EQ(handles.take(handle), cell) << "it was made twice";
  EXPECT_EQ(handles.take(handle), nullptr);
  EXPECT_EQ(handles.take(&handles), nullptr);
}

}  // namespace
}  // namespace runtime::share
