// Whether compression pays: payloads on networks of which the speed is known.
#include <gtest/gtest.h>

#include <optional>

#include "cluster/payoff.h"

namespace runtime::cluster {
namespace {

using Way = Payoff::Way;

constexpr std::size_t kPayload = 16384;
constexpr std::size_t kMegabyte = 1024 * 1024;
constexpr std::uint64_t kClock = 4000;  // us: a step of the kernel's
// Bytes in a microsecond.
constexpr double kGigabit = 125, kTenGigabit = 1250;

// A link that sends payloads, and what its network has taken.
struct Link {
  double bytes_in_us;
  std::size_t written =
      kPayload / 4;  // what compression leaves of a payload; 0: it does not get shorter
  std::uint64_t cost_ns = 40'000;
  double round_trip_us = 0;  // during which nothing else is under way
  bool known = true;
  Payoff payoff = {};
  double acked = 0, busy = 0;
  std::size_t plain = 0, compressed = 0, timed = 0;

  std::optional<runtime_send_progress> progress() const {
    if (!known) return std::nullopt;
    return runtime_send_progress{static_cast<std::uint64_t>(acked),
                                 static_cast<std::uint64_t>(busy) / kClock * kClock};
  }

  void send(std::size_t bytes) {
    for (std::size_t sent = 0; sent < bytes; sent += kPayload) {
      const Way way = payoff.next(kPayload, [this] { return progress(); });
      if (way == Way::timed) {
        ++timed;
        payoff.cost(cost_ns, kPayload, written);
      }
      ++(way == Way::plain ? plain : compressed);
      const auto size = static_cast<double>(way == Way::plain || written == 0 ? kPayload : written);
      acked += size;
      busy += size / bytes_in_us + round_trip_us;
    }
  }
  // Of the payloads since the last call.
  double share_of_plain() {
    const double share = static_cast<double>(plain) / static_cast<double>(plain + compressed);
    plain = compressed = 0;
    return share;
  }
};

TEST(ClusterPayoff, ASlowNetworkGetsCompressedPayloadsButForTrials) {
  for (const double rate : {1.0, kGigabit / 10, kGigabit}) {
    Link link{.bytes_in_us = rate};
    link.send(2000 * kMegabyte);
    EXPECT_TRUE(link.payoff.compresses()) << rate;
    EXPECT_GT(link.plain, 0u) << rate << ": it is tried whether that is still so";
    EXPECT_LT(link.share_of_plain(), 0.04) << rate;
  }
}

TEST(ClusterPayoff, TheFirstMegabyteIsCompressedAndOfAFastNetworkNoMore) {
  Link link{.bytes_in_us = kTenGigabit};
  link.send(kMegabyte - kPayload);
  EXPECT_EQ(link.share_of_plain(), 0.0);
  link.send(2000 * kMegabyte);
  EXPECT_FALSE(link.payoff.compresses());
  EXPECT_GT(link.share_of_plain(), 0.99);
}

TEST(ClusterPayoff, ANetworkThatIsBusyForLessThanTheClockShowsIsFast) {
  Link link{.bytes_in_us = 1e9};
  link.send(100 * kMegabyte);
  EXPECT_FALSE(link.payoff.compresses());
  EXPECT_GT(link.share_of_plain(), 0.98);
}

TEST(ClusterPayoff, ANetworkThatGetsSlowerOrFasterIsNoticed) {
  Link link{.bytes_in_us = kTenGigabit};
  link.send(500 * kMegabyte);
  EXPECT_FALSE(link.payoff.compresses());
  link.bytes_in_us = kGigabit / 10;
  link.send(20 * kMegabyte);
  EXPECT_TRUE(link.payoff.compresses());
  link.bytes_in_us = kTenGigabit;
  link.send(500 * kMegabyte);
  EXPECT_FALSE(link.payoff.compresses());
  link.send(500 * kMegabyte);
  EXPECT_GT(link.share_of_plain(), 0.6);
}

TEST(ClusterPayoff, ANetworkThatWaitsForRoundTripsCountsAsSlow) {
  Link link{.bytes_in_us = kTenGigabit, .round_trip_us = 20'000};
  link.send(500 * kMegabyte);
  EXPECT_TRUE(link.payoff.compresses());
  EXPECT_LT(link.share_of_plain(), 0.04);
}

TEST(ClusterPayoff, WhatCompressionCostsAndSavesDecidesOnOneNetwork) {
  Link cheap{.bytes_in_us = kGigabit * 2, .cost_ns = 30'000};
  Link dear{.bytes_in_us = kGigabit * 2, .cost_ns = 90'000};
  Link useless{.bytes_in_us = kGigabit / 10, .written = 0};
  Link once_useless{.bytes_in_us = kGigabit / 10, .written = 0};
  for (Link* link : {&cheap, &dear, &useless, &once_useless}) link->send(200 * kMegabyte);
  EXPECT_TRUE(cheap.payoff.compresses());
  EXPECT_FALSE(dear.payoff.compresses());
  EXPECT_FALSE(useless.payoff.compresses()) << "payloads do not get shorter";
  once_useless.written = kPayload / 4;
  once_useless.send(50 * kMegabyte);
  EXPECT_TRUE(once_useless.payoff.compresses()) << "one payload now and then shows it";
}

TEST(ClusterPayoff, OnlySomePayloadsAreTimed) {
  Link slow{.bytes_in_us = kGigabit}, fast{.bytes_in_us = kTenGigabit};
  for (Link* link : {&slow, &fast}) link->send(1000 * kMegabyte);
  EXPECT_GT(slow.timed, 1000u);
  EXPECT_LT(slow.timed, 5000u) << "of 64000";
  EXPECT_GT(fast.timed, 50u);
  EXPECT_LT(fast.timed, 300u);
}

TEST(ClusterPayoff, WhereTheSpeedCannotBeKnownAllPayloadsAreCompressed) {
  Link link{.bytes_in_us = kTenGigabit, .known = false};
  link.send(100 * kMegabyte);
  EXPECT_EQ(link.plain, 0u);
}

}  // namespace
}  // namespace runtime::cluster
