#include "cluster/payoff.h"

namespace runtime::cluster {

namespace {

// What the other node spends on expanding, as a part of what compressing takes: 15 and 40 us for 16 KB of JSON.
constexpr double kBothNodes = 1.4;
// A saving of less than one byte in so many is none.
constexpr double kLeastSaving = 8;
// A payload may arrive so much later.
constexpr double kLater = 1 / 0.8;

}  // namespace

Payoff::Way Payoff::way() {
  const bool timed = until_timed_ > 0 && --until_timed_ == 0;
  if (timed && compresses_) until_timed_ = kTimedOf;
  return timed ? Way::timed : compresses_ ? Way::compressed : Way::plain;
}

void Payoff::cost(std::uint64_t nanoseconds, std::size_t bytes, std::size_t written) {
  constexpr double kFade = 7.0 / 8;
  cost_ns_ = cost_ns_ * kFade + static_cast<double>(nanoseconds);
  cost_bytes_ = cost_bytes_ * kFade + static_cast<double>(bytes);
  cost_written_ = cost_written_ * kFade + static_cast<double>(written == 0 ? bytes : written);
}

// Of what was timed: work and the network's time for what is left, against the network's time for all.
bool Payoff::pays() const {
  if (cost_bytes_ - cost_written_ < cost_bytes_ / kLeastSaving) return false;
  const double us_of_byte = network_us_ / network_bytes_;
  return cost_ns_ / 1000 * kBothNodes + cost_written_ * us_of_byte <=
         cost_bytes_ * us_of_byte * kLater;
}

void Payoff::begin_window(const runtime_send_progress& now) {
  begun_ = now;
  window_ = 0;
  left_ = kStep;
}

void Payoff::look(const std::optional<runtime_send_progress>& now) {
  if (!now) {
    compresses_ = true;
    left_ = kFirstTrial;
    return;
  }
  if (compresses_) {
    compresses_ = false;
    until_timed_ = 0;
    network_bytes_ = network_us_ = 0;
    return begin_window(*now);
  }
  window_ += kStep;
  const std::uint64_t bytes = now->bytes - begun_.bytes, busy = now->busy_us - begun_.busy_us;
  if (bytes < kEnoughBytes && busy < kEnoughBusy) {
    left_ = kStep;
    return;
  }
  network_bytes_ += static_cast<double>(bytes);
  network_us_ += static_cast<double>(busy);
  until_timed_ = 1;
  if (pays()) {
    compresses_ = true;
    left_ = kRest * window_;
    return;
  }
  network_bytes_ /= 2;
  network_us_ /= 2;
  begin_window(*now);
}

}  // namespace runtime::cluster
