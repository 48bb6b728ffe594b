#include "snapshot/object_map.h"

#include <gtest/gtest.h>

namespace runtime {
namespace {

std::string number(const void* address) {
  return std::to_string(reinterpret_cast<std::size_t>(address));
}
const void* object(std::size_t n) { return reinterpret_cast<const void*>(n); }

TEST(ObjectMap, AnObjectIsNewOnce) {
  ObjectMap map;
  EXPECT_TRUE(map.refer(object(1), nullptr, "root"));
  EXPECT_FALSE(map.refer(object(1), object(2), "again"));
  EXPECT_EQ(map.size(), 1U);
}

TEST(ObjectMap, TheTextHasALineForEachParent) {
  ObjectMap map;
  map.refer(object(1), object(7), "first");
  map.describe(object(1), "ta");
  map.describe(object(1), "ble");
  map.refer(object(1), object(8), "other");
  map.refer(object(1), object(7), "last wins");
  EXPECT_EQ(map.address(0), object(1));
  EXPECT_EQ(map.text(0, number), "table\n7 : last wins\n8 : other\n");
}

}  // namespace
}  // namespace runtime
