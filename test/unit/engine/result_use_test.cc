#include "lua/result_use.h"

#include "seri_state.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

class ResultUseTest : public SeriState {
 protected:
  ResultUseTest() { lua_register(L, "ask", l_ask); }

  // ask(): notes in the global `answer` whether its results are dropped, and gives true.
  static int l_ask(lua_State* L) {
    lua_pushboolean(L, results_are_dropped(L));
    lua_setglobal(L, "answer");
    lua_pushboolean(L, 1);
    return 1;
  }
};

TEST_F(ResultUseTest, AStatementDropsResults) {
  EXPECT_EQ(eval("ask() return answer"), "true");
  EXPECT_EQ(eval("local function f() ask() return 1 end local a = f() return answer"), "true");
  EXPECT_EQ(eval("coroutine.wrap(function() ask() end)() return answer"), "true");
}

TEST_F(ResultUseTest, OtherCallsMayUseThem) {
  for (const char* call :
       {"local a = ask()", "local a, b = ask()", "if ask() then end", "local t = { ask() }",
        "local t = { ask(), 1 }", "local function f() return ask() end local a = f()",
        "assert(ask())", "pcall(ask)", "local a = not ask()", "for _ in ask do break end",
        "coroutine.wrap(ask)()", "local t = setmetatable({}, { __index = ask }) t = t.x",
        "local t = setmetatable({}, { __call = ask }) t = t()"}) {
    EXPECT_EQ(eval(std::string(call) + " return answer"), "false") << call;
  }
}

// On LuaJIT each of the loops is compiled.
TEST_F(ResultUseTest, ItIsTheSameInALoop) {
  EXPECT_EQ(eval("local dropped = 0\n"
                 "for i = 1, 500 do ask() if answer then dropped = dropped + 1 end end\n"
                 "return dropped"),
            "500");
  EXPECT_EQ(eval("local dropped, a = 0\n"
                 "for i = 1, 500 do a = ask() if answer then dropped = dropped + 1 end end\n"
                 "return dropped"),
            "0");
}

#ifdef RUNTIME_LUAJIT
TEST_F(ResultUseTest, ACallbackOfTheFfiIsNotKnown) {
  EXPECT_EQ(
      eval("local ffi = require 'ffi'\n"
           "ffi.cdef 'void qsort(void *, size_t, size_t, int (*)(const void *, const void *));'\n"
           "local bytes = ffi.new('char[2]', { 2, 1 })\n"
           "jit.off()\n"
           "pcall(ffi.C.qsort, bytes, 2, 1, ask)\n"
           "return answer"),
      "false");
}
#endif

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
