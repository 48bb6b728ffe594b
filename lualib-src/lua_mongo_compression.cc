// require "skynet.mongo.compression": OP_COMPRESSED for skynet.db.mongo. A module of its own, as it needs libraries
// that most nodes do not. The interface is described in lualib/meta/mongo_compression.lua.
#include "lua/c_string.h"
#include "lua/engine.h"
#include "mongo/compression.h"
#include "mongo/message.h"
#include "scratch.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using mongo::Compressed;
using mongo::CompressionRefusal;
using mongo::Compressor;

constexpr std::size_t kHeaderBytes = mongo::kLengthBytes + mongo::kRestHeadBytes;
constexpr std::size_t kMostInside = mongo::kLargestMessage - kHeaderBytes;
constexpr int kDefaultLevel = -1;

std::int32_t number_at(const char* bytes) {
  std::int32_t number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

// text = compression.deflate(message, name [, level])
int l_deflate(lua_State* L) {
  const std::string_view message = check_string(L, 1);
  const auto compressor = mongo::compressor_named(check_string(L, 2));
  const auto level = static_cast<int>(luaL_optinteger(L, 3, kDefaultLevel));
  luaL_argcheck(L, message.size() >= kHeaderBytes, 1, "shorter than the header of a message");
  luaL_argcheck(L, compressor.has_value(), 2, "not a compressor: snappy, zlib or zstd");
  luaL_argcheck(L, level >= -1 && level <= 9, 3, "a level is a number from -1 to 9");
  const std::string_view body = message.substr(kHeaderBytes);
  constexpr std::size_t kHead = mongo::kLengthBytes + mongo::kCompressedHeadBytes;
  Scratch out(L);
  char* const to = out.prepare(kHead + mongo::compressed_bound(*compressor, body.size()));
  const std::size_t written = mongo::deflate(*compressor, body, level, to + kHead);
  if (written == 0) return luaL_error(L, "mongo: a message could not be compressed");
  Compressed head;
  head.opcode = number_at(message.data() + 12);
  head.compressor = *compressor;
  head.size = body.size();
  head.bytes = {to + kHead, written};
  mongo::write_compressed_head(to, number_at(message.data() + 4), number_at(message.data() + 8),
                               head);
  out.add(kHead + written);
  out.push();
  return 1;
}

// rest = compression.inflate(rest)
int l_inflate(lua_State* L) {
  const std::string_view rest = check_string(L, 1);
  lua_settop(L, 1);
  if (!mongo::is_compressed(rest)) return 1;
  const Compressed found = mongo::parse_compressed(rest, kMostInside);
  if (found.refusal != CompressionRefusal::none) {
    return luaL_error(L, "mongo: %s", mongo::describe(found.refusal));
  }
  Scratch out(L);
  char* const to = out.prepare(mongo::kRestHeadBytes + found.size);
  std::memcpy(to, rest.data(), 8);  // the ids
  std::memcpy(to + 8, &found.opcode, sizeof found.opcode);
  const CompressionRefusal refusal = mongo::inflate(found, to + mongo::kRestHeadBytes);
  if (refusal != CompressionRefusal::none)
    return luaL_error(L, "mongo: %s", mongo::describe(refusal));
  out.add(mongo::kRestHeadBytes + found.size);
  out.push();
  return 1;
}

}  // namespace

int open_mongo_compression(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {
      {"deflate", l_deflate}, {"inflate", l_inflate}, {nullptr, nullptr}};
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(skynet_mongo_compression, open_mongo_compression)
