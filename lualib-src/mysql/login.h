// The packet that a client answers a server's greeting with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runtime::mysql {

struct Login {
  std::uint32_t capabilities = 0;
  std::uint32_t max_packet = 0;
  std::uint8_t collation = 0;
  std::string_view user;
  std::string_view token;  // at most kMaxToken bytes
  std::string_view database;
  std::string_view plugin;  // how the token was made; only told with kPluginAuth
};

inline constexpr std::size_t kMaxToken = 255;

// What the packet begins with; alone, and with kTls, it asks for TLS.
inline constexpr std::size_t kLoginHeadBytes = 32;
void write_login_head(const Login& login, char* out);

[[nodiscard]] std::size_t login_bytes(const Login& login);
void write_login(const Login& login, char* out);

}  // namespace runtime::mysql
