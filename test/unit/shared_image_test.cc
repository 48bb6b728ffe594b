#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "share/functions.h"
#include "share/image_builder.h"
#include "share/library.h"

namespace runtime::share {
namespace {

// The value of a key; nil when it is absent.
Value look(const Table* table, const Key& key) {
  const std::uint32_t slot = table->find(key);
  return slot == Table::kNone ? Value() : table->value(slot);
}
Value look(const Table* table, std::string_view key) { return look(table, Key::of(key)); }
Value look(const Table* table, std::int64_t key) { return look(table, Key::of(key)); }

// { n = number }
ImageRef numbered(std::int64_t number) {
  ImageBuilder builder;
  builder.begin(builder.add_table());
  builder.entry(Value::of(builder.text("n")), Value::of(number));
  builder.end();
  return builder.finish();
}

TEST(Image, KeysOfEveryKindAreFound) {
  ImageBuilder builder;
  int object = 0;
  Table* root = builder.add_table();
  Table* other = builder.add_table();
  builder.begin(root);
  builder.element(Value::of(true));
  builder.element(Value());
  builder.element(Value::of(2.5));
  builder.entry(Value::of(std::int64_t{-7}), Value::of(std::int64_t{70}));
  builder.entry(Value::of(0.5), Value::of(static_cast<const Table*>(other)));
  builder.entry(Value::of(false), Value::of(builder.text("no")));
  builder.entry(Value::of(static_cast<void*>(&object)), Value::of(builder.text("pointer")));
  builder.entry(Value::of(static_cast<const Table*>(other)), Value::of(std::int64_t{1}));
  builder.entry(Value::of(builder.text("gone")), Value());
  builder.end();
  builder.begin(other);
  builder.end();
  const ImageRef image = builder.finish();

  const Table* table = image->root();
  EXPECT_EQ(table->length(), 3U);
  EXPECT_EQ(table->slots(), 8U) << "an entry without a value is none";
  EXPECT_TRUE(look(table, 1).boolean);
  EXPECT_EQ(look(table, 2).type, Type::nil);
  EXPECT_EQ(look(table, 3).number, 2.5);
  EXPECT_EQ(look(table, 0).type, Type::nil);
  EXPECT_EQ(look(table, 4).type, Type::nil);
  EXPECT_EQ(look(table, -7).integer, 70);
  EXPECT_EQ(look(table, to_key(Value::of(0.5))).table, other);
  EXPECT_EQ(look(table, to_key(Value::of(false))).text->view(), "no");
  EXPECT_EQ(look(table, to_key(Value::of(true))).type, Type::nil);
  EXPECT_EQ(look(table, to_key(Value::of(static_cast<void*>(&object)))).text->view(), "pointer");
  EXPECT_EQ(look(table, to_key(Value::of(static_cast<const Table*>(other)))).integer, 1);
  EXPECT_EQ(look(table, "gone").type, Type::nil);
}

TEST(Image, TablesOfEverySizeFindAllOfTheirKeysAndNoOthers) {
  for (int size = 0; size < 100; ++size) {
    ImageBuilder builder;
    builder.begin(builder.add_table());
    for (int i = 0; i < size; ++i) {
      builder.entry(Value::of(builder.text("key" + std::to_string(i))), Value::of(std::int64_t{i}));
      builder.entry(Value::of(std::int64_t{1000} * i - 5), Value::of(std::int64_t{-i}));
    }
    builder.end();
    const ImageRef image = builder.finish();
    for (int i = 0; i < size; ++i) {
      ASSERT_EQ(look(image->root(), "key" + std::to_string(i)).integer, i);
      ASSERT_EQ(look(image->root(), 1000 * i - 5).integer, -i);
      ASSERT_EQ(image->root()->find(to_key(image->root()->key(i))), static_cast<std::uint32_t>(i));
    }
    ASSERT_EQ(look(image->root(), "key" + std::to_string(size)).type, Type::nil);
    ASSERT_EQ(look(image->root(), "").type, Type::nil);
  }
}

TEST(Image, TextsOfEveryLengthDiffer) {
  ImageBuilder builder;
  const std::string bytes = "the quick brown fox jumps over the lazy dog";
  builder.begin(builder.add_table());
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    builder.entry(Value::of(builder.text(bytes.substr(0, size))),
                  Value::of(static_cast<std::int64_t>(size)));
  }
  builder.end();
  EXPECT_EQ(builder.text("the"), builder.text(std::string("the"))) << "each text is stored once";
  const ImageRef image = builder.finish();
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const Value value = look(image->root(), bytes.substr(0, size));
    ASSERT_EQ(value.integer, static_cast<std::int64_t>(size));
  }
  std::string other = bytes;
  for (char& c : other) {
    ++c;
    ASSERT_EQ(look(image->root(), other).type, Type::nil);
    --c;
  }
}

