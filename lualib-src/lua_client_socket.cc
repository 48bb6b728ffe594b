// client.socket: blocking sockets and the lines of stdin, for clients that run in a plain Lua
// interpreter. Uses nothing of the runtime. The interface is described in
// lualib/meta/client_socket.lua.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/start_thread.h"
#include "lua/c_string.h"
#include "lua/engine.h"
#include "object.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// ---- stdin --------------------------------------------------------------------------------------

// The lines of stdin, read by a thread of their own. It never ends: when stdin does, the process
// exits with status 1, which is how a client that is fed by a pipe stops.
class StdinReader {
 public:
  static StdinReader& instance() {
    static StdinReader* const reader = new StdinReader();  // never destroyed: the thread uses it
    return *reader;
  }

  // Starts the thread, unless it runs. 0, or the system's error number when it has none.
  int start() noexcept {
    const std::lock_guard lock(mutex_);
    if (runs_) return 0;
    // Signals are the business of the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread;
    const int error = start_thread(thread, [this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) return error;
    thread.detach();
    runs_ = true;
    return 0;
  }

  // Moves the oldest line to *line; false when there is none.
  bool pop(std::string* line) noexcept {
    const std::lock_guard lock(mutex_);
    if (lines_.empty()) return false;
    *line = std::move(lines_.front());
    lines_.pop_front();
    has_room_.notify_one();
    return true;
  }

 private:
  static constexpr std::size_t kMaxLines = 1024;  // beyond it the writer of the pipe has to wait

  void run() {
    char* line = nullptr;
    std::size_t capacity = 0;
    for (;;) {
      ssize_t size = getline(&line, &capacity, stdin);
      if (size < 0) break;
      if (line[size - 1] == '\n') --size;
      std::unique_lock lock(mutex_);
      has_room_.wait(lock, [this] { return lines_.size() < kMaxLines; });
      lines_.emplace_back(line, static_cast<std::size_t>(size));
    }
    std::fflush(nullptr);
    _exit(1);  // not exit(): other threads still use what its destructors would take away
  }

  std::mutex mutex_;
  std::condition_variable has_room_;
  std::deque<std::string> lines_;  // guarded by mutex_
  bool runs_ = false;              // guarded by mutex_
};

// A line on its way to Lua; the collector destroys it when pushing it as a string fails.
struct Line {
  static constexpr const char* kLuaType = "client.socket.line";
  std::string text;
};

// line | nothing = readstdin()
int l_readstdin(lua_State* L) {
  void* block = lua_touserdata(L, lua_upvalueindex(1));
  std::string& line = static_cast<Line*>(block)->text;
  if (const int error = StdinReader::instance().start(); error != 0) {
    return luaL_error(L, "stdin error: %s", strerror(error));
  }
  if (!StdinReader::instance().pop(&line)) return 0;
  lua_pushlstring(L, line.data(), line.size());
  return 1;
}

// ---- sockets ------------------------------------------------------------------------------------

int socket_error(lua_State* L) { return luaL_error(L, "socket error: %s", strerror(errno)); }

int check_fd(lua_State* L, int index) { return static_cast<int>(luaL_checkinteger(L, index)); }

// A connected, non-blocking socket, or -1 with errno.
int connect_to(const char* ip, lua_Integer port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (port < 0 || port > 0xffff || inet_pton(AF_INET, ip, &address.sin_addr) != 1) {
    errno = EINVAL;
    return -1;
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int l_connect(lua_State* L) {
  const char* ip = check_c_string(L, 1);
  const lua_Integer port = luaL_checkinteger(L, 2);
  const int fd = connect_to(ip, port);
  if (fd < 0) {
    return luaL_error(L, "Connect %s %d failed: %s", ip, static_cast<int>(port), strerror(errno));
  }
  lua_pushinteger(L, fd);
  return 1;
}

// bytes | "" at the end | nothing when none are there = recv(fd)
int l_recv(lua_State* L) {
  char bytes[4096];
  ssize_t size;
  do {
    size = recv(check_fd(L, 1), bytes, sizeof bytes, 0);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    return socket_error(L);
  }
  lua_pushlstring(L, bytes, static_cast<std::size_t>(size));
  return 1;
}

// Sends all of it, waiting where it must; false: errno says why.
bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd writable{fd, POLLOUT, 0};
      if (poll(&writable, 1, -1) < 0 && errno != EINTR) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

int l_send(lua_State* L) {
  const int fd = check_fd(L, 1);
  std::size_t size;
  const char* bytes = luaL_checklstring(L, 2, &size);
  return send_all(fd, {bytes, size}) ? 0 : socket_error(L);
}

int l_shutdown(lua_State* L) {
  const int fd = check_fd(L, 1);
  const char* mode = luaL_checkstring(L, 2);
  bool reads = false, writes = false;
  for (const char* c = mode; *c != '\0'; ++c) {
    if (*c == 'r') {
      reads = true;
    } else if (*c == 'w') {
      writes = true;
    } else {
      return luaL_error(L, "Invalid mode %c", *c);
    }
  }
  if (!reads && !writes) return luaL_error(L, "mode should be r or/and w");
  const int how = reads && writes ? SHUT_RDWR : reads ? SHUT_RD : SHUT_WR;
  std::printf("SHUTDOWN %d %d\n", fd, how);
  // A peer that is gone already is no error: there is nothing left to shut down.
  return shutdown(fd, how) == 0 || errno == ENOTCONN ? 0 : socket_error(L);
}

int l_close(lua_State* L) {
  close(check_fd(L, 1));
  return 0;
}

int l_usleep(lua_State* L) {
  const lua_Integer microseconds = luaL_checkinteger(L, 1);
  luaL_argcheck(L, microseconds >= 0, 1, "a time is not negative");
  usleep(static_cast<useconds_t>(microseconds));
  return 0;
}

}  // namespace

int open_client_socket(lua_State* L) {
  constexpr luaL_Reg kNoMethods[] = {{nullptr, nullptr}};
  constexpr luaL_Reg kFunctions[] = {
      {"connect", l_connect}, {"recv", l_recv},     {"send", l_send},   {"shutdown", l_shutdown},
      {"close", l_close},     {"usleep", l_usleep}, {nullptr, nullptr},
  };
  luaL_newlib(L, kFunctions);
  define_type<Line>(L, kNoMethods);
  new (lua_newuserdatauv(L, sizeof(Line), 0)) Line();
  luaL_setmetatable(L, Line::kLuaType);
  lua_pushcclosure(L, l_readstdin, 1);
  lua_setfield(L, -2, "readstdin");
  StdinReader::instance();
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(client_socket, open_client_socket)
