#include "net/resolver.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <condition_variable>
#include <map>
#include <mutex>

namespace runtime {
namespace {

TEST(Resolver, NumericHostsAreAnsweredAtOnce) {
  const Resolved v4 = resolve_here("127.0.0.1", 80, SOCK_STREAM, ResolveFor::peer);
  ASSERT_EQ(v4.addresses.size(), 1u);
  EXPECT_EQ(v4.addresses[0].text(), "127.0.0.1:80");
  EXPECT_EQ(resolve_here("::1", 80, SOCK_STREAM, ResolveFor::peer).addresses[0].text(), "::1:80");
}

TEST(Resolver, AnEmptyHostMeansAllInterfacesForOnesOwnEndOnly) {
  EXPECT_EQ(resolve_here("", 80, SOCK_STREAM, ResolveFor::own_end).addresses[0].text(),
            "0.0.0.0:80");
}

TEST(Resolver, AnUnknownNameHasNoAddressButAnError) {
  const Resolved none = resolve_here("no such host.invalid", 80, SOCK_STREAM, ResolveFor::peer);
  EXPECT_TRUE(none.addresses.empty());
  EXPECT_FALSE(none.error.empty());
}

TEST(Resolver, APortAboveTheHighestIsAnError) {
  for (const int port : {-1, 65536, 65536 + 80}) {
    for (const char* host : {"", "127.0.0.1", "::1", "localhost"}) {
      const Resolved none = resolve_here(host, port, SOCK_STREAM, ResolveFor::own_end);
      EXPECT_TRUE(none.addresses.empty()) << host << " " << port;
      EXPECT_EQ(none.error, "invalid port " + std::to_string(port));
    }
  }
}

struct Results {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<int, Resolved> by_id;

  Resolver::Deliver deliver() {
    return [this](int id, Resolved resolved) {
      const std::lock_guard lock(mutex);
      by_id[id] = std::move(resolved);
      changed.notify_all();
    };
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), [&] { return by_id.size() == count; });
  }
};

TEST(Resolver, DeliversEveryResultUnderItsId) {
  Results results;
  Resolver resolver(results.deliver());
  for (int id = 0; id < 100; ++id) {
    resolver.resolve(id, id % 2 == 0 ? "localhost" : "no such host.invalid", 1000 + id);
  }
  ASSERT_TRUE(results.wait_for(100));
  for (const auto& [id, resolved] : results.by_id) {
    EXPECT_EQ(resolved.addresses.empty(), id % 2 == 1);
    if (id % 2 == 0) {
      EXPECT_EQ(resolved.addresses[0].port(), 1000 + id);
    }
  }
}

TEST(Resolver, TheEndDoesNotWaitForNamesAndDeliversNothingAfterwards) {
  Results results;
  {
    Resolver resolver(results.deliver());
    for (int id = 0; id < 50; ++id) resolver.resolve(id, "a-name-that-nobody-has.invalid", 80);
  }
  const std::lock_guard lock(results.mutex);
  results.by_id.clear();  // a later delivery would be a use of what is gone: the sanitizers watch
}

}  // namespace
}  // namespace runtime