// { list = { {}, { leaf = {} } } }, without the leaf if so wanted; the leaf has the number
// `number`.
ImageRef nested(bool with_leaf, std::int64_t number) {
  ImageBuilder builder;
  Table* root = builder.add_table();
  Table* list = builder.add_table();
  Table* first = builder.add_table();
  Table* second = builder.add_table();
  Table* leaf = builder.add_table();
  const auto value = [](Table* table) { return Value::of(static_cast<const Table*>(table)); };
  builder.begin(root);
  builder.entry(Value::of(builder.text("list")), value(list));
  builder.end();
  builder.begin(list);
  builder.element(value(first));
  builder.element(value(second));
  builder.end();
  builder.begin(first);
  builder.entry(Value::of(builder.text("up")), value(root));
  builder.end();
  builder.begin(second);
  if (with_leaf) builder.entry(Value::of(builder.text("leaf")), value(leaf));
  builder.end();
  builder.begin(leaf);
  builder.entry(Value::of(builder.text("n")), Value::of(number));
  builder.end();
  return builder.finish();
}

const Table* leaf_of(const ImageRef& image) {
  return look(look(look(image->root(), "list").table, 2).table, "leaf").table;
}

TEST(Image, APlaceIsFoundAgainInAnotherVersion) {
  const ImageRef one = nested(true, 1);
  const ImageRef two = nested(true, 2);
  const ImageRef without = nested(false, 3);
  const Table* place = same_place(leaf_of(one), *two.get());
  ASSERT_NE(place, nullptr);
  EXPECT_EQ(look(place, "n").integer, 2);
  EXPECT_EQ(same_place(leaf_of(one), *without.get()), nullptr);
  EXPECT_EQ(same_place(one->root(), *without.get()), without->root());
}

TEST(Image, ACycleLeavesTheRootWithoutParent) {
  const ImageRef image = nested(true, 1);
  EXPECT_EQ(image->root()->parent(), nullptr);
  EXPECT_EQ(leaf_of(image)->parent()->parent()->parent(), image->root());
}

TEST(Image, FunctionsOfTheOtherEngineAreFoundByTheirPlaces) {
  const auto with_function = [](const char* lua54, const char* luajit) {
    ImageBuilder builder;
    builder.begin(builder.add_table());
    Function function;
    function.bytecode[static_cast<int>(Engine::lua54)] = lua54;
    function.bytecode[static_cast<int>(Engine::luajit)] = luajit;
    builder.entry(Value::of(builder.text("f")), builder.add_function(std::move(function)));
    builder.end();
    return builder.finish();
  };
  const ImageRef image = with_function("code for 5.4", "");
  adopt_functions(image, *with_function("", "code for LuaJIT").get(), Engine::luajit);
  const Function& function = image->functions()[0];
  EXPECT_EQ(function.bytecode[0], "code for 5.4");
  EXPECT_EQ(function.bytecode[1], "code for LuaJIT");
}

TEST(Image, GoesWithItsLastReference) {
  const ImageTotals before = image_totals();
  {
    ImageRef image = numbered(1);
    const ImageRef second = image;
    image = ImageRef();
    EXPECT_EQ(image_totals().images, before.images + 1);
    EXPECT_GT(image_totals().bytes, before.bytes);
    EXPECT_EQ(look(second->root(), "n").integer, 1);
  }
  EXPECT_EQ(image_totals().images, before.images);
  EXPECT_EQ(image_totals().bytes, before.bytes);
}

TEST(Library, ANameHasOneLineageUntilItIsRemoved) {
  Library library;
  EXPECT_FALSE(library.find("a"));
  EXPECT_TRUE(library.add("a", numbered(1)));
  EXPECT_FALSE(library.add("a", numbered(2)));
  const ImageRef first = library.find("a");
  library.replace("a", numbered(3));
  const ImageRef second = library.find("a");
  EXPECT_EQ(look(second->root(), "n").integer, 3);
  EXPECT_EQ(first->lineage(), second->lineage());
  EXPECT_EQ(second->name(), "a");
  EXPECT_EQ(look(first->root(), "n").integer, 1) << "who holds a version keeps it";
  EXPECT_TRUE(library.remove("a"));
  EXPECT_FALSE(library.remove("a"));
  library.replace("a", numbered(4));
  EXPECT_NE(library.find("a")->lineage(), second->lineage());
  EXPECT_EQ(library.names(), std::vector<std::string>{"a"});
}

TEST(Library, KnowsWhoHoldsADocument) {
  Library library;
  library.add("a", numbered(1));
  const std::uint64_t lineage = library.find("a")->lineage();
  library.hold(lineage, 8);
  library.hold(lineage, 8);
  library.hold(lineage, 9);
  library.hold(lineage + 1, 10);
  library.let_go(lineage, 8);
  EXPECT_EQ(library.holders("a"), (std::vector<std::uint32_t>{8, 9}));
  library.let_go(lineage, 8);
  library.let_go(lineage, 8);
  EXPECT_EQ(library.holders("a"), std::vector<std::uint32_t>{9});
  EXPECT_TRUE(library.holders("b").empty());
}

TEST(Library, ReadersAndWritersOnManyThreadsSeeWholeVersions) {
  Library library;
  library.add("a", numbered(0));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&library, t] {
      for (int i = 0; i < 2000; ++i) {
        if (t == 0) library.replace("a", numbered(i));
        const ImageRef image = library.find("a");
        ASSERT_EQ(look(image->root(), "n").type, Type::integer);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(library.find("a")->references(), 2U);
}

}  // namespace
}  // namespace runtime::share
