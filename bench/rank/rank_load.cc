// A load for the rankings of etc/config.rank: fills one ranking with players, then sends updates and
// queries at fixed rates, whether the answers come in time or not.
//
//   rank_load -p PORT [-n PLAYERS] [-u UPDATES] [-q QUERIES] [-d SECONDS] [-c CONNECTIONS]
//
// UPDATES and QUERIES are rates a second; half of the queries ask for the rank of one, half for the
// first ten. A request's time begins when it is due, not when a connection is free for it, so what
// waits because the server is slow counts. Prints a line for the filling, and one for each kind.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../net/latency.h"

namespace bench {
namespace {

struct Options {
  int port = 0;
  std::uint64_t players = 100'000, updates = 5'000, queries = 5'000;
  double seconds = 10;
  std::size_t connections = 64;
};

enum Kind : std::size_t { update, rank_of_one, first_ten, kinds };
constexpr const char* kNames[kinds] = {"update", "query", "ranklist"};

struct Request {
  Kind kind;
  std::uint64_t due;  // ns
};

struct Connection {
  int fd = -1;
  std::string out, in;
  Request request{};  // under way, unless idle
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "rank_load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

std::uint64_t now_ns() {
  timespec t{};
  if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) fail("clock_gettime");
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

class Load {
 public:
  explicit Load(const Options& options);
  void run();

 private:
  void configure();
  void fill_ranking();
  void keep_rates();
  void answered(Connection& c, std::string_view body);
  std::string text_of(Kind kind);
  void send_waiting();
  void send(Connection& c, const Request& request, const std::string& text);
  void receive(Connection& c);
  void wait(std::uint64_t until);

  const Options& options_;
  const int epoll_ = epoll_create1(0);
  std::vector<Connection> connections_{options_.connections};
  std::vector<Connection*> idle_;
  std::deque<Request> waiting_;
  std::mt19937_64 random_{20261129};
  std::uint64_t next_player_ = 0;  // while the ranking is filled
  std::uint64_t done_ = 0;
  std::array<Latency, kinds> latency_;
  std::array<std::uint64_t, kinds> count_{};
};

Load::Load(const Options& options) : options_(options) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(options.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (Connection& c : connections_) {
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fail("connect");
    epoll_event event = {.events = EPOLLIN, .data = {.ptr = &c}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) != 0) fail("epoll_ctl");
    idle_.push_back(&c);
  }
}

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nhost: x\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string update_text(std::uint64_t player, std::uint64_t score) {
  return post("/update", R"({"appname":"bench","tags":["all"],"uid":"player)" +
                             std::to_string(player) + R"(","score":)" + std::to_string(score) +
                             R"(,"info":{"level":7,"name":"somebody"}})");
}

std::string Load::text_of(Kind kind) {
  const std::uint64_t player = random_() % options_.players;
  if (kind == update) return update_text(player, random_() % 1'000'000);
  if (kind == first_ten) {
    return "GET /ranklist?appname=bench&tag=all&start=1&count=10 HTTP/1.1\r\nhost: x\r\n\r\n";
  }
  return "GET /query?appname=bench&tag=all&uid=player" + std::to_string(player) +
         " HTTP/1.1\r\nhost: x\r\n\r\n";
}

