// A load generator for servers on this machine: keeps a number of requests under way on each of a
// number of connections, and checks what comes back.
//
//   load -m raw|len2|ws|http|httpc -p PORT [-c CONNECTIONS] [-k IN_FLIGHT] [-b BYTES] [-d SECONDS] [-w WARM_UP]
//        [-S PID]
//
// Prints one line: requests a second, percentiles of their time, and, with -S, the CPU time that
// the server took for each. The warm-up, which begins when all connections stand, is not measured.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "latency.h"
#include "protocol.h"

namespace bench {
namespace {

struct Options {
  std::string mode = "raw";
  int port = 0;
  std::size_t connections = 64, in_flight = 1, bytes = 64;
  double seconds = 2, warm_up = 0.3;
  pid_t server = 0;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

std::uint64_t clock_ns(clockid_t clock) {
  timespec t{};
  if (clock_gettime(clock, &t) != 0) fail("clock_gettime");
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}
std::uint64_t now_ns() { return clock_ns(CLOCK_MONOTONIC); }

// The CPU time that a process has used, all its threads together.
std::uint64_t cpu_ns(pid_t process) {
  clockid_t clock;
  if (clock_getcpuclockid(process, &clock) != 0) fail("the server's CPU time");
  return clock_ns(clock);
}

struct Connection {
  int fd = -1;
  bool connected = false, greeted = false, blocked = false;
  bool stood = false;  // greeted once, this connection or an earlier one in this place
  std::vector<std::uint64_t> sent_at;  // a ring: when the requests under way were sent
  std::size_t first = 0, under_way = 0;
  std::string out;
  std::size_t out_sent = 0;
  std::vector<char> in = std::vector<char>(64 * 1024);
  std::size_t in_size = 0;
};

class Load {
 public:
  Load(const Options& options, const Protocol& protocol) : options_(options), protocol_(protocol) {}
  void run();
  void print() const;

 private:
  static constexpr std::uint64_t kMaxErrors = 1000;
  static constexpr std::uint64_t kMaxConnectNs = 10'000'000'000;

  void measure_if_due(std::uint64_t now);
  void open(Connection& c);
  void handle(Connection& c, std::uint32_t events);
  void finish_connect(Connection& c);
  bool receive(Connection& c);
  bool take_parts(Connection& c);
  void fill(Connection& c);
  bool flush(Connection& c);
  void note_error(const char* what);

  const Options& options_;
  const Protocol& protocol_;
  const int epoll_ = epoll_create1(0);
  std::vector<Connection> connections_{options_.connections};
  bool measuring_ = false;
  std::size_t standing_ = 0;  // how many connections have stood
  std::uint64_t measured_from_ = UINT64_MAX, end_ = 0;
  std::uint64_t server_cpu_ = 0, own_cpu_ = 0;
  std::uint64_t done_ = 0, errors_ = 0, reconnects_ = 0;
  Latency latency_;
};

void Load::open(Connection& c) {
  c.connected = c.greeted = false;
  c.first = c.under_way = c.out_sent = c.in_size = 0;
  c.out.clear();
  c.sent_at.resize(options_.in_flight);
  c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c.fd < 0) fail("socket");
  const int on = 1;
  setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  // The time to connect is a part of a request that has the connection for itself.
  if (protocol_.closes()) fill(c);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 &&
      errno != EINPROGRESS) {
    fail("connect");
  }
  c.blocked = true;
  epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data = {.ptr = &c}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) != 0) fail("epoll_ctl");
}

void Load::finish_connect(Connection& c) {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    errno = error;
    fail("connect");
  }
  c.connected = true;
  c.greeted = protocol_.greeting().empty();
  if (!c.greeted) c.out += protocol_.greeting();
}

// Appends requests until as many are under way as should be.
void Load::fill(Connection& c) {
  while (c.under_way < options_.in_flight) {
    c.sent_at[(c.first + c.under_way++) % options_.in_flight] = now_ns();
    c.out += protocol_.request();
  }
}

// False: the connection is broken.
bool Load::flush(Connection& c) {
  bool blocked = false;
  while (c.out_sent < c.out.size()) {
    const ssize_t sent =
        send(c.fd, c.out.data() + c.out_sent, c.out.size() - c.out_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < 0) {
      blocked = true;
      break;
    }
    c.out_sent += static_cast<std::size_t>(sent);
  }
  if (!blocked) {
    c.out.clear();
    c.out_sent = 0;
  }
  if (blocked != c.blocked) {
    c.blocked = blocked;
    epoll_event event = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0u), .data = {.ptr = &c}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
  }
  return true;
}

// False: the connection has ended.
bool Load::receive(Connection& c) {
  for (;;) {
    if (c.in.size() - c.in_size < c.in.size() / 2) c.in.resize(2 * c.in.size());
    const std::size_t room = c.in.size() - c.in_size;
    const ssize_t count = recv(c.fd, c.in.data() + c.in_size, room, 0);
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    c.in_size += static_cast<std::size_t>(count);
    if (!take_parts(c)) return false;
    if (static_cast<std::size_t>(count) < room) return true;
  }
}

