#include "lua/record_shapes.h"

#include "seri_state.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

// Messages that are unpacked are what makes records.
class RecordShapesTest : public SeriState {
 protected:
  // True after as many unpacks of a table with these fields as make a shape known.
  bool is_learnt(std::initializer_list<const char*> fields) {
    RecordKey keys[kRecordKeys];
    int count = 0;
    for (const char* field : fields) keys[count++] = {field, std::strlen(field)};
    bool frequent;
    return RecordShapes::of(L)->find(keys, count, &frequent) != nullptr;
  }
};

constexpr char kUnpackOften[] =
    "local function often(t)\n"
    "  local bytes = packstring(t)\n"
    "  for _ = 1, 10 do unpack_message(bytes) end\n"
    "  return unpack_message(bytes)\n"
    "end\n";

TEST_F(RecordShapesTest, AShapeThatIsMetOftenIsLearnt) {
  eval("unpack_message(packstring { one = 1 })");
  EXPECT_FALSE(is_learnt({"one"}));
  eval(std::string(kUnpackOften) + "often { one = 1 }");
  EXPECT_TRUE(is_learnt({"one"}));
  EXPECT_FALSE(is_learnt({"two"}));
  EXPECT_FALSE(is_learnt({"one", "two"}));
}

TEST_F(RecordShapesTest, ARecordHasTheValuesOfItsMessage) {
  EXPECT_EQ(eval(std::string(kUnpackOften) +
                 "local t = often { id = 2^31, half = -0.5, yes = true, no = false, name = 'text', "
                 "empty = '', list = { 1, 2 },\n"
                 "  long = ('long'):rep(100), inner = { id = 3, name = 'inner' } }\n"
                 "return t.id == 2^31 and t.half == -0.5 and t.yes == true and t.no == false and "
                 "t.name == 'text' and\n"
                 "  t.empty == '' and #t.list == 2 and t.long == ('long'):rep(100) and t.inner.id "
                 "== 3 and t.inner.name == 'inner'"),
            "true");
}

// The bytes tell the order of the pairs.
TEST_F(RecordShapesTest, ARecordIsTheTableThatItsFieldsMakeOneByOne) {
  EXPECT_EQ(
      eval(
          "local seed = 11\n"
          "local function random(n) seed = seed * 16807 % 2147483647 return seed % n + 1 end\n"
          "local shapes, alive = {}, {}\n"
          "for k = 1, 40 do alive[k] = 'k' .. k end\n"  // LuaJIT gives a string another place when it is made anew
          "for i = 1, 100 do\n"
          "  local t = {}\n"
          "  for k = 1, random(26) do t['k' .. random(40)] = k % 3 == 0 and { inner = 'x' .. k, k "
          "= k } or k end\n"
          "  shapes[i] = packstring(t)\n"
          "end\n"
          "local learnt = {}\n"
          "for round = 1, 5000 do\n"
          "  local bytes = shapes[random(random(100))]\n"
          "  local t = unpack_message(bytes)\n"
          "  if packstring(t) ~= (learnt[bytes] or packstring(t)) then return round end\n"
          "  learnt[bytes] = learnt[bytes] or packstring(t)\n"
          "  for k = 1, random(10) do t['new' .. random(50)] = { k } end\n"
          "  for k = 1, random(10) do t['k' .. random(40)] = nil end\n"
          "  local kept = 0\n"
          "  for k, v in pairs(t) do\n"
          "    kept = kept + 1\n"
          "    if rawequal(t[k], nil) or t[k] ~= v then return k end\n"
          "  end\n"
          "  if round % 500 == 0 then collectgarbage() end\n"
          "end\n"
          "return 'same'"),
      "same");
}

TEST_F(RecordShapesTest, TheCollectorMayRunAtAnyTime) {
  for (const char* mode : {"collectgarbage('setpause', 1) collectgarbage('setstepmul', 1000000)\n",
                           "pcall(collectgarbage, 'generational')\n"}) {
    EXPECT_EQ(eval(std::string(mode) + kUnpackOften +
                   "local kept = {}\n"
                   "for i = 1, 1000 do\n"
                   "  local t = unpack_message(packstring { id = i, name = 'name' .. i, at = { x = "
                   "i, y = { 'y' .. i } }, of = 'of' .. i % 7 })\n"
                   "  kept[i % 500] = t\n"
                   "  if i % 50 == 0 then collectgarbage('step', 1) end\n"
                   "  local old = kept[(i + 1) % 500]\n"
                   "  if old and (old.name ~= 'name' .. old.id or old.at.y[1] ~= 'y' .. old.at.x) "
                   "then return i end\n"
                   "end\n"
                   "return 'whole'"),
              "whole");
  }
}

TEST_F(RecordShapesTest, AFinalizerMayUnpackMeanwhile) {
  EXPECT_EQ(eval("local proxy = newproxy or function() return setmetatable({}, {}) end\n"
                 "local ran = 0\n"
                 "local function garbage()\n"
                 "  getmetatable(proxy(true)).__gc = function()\n"
                 "    ran = ran + 1\n"
                 "    for i = 1, 5 do unpack_message(packstring { ['k' .. ran % 90] = { id = ran, "
                 "name = 'gc' } }) end\n"
                 "  end\n"
                 "end\n"
                 "if not newproxy then\n"
                 "  garbage = function()\n"
                 "    setmetatable({}, { __gc = function()\n"
                 "      ran = ran + 1\n"
                 "      for i = 1, 5 do unpack_message(packstring { ['k' .. ran % 90] = { id = "
                 "ran, name = 'gc' } }) end\n"
                 "    end })\n"
                 "  end\n"
                 "end\n"
                 "for i = 1, 3000 do\n"
                 "  garbage()\n"
                 "  local t = unpack_message(packstring { id = i, name = 'n' .. i, ['k' .. i % 70] "
                 "= { 'v' .. i } })\n"
                 "  if t.id ~= i or t.name ~= 'n' .. i or t['k' .. i % 70][1] ~= 'v' .. i then "
                 "return i end\n"
                 "end\n"
                 "return ran > 100"),
            "true");
}

TEST_F(RecordShapesTest, ARecordCanBecomeAMetatable) {
  EXPECT_EQ(eval(std::string(kUnpackOften) + "local meta = often { __index = { found = 'here' } }\n"
                                             "return setmetatable({}, meta).found"),
            "here");
}

TEST_F(RecordShapesTest, ANumberThatIsNoneIsNoReference) {
  // A record { a = NaN }, whose bits are those of a reference on LuaJIT.
  lua_pushlstring(L,
                  "\x06\x0c"
                  "a"
                  "\x42\x78\x56\x34\x12\x00\x00\xfa\xff\x00",
                  13);
  lua_setglobal(L, "bytes");
  EXPECT_EQ(eval("local t\n"
                 "for _ = 1, 10 do t = unpack_message(bytes) end\n"
                 "return type(t.a) .. tostring(t.a ~= t.a)"),
            "numbertrue");
  EXPECT_TRUE(is_learnt({"a"}));
}

TEST_F(RecordShapesTest, AKeyThatStandsTwiceMakesNoShape) {
  lua_pushlstring(L,
                  "\x06\x0c"
                  "a"
                  "\x11\x0c"
                  "a"
                  "\x09\x00",
                  8);
  lua_setglobal(L, "bytes");
  EXPECT_EQ(eval("local t\n"
                 "for _ = 1, 100 do t = unpack_message(bytes) end\n"
                 "return tostring(t.a) .. tostring(next(t, 'a'))"),
            "truenil");
  EXPECT_FALSE(is_learnt({"a", "a"}));
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
