#include "core/failures.h"

#include <gtest/gtest.h>

namespace runtime {
namespace {

TEST(Failures, TheLastServiceThatFailedIsKept) {
  Failures failures;
  failures.note(7, "f.lua:1: oh\nstack traceback:\n\t[C]: in ?");
  EXPECT_EQ(failures.why(7), "f.lua:1: oh");
  EXPECT_EQ(failures.why(8), "");
  failures.note(8, "other");
  EXPECT_EQ(failures.why(7), "");
}

TEST(Failures, TheFirstReasonOfTheNodesEndStays) {
  Failures failures;
  EXPECT_EQ(failures.reason(), "");
  failures.end_node("first\nmore");
  failures.end_node("second");
  EXPECT_EQ(failures.reason(), "first");
}

TEST(Failures, ALineThatOnlyAnnouncesTheReasonBringsTheNextOne) {
  EXPECT_EQ(one_line("error loading module 'm' from file 'm.lua':\n\tm.lua:1: oh\nmore"),
            "error loading module 'm' from file 'm.lua': m.lua:1: oh");
  EXPECT_EQ(one_line("module 'm' not found:\n\tno field package.preload['m']"),
            "module 'm' not found:");
  EXPECT_EQ(one_line("nothing behind it:"), "nothing behind it:");
  EXPECT_EQ(one_line("it:\n"), "it: ");
  EXPECT_EQ(one_line(""), "");
}

}  // namespace
}  // namespace runtime
