// md5: digests, and the simple stream cipher on top of them, of the md5 module that many Lua
// programs use. The interface is described in lualib/meta/md5.lua.
#include <algorithm>
#include <ctime>

#include "crypt/digest.h"
#include "crypt/text_codec.h"
#include "lua/engine.h"
#include "scratch.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using crypt::kMd5Bytes;

constexpr std::size_t kMaxSeed = kMd5Bytes;

void check_available(lua_State* L, bool done) {
  if (!done) luaL_error(L, "OpenSSL does not offer MD5 here");
}

int push_hex(lua_State* L, const char* hash) {
  char text[2 * kMd5Bytes];
  crypt::hex_encode({hash, kMd5Bytes}, text);
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

int l_sum(lua_State* L) {
  char hash[kMd5Bytes];
  check_available(L, crypt::digest(crypt::Digest::md5, {check_string(L, 1)}, hash));
  lua_pushlstring(L, hash, sizeof hash);
  return 1;
}

int l_sumhexa(lua_State* L) {
  char hash[kMd5Bytes];
  check_available(L, crypt::digest(crypt::Digest::md5, {check_string(L, 1)}, hash));
  return push_hex(L, hash);
}

// The text comes first here, unlike in RFC 2104 and in skynet.crypt.
int l_hmacmd5(lua_State* L) {
  const std::string_view text = check_string(L, 1);
  const std::string_view key = check_string(L, 2);
  char hash[kMd5Bytes];
  check_available(L, crypt::hmac(crypt::Digest::md5, key, text, hash));
  return push_hex(L, hash);
}

int l_exor(lua_State* L) {
  const std::string_view a = check_string(L, 1);
  const std::string_view b = check_string(L, 2);
  luaL_argcheck(L, a.size() == b.size(), 2, "lengths must be equal");
  Scratch out(L);
  char* to = out.prepare(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) to[i] = static_cast<char>(a[i] ^ b[i]);
  out.add(a.size());
  out.push();
  return 1;
}

// ---- the cipher ---------------------------------------------------------------------------------
//
// Cipher feedback: each 16 bytes are xored with the MD5 of a block and the key. The block is at
// first the seed, filled up with zeros, and then the cipher text before.

struct Feedback {
  std::string_view key;
  char block[kMd5Bytes] = {};

  void set(std::string_view bytes) { std::copy(bytes.begin(), bytes.end(), block); }
  [[nodiscard]] bool mask(char* out) const {
    return crypt::digest(crypt::Digest::md5, {{block, sizeof block}, key}, out);
  }
};

enum class Direction { encrypt, decrypt };

// Writes text.size() bytes. False when there is no MD5.
bool run(Feedback feedback, Direction direction, std::string_view text, char* out) {
  while (!text.empty()) {
    char mask[kMd5Bytes];
    if (!feedback.mask(mask)) return false;
    const std::string_view piece = text.substr(0, kMd5Bytes);
    for (std::size_t i = 0; i < piece.size(); ++i) out[i] = static_cast<char>(piece[i] ^ mask[i]);
    feedback.set(direction == Direction::encrypt ? std::string_view(out, piece.size()) : piece);
    out += piece.size();
    text.remove_prefix(piece.size());
  }
  return true;
}

int l_crypt(lua_State* L) {
  const std::string_view text = check_string(L, 1);
  Feedback feedback{check_string(L, 2)};
  timespec now;
  std::string_view seed(reinterpret_cast<const char*>(&now), std::min(sizeof now, kMaxSeed));
  if (lua_isnoneornil(L, 3)) {
    clock_gettime(CLOCK_REALTIME, &now);
  } else {
    seed = check_string(L, 3);
    luaL_argcheck(L, seed.size() <= kMaxSeed, 3, "seed too long (> 16)");
  }
  feedback.set(seed);
  const char seed_size = static_cast<char>(seed.size());
  Scratch out(L);
  out.append({&seed_size, 1});
  out.append(seed);
  check_available(L, run(feedback, Direction::encrypt, text, out.prepare(text.size())));
  out.add(text.size());
  out.push();
  return 1;
}

int l_decrypt(lua_State* L) {
  std::string_view text = check_string(L, 1);
  Feedback feedback{check_string(L, 2)};
  const std::size_t seed_size = text.empty() ? SIZE_MAX : static_cast<unsigned char>(text.front());
  luaL_argcheck(L, seed_size <= kMaxSeed && seed_size < text.size(), 1, "invalid cyphered string");
  feedback.set(text.substr(1, seed_size));
  text.remove_prefix(1 + seed_size);
  Scratch out(L);
  check_available(L, run(feedback, Direction::decrypt, text, out.prepare(text.size())));
  out.add(text.size());
  out.push();
  return 1;
}

}  // namespace

int open_md5(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {
      {"sum", l_sum},     {"sumhexa", l_sumhexa}, {"hmacmd5", l_hmacmd5}, {"exor", l_exor},
      {"crypt", l_crypt}, {"decrypt", l_decrypt}, {nullptr, nullptr},
  };
  luaL_newlib(L, kFunctions);
  lua_pushliteral(L, "MD5 1.3");  // the version of the module whose interface this is
  lua_setfield(L, -2, "_VERSION");
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(md5, open_md5)
RUNTIME_LUA_OPEN(md5_core, open_md5)  // what an md5.lua of somebody else stands on
