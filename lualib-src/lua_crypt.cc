// skynet.crypt, and client.crypt, which is the same: the primitives of the login protocol and of
// database handshakes. The interface is described in lualib/meta/crypt.lua.
#include <openssl/rand.h>

#include <climits>

#include "crypt/des.h"
#include "crypt/digest.h"
#include "crypt/hash64.h"
#include "crypt/rsa.h"
#include "crypt/text_codec.h"
#include "lua/engine.h"
#include "scratch.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using crypt::kU64Bytes;

// Some seconds: a service must not be stopped for longer by a number that a peer chose.
constexpr int kMostRounds = 10'000'000;

// An argument of 8 bytes; `what` names it in the error.
std::uint64_t check_u64(lua_State* L, int index, const char* what) {
  const std::string_view bytes = check_string(L, index);
  if (bytes.size() != kU64Bytes) luaL_error(L, "Invalid %s", what);
  return crypt::load_u64(bytes.data());
}

std::uint64_t check_dh(lua_State* L, int index, const char* what) {
  const std::uint64_t number = check_u64(L, index, what);
  if (number == 0) luaL_error(L, "Can't be 0");
  return number;
}

int push_u64(lua_State* L, std::uint64_t number) {
  char bytes[kU64Bytes];
  crypt::store_u64(number, bytes);
  lua_pushlstring(L, bytes, sizeof bytes);
  return 1;
}

int unavailable(lua_State* L, const char* algorithm) {
  return luaL_error(L, "OpenSSL does not offer %s here", algorithm);
}

// ---- login handshake ----------------------------------------------------------------------------

int l_randomkey(lua_State* L) {
  unsigned char key[kU64Bytes];
  unsigned char all = 0;
  while (all == 0) {  // a key whose bytes cancel out is what a weak generator would give
    if (RAND_bytes(key, sizeof key) != 1) return luaL_error(L, "no random bytes from OpenSSL");
    for (const unsigned char byte : key) all ^= byte;
  }
  lua_pushlstring(L, reinterpret_cast<const char*>(key), sizeof key);
  return 1;
}

int l_hashkey(lua_State* L) { return push_u64(L, crypt::hash_key(check_string(L, 1))); }

int l_hmac64(lua_State* L) {
  const std::uint64_t x = check_u64(L, 1, "uint64 x");
  const std::uint64_t y = check_u64(L, 2, "uint64 y");
  return push_u64(L, crypt::hmac64(x, y));
}

int l_hmac64_md5(lua_State* L) {
  const std::uint64_t x = check_u64(L, 1, "uint64 x");
  const std::uint64_t y = check_u64(L, 2, "uint64 y");
  const std::optional<std::uint64_t> hash = crypt::hmac64_md5(x, y);
  return hash ? push_u64(L, *hash) : unavailable(L, "MD5");
}

int l_hmac_hash(lua_State* L) {
  const std::uint64_t key = check_u64(L, 1, "uint64 key");
  return push_u64(L, crypt::hmac64(crypt::hash_key(check_string(L, 2)), key));
}

int l_dhexchange(lua_State* L) {
  return push_u64(L, crypt::dh_exchange(check_dh(L, 1, "dh uint64 key")));
}

int l_dhsecret(lua_State* L) {
  const std::uint64_t x = check_dh(L, 1, "uint64 x");
  const std::uint64_t y = check_dh(L, 2, "uint64 y");
  return push_u64(L, crypt::dh_secret(x, y));
}

// ---- DES ----------------------------------------------------------------------------------------

std::string_view check_key(lua_State* L, int index) {
  const std::string_view key = check_string(L, index);
  if (key.size() != crypt::kDesKey) {
    luaL_error(L, "Invalid key size %d, need 8 bytes", static_cast<int>(key.size()));
  }
  return key;
}

crypt::Padding check_padding(lua_State* L, int index) {
  const lua_Integer mode = luaL_optinteger(L, index, 0);
  if (mode < 0 || mode > static_cast<int>(crypt::Padding::pkcs7)) {
    luaL_error(L, "Invalid padding mode %d", static_cast<int>(mode));
  }
  return static_cast<crypt::Padding>(mode);
}