bool Load::take_parts(Connection& c) {
  std::size_t taken = 0;
  bool open = true;
  while (open && taken < c.in_size) {
    const Part part = protocol_.parse({c.in.data() + taken, c.in_size - taken}, c.greeted);
    if (part.kind == Part::Kind::incomplete) break;
    taken += part.size;
    switch (part.kind) {
      case Part::Kind::ready: c.greeted = true; break;
      case Part::Kind::reply: {
        if (c.under_way == 0) {
          note_error("an answer without a request");
          break;
        }
        if (measuring_) {
          ++done_;
          latency_.add(now_ns() - c.sent_at[c.first]);
        }
        c.first = (c.first + 1) % options_.in_flight;
        --c.under_way;
        open = !protocol_.closes();
        break;
      }
      case Part::Kind::wrong: note_error("a wrong answer"); [[fallthrough]];
      case Part::Kind::end: open = false; break;
      case Part::Kind::incomplete: break;
    }
  }
  c.in_size -= taken;
  std::memmove(c.in.data(), c.in.data() + taken, c.in_size);
  return open;
}

void Load::note_error(const char* what) {
  if (errors_++ < 3) std::fprintf(stderr, "load: %s\n", what);
  if (errors_ <= kMaxErrors) return;
  std::fprintf(stderr, "load: too many errors\n");
  std::exit(1);
}

void Load::handle(Connection& c, std::uint32_t events) {
  if (!c.connected) finish_connect(c);
  bool open = (events & ~EPOLLOUT) == 0 || receive(c);
  if (open && c.greeted && !c.stood) {
    c.stood = true;
    ++standing_;
  }
  if (open && c.greeted && !protocol_.closes()) fill(c);
  if (open) open = flush(c);
  if (open) return;
  if (!protocol_.closes()) note_error("the server closed");
  ++reconnects_;
  close(c.fd);
  this->open(c);
}

void Load::measure_if_due(std::uint64_t now) {
  if (standing_ < connections_.size()) return;
  if (measured_from_ == UINT64_MAX)
    measured_from_ = now + static_cast<std::uint64_t>(options_.warm_up * 1e9);
  if (measuring_ || now < measured_from_) return;
  measuring_ = true;
  measured_from_ = now;
  own_cpu_ = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  if (options_.server != 0) server_cpu_ = cpu_ns(options_.server);
}

void Load::run() {
  const auto duration = static_cast<std::uint64_t>(options_.seconds * 1e9);
  const std::uint64_t limit = now_ns() + kMaxConnectNs;
  for (Connection& c : connections_) open(c);
  for (;;) {
    end_ = now_ns();
    measure_if_due(end_);
    if (measuring_ && end_ - measured_from_ >= duration) break;
    if (standing_ < connections_.size() && end_ > limit) {
      errno = ETIMEDOUT;
      fail("connect");
    }
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, 20);
    for (int i = 0; i < count; ++i)
      handle(*static_cast<Connection*>(events[i].data.ptr), events[i].events);
  }
  own_cpu_ = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_cpu_;
  if (options_.server != 0) server_cpu_ = cpu_ns(options_.server) - server_cpu_;
}

void Load::print() const {
  const double seconds = static_cast<double>(end_ - measured_from_) / 1e9;
  const double requests = done_ == 0 ? 1 : static_cast<double>(done_);
  std::printf(
      "NET %s port=%d conns=%zu bytes=%zu depth=%zu secs=%.2f req_s=%.0f p50_us=%.0f p99_us=%.0f "
      "p999_us=%.0f "
      "max_us=%.0f errors=%llu reconnects=%llu self_us_req=%.2f",
      options_.mode.c_str(), options_.port, options_.connections, options_.bytes,
      options_.in_flight, seconds, static_cast<double>(done_) / seconds, latency_.percentile(.5),
      latency_.percentile(.99), latency_.percentile(.999), latency_.max(),
      static_cast<unsigned long long>(errors_), static_cast<unsigned long long>(reconnects_),
      static_cast<double>(own_cpu_) / 1e3 / requests);
  if (options_.server != 0) {
    const auto cpu = static_cast<double>(server_cpu_);
    std::printf(" srv_us_req=%.3f srv_cpu=%.0f%%", cpu / 1e3 / requests, cpu / 1e7 / seconds);
  }
  std::printf("\n");
}

int main(int argc, char** argv) {
  Options options;
  for (int key; (key = getopt(argc, argv, "m:p:c:k:b:d:w:S:")) != -1;) {
    switch (key) {
      case 'm': options.mode = optarg; break;
      case 'p': options.port = std::atoi(optarg); break;
      case 'c': options.connections = std::strtoul(optarg, nullptr, 10); break;
      case 'k': options.in_flight = std::strtoul(optarg, nullptr, 10); break;
      case 'b': options.bytes = std::strtoul(optarg, nullptr, 10); break;
      case 'd': options.seconds = std::atof(optarg); break;
      case 'w': options.warm_up = std::atof(optarg); break;
      case 'S': options.server = std::atoi(optarg); break;
      default: return 2;
    }
  }
  const auto protocol = make_protocol(options.mode, options.bytes);
  if (protocol == nullptr || options.port == 0 || options.connections == 0 ||
      options.in_flight == 0) {
    std::fprintf(
        stderr,
        "load: -m raw|len2|ws|http|httpc, -p PORT, and at least one connection and request\n");
    return 2;
  }
  Load load(options, *protocol);
  load.run();
  load.print();
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::main(argc, argv); }