void Load::send(Connection& c, const Request& request, const std::string& text) {
  c.request = request;
  // An answer was read before: there is room for one request.
  if (::send(c.fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    fail("send");
  }
}

void Load::send_waiting() {
  while (!idle_.empty() && !waiting_.empty()) {
    Connection& c = *idle_.back();
    idle_.pop_back();
    send(c, waiting_.front(), text_of(waiting_.front().kind));
    waiting_.pop_front();
  }
}

void Load::answered(Connection& c, std::string_view body) {
  if (body.find(R"("code":"OK")") == std::string_view::npos) {
    std::fprintf(stderr, "rank_load: %s was answered with %.*s\n", kNames[c.request.kind],
                 static_cast<int>(body.size()), body.data());
    std::exit(1);
  }
  latency_[c.request.kind].add(now_ns() - c.request.due);
  ++count_[c.request.kind];
  ++done_;
  idle_.push_back(&c);
}

void Load::receive(Connection& c) {
  char bytes[16 * 1024];
  const ssize_t count = recv(c.fd, bytes, sizeof(bytes), 0);
  if (count < 0) fail("recv");
  if (count == 0) {
    std::fprintf(stderr, "rank_load: the server has closed a connection\n");
    std::exit(1);
  }
  c.in.append(bytes, static_cast<std::size_t>(count));
  const std::size_t head = c.in.find("\r\n\r\n");
  if (head == std::string::npos) return;
  constexpr std::string_view kLength = "content-length: ";
  const std::size_t length = c.in.find(kLength);
  if (length == std::string::npos || length > head) fail("an answer without a length");
  const std::size_t body = std::strtoull(c.in.c_str() + length + kLength.size(), nullptr, 10);
  if (c.in.size() < head + 4 + body) return;
  const std::string answer = std::exchange(c.in, "");
  answered(c, std::string_view(answer).substr(head + 4));
}

// Handles what comes until the time `until`, or at least what is there.
void Load::wait(std::uint64_t until) {
  const std::uint64_t now = now_ns();
  const std::uint64_t left = until > now ? until - now : 0;
  const timespec timeout = {.tv_sec = static_cast<time_t>(left / 1'000'000'000),
                            .tv_nsec = static_cast<long>(left % 1'000'000'000)};
  epoll_event events[64];
  const int count = epoll_pwait2(epoll_, events, 64, &timeout, nullptr);
  if (count < 0 && errno != EINTR) fail("epoll_pwait2");
  for (int i = 0; i < count; ++i) receive(*static_cast<Connection*>(events[i].data.ptr));
}

constexpr std::uint64_t kPatienceNs = 30'000'000'000;

void Load::configure() {
  Connection& c = *idle_.back();
  idle_.pop_back();
  send(c, {update, now_ns()},
       post("/setconfig", R"({"appname":"bench","config":[{"tag":"all","capacity":)" +
                              std::to_string(options_.players) + R"(,"order":"descending"}]})"));
  while (done_ < 1) wait(now_ns() + kPatienceNs);
}

void Load::fill_ranking() {
  const std::uint64_t begun = now_ns(), before = done_;
  while (done_ - before < options_.players) {
    while (!idle_.empty() && next_player_ < options_.players) {
      Connection& c = *idle_.back();
      idle_.pop_back();
      send(c, {update, now_ns()}, update_text(next_player_++, random_() % 1'000'000));
    }
    wait(now_ns() + kPatienceNs);
  }
  const double seconds = static_cast<double>(now_ns() - begun) / 1e9;
  std::printf("fill players=%llu per_sec=%.0f\n", static_cast<unsigned long long>(options_.players),
              static_cast<double>(options_.players) / seconds);
}

void Load::keep_rates() {
  latency_ = {};
  count_ = {};
  const std::uint64_t begun = now_ns();
  const auto rate = static_cast<double>(options_.updates + options_.queries);
  const auto total = static_cast<std::uint64_t>(options_.seconds * rate);
  const auto due = [&](std::uint64_t i) {
    return begun + static_cast<std::uint64_t>(static_cast<double>(i) / rate * 1e9);
  };
  std::uint64_t made = 0, updates = 0, queries = 0;
  const std::uint64_t before = done_;
  while (done_ - before < total) {
    for (; made < total && due(made) <= now_ns(); ++made) {
      // The kind that is behind its share comes next.
      const bool is_update = updates * options_.queries <= queries * options_.updates;
      const Kind kind = is_update ? update : queries % 2 == 0 ? rank_of_one : first_ten;
      ++(is_update ? updates : queries);
      waiting_.push_back({kind, due(made)});
    }
    send_waiting();
    wait(made < total ? due(made) : now_ns() + kPatienceNs);
  }
  const double seconds = static_cast<double>(now_ns() - begun) / 1e9;
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    const Latency& latency = latency_[kind];
    std::printf("%s per_sec=%.0f p50_us=%.0f p99_us=%.0f p999_us=%.0f max_us=%.0f\n", kNames[kind],
                static_cast<double>(count_[kind]) / seconds, latency.percentile(0.5),
                latency.percentile(0.99), latency.percentile(0.999), latency.max());
  }
}

void Load::run() {
  configure();
  fill_ranking();
  keep_rates();
}

Options parse(int argc, char** argv) {
  Options options;
  for (int option; (option = getopt(argc, argv, "p:n:u:q:d:c:")) != -1;) {
    switch (option) {
      case 'p': options.port = std::atoi(optarg); break;
      case 'n': options.players = std::strtoull(optarg, nullptr, 10); break;
      case 'u': options.updates = std::strtoull(optarg, nullptr, 10); break;
      case 'q': options.queries = std::strtoull(optarg, nullptr, 10); break;
      case 'd': options.seconds = std::atof(optarg); break;
      case 'c': options.connections = std::strtoull(optarg, nullptr, 10); break;
      default: std::exit(2);
    }
  }
  if (options.port == 0 || options.players == 0 || options.connections == 0) {
    std::fprintf(stderr, "rank_load: -p PORT is missing, or a number is 0\n");
    std::exit(2);
  }
  return options;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::Options options = bench::parse(argc, argv);
  bench::Load(options).run();
}