int l_desencode(lua_State* L) {
  const std::string_view key = check_key(L, 1);
  const std::string_view text = check_string(L, 2);
  const crypt::Padding padding = check_padding(L, 3);
  const std::size_t size = crypt::des_encoded_bytes(text.size());
  Scratch out(L);
  if (!crypt::des_encode(key, text, padding, out.prepare(size))) return unavailable(L, "DES");
  out.add(size);
  out.push();
  return 1;
}

int l_desdecode(lua_State* L) {
  const std::string_view key = check_key(L, 1);
  const std::string_view data = check_string(L, 2);
  const crypt::Padding padding = check_padding(L, 3);
  if (data.empty() || data.size() % crypt::kDesBlock != 0) {
    return luaL_error(L, "Invalid des crypt text length %d", static_cast<int>(data.size()));
  }
  Scratch out(L);
  std::size_t size = 0;
  switch (crypt::des_decode(key, data, padding, out.prepare(data.size()), &size)) {
    case crypt::DesResult::ok: break;
    case crypt::DesResult::bad_padding: return luaL_error(L, "Invalid des crypt text");
    case crypt::DesResult::unavailable: return unavailable(L, "DES");
  }
  out.add(size);
  out.push();
  return 1;
}

// ---- texts --------------------------------------------------------------------------------------

int l_hexencode(lua_State* L) {
  const std::string_view bytes = check_string(L, 1);
  Scratch out(L);
  crypt::hex_encode(bytes, out.prepare(2 * bytes.size()));
  out.add(2 * bytes.size());
  out.push();
  return 1;
}

int l_hexdecode(lua_State* L) {
  const std::string_view text = check_string(L, 1);
  if (text.size() % 2 != 0) {
    return luaL_error(L, "Invalid hex text size %d", static_cast<int>(text.size()));
  }
  Scratch out(L);
  if (!crypt::hex_decode(text, out.prepare(text.size() / 2)))
    return luaL_error(L, "Invalid hex text");
  out.add(text.size() / 2);
  out.push();
  return 1;
}

int l_base64encode(lua_State* L) {
  const std::string_view bytes = check_string(L, 1);
  const std::size_t size = crypt::base64_encoded_bytes(bytes.size());
  Scratch out(L);
  crypt::base64_encode(bytes, out.prepare(size));
  out.add(size);
  out.push();
  return 1;
}

int l_base64decode(lua_State* L) {
  const std::string_view text = check_string(L, 1);
  Scratch out(L);
  const std::optional<std::size_t> size =
      crypt::base64_decode(text, out.prepare(crypt::base64_decoded_bytes_at_most(text.size())));
  if (!size) return luaL_error(L, "Invalid base64 text");
  out.add(*size);
  out.push();
  return 1;
}

int l_xor_str(lua_State* L) {
  const std::string_view text = check_string(L, 1);
  const std::string_view key = check_string(L, 2);
  if (key.empty()) return luaL_error(L, "Can't xor empty string");
  Scratch out(L);
  char* to = out.prepare(text.size());
  for (std::size_t i = 0, k = 0; i < text.size(); ++i) {
    to[i] = static_cast<char>(text[i] ^ key[k]);
    if (++k == key.size()) k = 0;
  }
  out.add(text.size());
  out.push();
  return 1;
}

// ---- digests ------------------------------------------------------------------------------------

int push_digest(lua_State* L, crypt::Digest kind, const char* name) {
  char hash[crypt::kMaxDigestBytes];
  if (!crypt::digest(kind, {check_string(L, 1)}, hash)) return unavailable(L, name);
  lua_pushlstring(L, hash, crypt::digest_bytes(kind));
  return 1;
}

int push_hmac(lua_State* L, crypt::Digest kind, const char* name) {
  const std::string_view key = check_string(L, 1);
  const std::string_view text = check_string(L, 2);
  char hash[crypt::kMaxDigestBytes];
  if (!crypt::hmac(kind, key, text, hash)) return unavailable(L, name);
  lua_pushlstring(L, hash, crypt::digest_bytes(kind));
  return 1;
}

