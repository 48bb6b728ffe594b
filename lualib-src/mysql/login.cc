#include "mysql/login.h"

#include <cstring>

#include "mysql/packets.h"

namespace runtime::mysql {

namespace {

char* put(char* out, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

char* put_with_zero(char* out, std::string_view bytes) {
  out = put(out, bytes);
  *out++ = '\0';
  return out;
}

char* put_number(char* out, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) *out++ = static_cast<char>(number >> shift);
  return out;
}

bool tells_plugin(const Login& login) { return (login.capabilities & kPluginAuth) != 0; }

}  // namespace

void write_login_head(const Login& login, char* out) {
  std::memset(out, 0, kLoginHeadBytes);
  out = put_number(out, login.capabilities);
  out = put_number(out, login.max_packet);
  *out = static_cast<char>(login.collation);
}

std::size_t login_bytes(const Login& login) {
  return kLoginHeadBytes + login.user.size() + 1 + 1 + login.token.size() + login.database.size() +
         1 + (tells_plugin(login) ? login.plugin.size() + 1 : 0);
}

void write_login(const Login& login, char* out) {
  write_login_head(login, out);
  out = put_with_zero(out + kLoginHeadBytes, login.user);
  *out++ = static_cast<char>(login.token.size());
  out = put(out, login.token);
  out = put_with_zero(out, login.database);
  if (tells_plugin(login)) put_with_zero(out, login.plugin);
}

}  // namespace runtime::mysql
