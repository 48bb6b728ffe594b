#include <gtest/gtest.h>

#include <map>
#include <random>

#include "lua/session_table.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using Model = std::map<std::int32_t, std::int32_t>;  // from sessions to functions

void expect_same(WaitTable& table, const Model& model) {
  for (const auto& [session, function] : model) {
    const WaitEntry* const entry = table.find(session);
    ASSERT_NE(entry, nullptr) << session;
    EXPECT_EQ(entry->function, function);
  }
  Model found;
  for (std::size_t i = 0; i < table.places(); ++i) {
    const WaitEntry& entry = table.place(i);
    if (entry.session == 0) continue;
    EXPECT_TRUE(found.emplace(entry.session, entry.function).second) << "twice: " << entry.session;
  }
  EXPECT_EQ(found, model);
}

// Few sessions, so that the table is empty, or has one, again and again, and each is put anew.
TEST(SessionTable, HasWhatWasPutAndNotErasedWhateverCameBetween) {
  std::mt19937 random(7);
  for (const int most : {1, 2, 3, 12, 100}) {
    WaitTable table;
    Model model;
    for (int step = 0; step < 3000; ++step) {
      const auto session = static_cast<std::int32_t>(random() % static_cast<unsigned>(most)) + 1;
      if (random() % 2 == 0) {
        table.put({.session = session, .function = step + 1});
        model[session] = step + 1;
      } else if (WaitEntry* const entry = table.find(session)) {
        ASSERT_EQ(model.erase(session), 1u);
        table.erase(entry);
      } else {
        ASSERT_EQ(model.count(session), 0u);
      }
      if (step % 16 == 0) expect_same(table, model);
    }
    expect_same(table, model);
  }
}

TEST(SessionTable, NothingWaitsForSession0) {
  WaitTable table;
  for (std::int32_t session = 1; session <= 3; ++session) {
    EXPECT_EQ(table.find(0), nullptr);
    table.put({.session = session, .function = 1});
  }
  EXPECT_EQ(table.find(0), nullptr);
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