int push_pbkdf2(lua_State* L, crypt::Digest kind, const char* name) {
  const std::string_view password = check_string(L, 1);
  const std::string_view salt = check_string(L, 2);
  const lua_Number rounds = luaL_checknumber(L, 3);
  luaL_argcheck(L, rounds >= 1 && rounds <= kMostRounds, 3, "not a number from 1 to 10000000");
  luaL_argcheck(L, password.size() <= INT_MAX, 1, "too long");
  luaL_argcheck(L, salt.size() <= INT_MAX, 2, "too long");
  char key[crypt::kMaxDigestBytes];
  if (!crypt::pbkdf2(kind, password, salt, static_cast<int>(rounds), key))
    return unavailable(L, name);
  lua_pushlstring(L, key, crypt::digest_bytes(kind));
  return 1;
}

int l_sha1(lua_State* L) { return push_digest(L, crypt::Digest::sha1, "SHA-1"); }
int l_sha256(lua_State* L) { return push_digest(L, crypt::Digest::sha256, "SHA-256"); }
int l_hmac_sha1(lua_State* L) { return push_hmac(L, crypt::Digest::sha1, "SHA-1"); }
int l_hmac_sha256(lua_State* L) { return push_hmac(L, crypt::Digest::sha256, "SHA-256"); }
int l_pbkdf2_sha1(lua_State* L) { return push_pbkdf2(L, crypt::Digest::sha1, "SHA-1"); }
int l_pbkdf2_sha256(lua_State* L) { return push_pbkdf2(L, crypt::Digest::sha256, "SHA-256"); }

// ---- RSA ----------------------------------------------------------------------------------------

int l_rsa_oaep(lua_State* L) {
  const std::string_view pem = check_string(L, 1);
  const std::string_view text = check_string(L, 2);
  char out[crypt::kMaxRsaBytes];
  std::size_t size = 0;
  switch (crypt::rsa_oaep_encode(pem, text, out, &size)) {
    case crypt::RsaResult::ok: lua_pushlstring(L, out, size); return 1;
    case crypt::RsaResult::bad_key: return luaL_error(L, "not a public RSA key in PEM form");
    case crypt::RsaResult::too_long: return luaL_error(L, "too long a text for the RSA key");
    default: return unavailable(L, "RSA with OAEP");
  }
}

}  // namespace

int open_crypt(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {
      {"randomkey", l_randomkey},
      {"hashkey", l_hashkey},
      {"hmac64", l_hmac64},
      {"hmac64_md5", l_hmac64_md5},
      {"hmac_hash", l_hmac_hash},
      {"dhexchange", l_dhexchange},
      {"dhsecret", l_dhsecret},
      {"desencode", l_desencode},
      {"desdecode", l_desdecode},
      {"hexencode", l_hexencode},
      {"hexdecode", l_hexdecode},
      {"base64encode", l_base64encode},
      {"base64decode", l_base64decode},
      {"xor_str", l_xor_str},
      {"sha1", l_sha1},
      {"hmac_sha1", l_hmac_sha1},
      {"pbkdf2_sha1", l_pbkdf2_sha1},
      {"sha256", l_sha256},
      {"hmac_sha256", l_hmac_sha256},
      {"pbkdf2_sha256", l_pbkdf2_sha256},
      {"rsa_oaep", l_rsa_oaep},
      {nullptr, nullptr},
  };
  luaL_newlib(L, kFunctions);
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, static_cast<int>(crypt::Padding::iso7816_4));
  lua_setfield(L, -2, "iso7816_4");
  lua_pushinteger(L, static_cast<int>(crypt::Padding::pkcs7));
  lua_setfield(L, -2, "pkcs7");
  lua_setfield(L, -2, "padding");
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(skynet_crypt, open_crypt)
RUNTIME_LUA_OPEN(client_crypt, open_crypt)
