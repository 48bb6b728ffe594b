// Any bytes as a bundle, as a message of a schema that has every kind of field, and as packed bytes. What can be decoded is
// encoded, decoded and encoded again, and decodes to as much.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "sproto/schema.h"
#include "sproto/zero_pack.h"

extern "C" {
#include <lauxlib.h>
#include <lua.h>
}

namespace runtime::lua54 {
int open_sproto(lua_State* L);
}

namespace {

using runtime::sproto::Schema;

void check(bool condition) {
  if (!condition) std::abort();
}

// .A { i 0 : integer b 1 : boolean s 2 : string d 3 : double f 4 : integer(2) n 5 : binary a 6 : A
//      ia 7 : *integer ba 8 : *boolean sa 9 : *string da 10 : *double aa 11 : *A am 12 : *A(s) kv 13 : *KV()
//      far 1000 : integer }
// .KV { k 0 : integer v 1 : A }
constexpr std::string_view kBundleHex =
    "01000000870100004901000002000000000001000000413a0100000f0000000400000002000100020001000000690f"
    "00000004"
    "00000004000100040001000000620f0000000400000006000100060001000000730f00000004000000080001000800"
    "01000000"
    "640f00000004000000020006000a0001000000660f00000004000000060004000c00010000006e0f00000004000000"
    "01000200"
    "0e00010000006112000000050000000200010010000400020000006961120000000500000004000100120004000200"
    "00006261"
    "1200000005000000060001001400040002000000736112000000050000000800010016000400020000006461120000"
    "00050000"
    "0001000200180004000200000061611400000006000000010002001a000400060002000000616d1600000007000000"
    "01000400"
    "1c00040002000400020000006b76110000000400000002000100d20703000000666172360000000200000000000200"
    "00004b56"
    "260000000f00000004000000020001000200010000006b0f000000040000000100020004000100000076";

std::string unhex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// A state with the module at stack slot 1, and the type A at slot 2.
lua_State* open_state() {
  lua_State* L = luaL_newstate();
  lua_pushcfunction(L, runtime::lua54::open_sproto);
  lua_call(L, 0, 1);
  const std::string bundle = unhex(kBundleHex);
  lua_getfield(L, 1, "newproto");
  lua_pushlstring(L, bundle.data(), bundle.size());
  lua_call(L, 1, 1);
  lua_getfield(L, 1, "querytype");
  lua_insert(L, -2);
  lua_pushliteral(L, "A");
  lua_call(L, 2, 1);
  return L;
}

// Replaces the value on top by what a function makes of the type and it; false when that raises.
bool convert(lua_State* L, const char* function) {
  lua_getfield(L, 1, function);
  lua_insert(L, -2);
  lua_pushvalue(L, 2);
  lua_insert(L, -2);
  return lua_pcall(L, 2, 1, 0) == LUA_OK;
}

void as_message(std::string_view bytes) {
  static lua_State* const L = open_state();
  lua_settop(L, 2);
  lua_pushlstring(L, bytes.data(), bytes.size());
  if (!convert(L, "decode")) return;
  // Fixed point numbers of 64 bits may be rounded out of their range, and cannot be encoded then.
  if (!convert(L, "encode")) return;
  const std::size_t size = lua_rawlen(L, -1);
  check(convert(L, "decode"));
  check(convert(L, "encode"));
  check(lua_rawlen(L, -1) == size);
}

// A bundle that loads holds together.
void as_bundle(std::string_view bytes) {
  const runtime::sproto::SchemaRef schema = Schema::load(bytes);
  if (schema == nullptr) return;
  for (const auto& type : schema->types()) {
    check(schema->type(type.name) == &type);
    for (const auto& field : type.fields) {
      check(type.find(field.tag) == &field);
      check(field.key < 0 || field.type->find(field.key) != nullptr);
      check(schema->names()[static_cast<std::size_t>(field.name_index)] == field.name);
    }
  }
  for (const auto& protocol : schema->protocols())
    check(schema->protocol(protocol.tag) == &protocol);
}

void as_packed(std::string_view bytes) {
  std::vector<char> packed(runtime::sproto::max_packed(bytes.size()));
  const std::size_t size = runtime::sproto::zero_pack(bytes, packed.data());
  check(size <= packed.size());
  const auto back = runtime::sproto::unpacked_size({packed.data(), size});
  check(back == (bytes.size() + 7) / 8 * 8);
  std::string unpacked(*back, 'x');
  runtime::sproto::zero_unpack({packed.data(), size}, unpacked.data());
  check(unpacked.starts_with(bytes) &&
        unpacked.find_first_not_of('\0', bytes.size()) == std::string::npos);

  if (const auto any = runtime::sproto::unpacked_size(bytes)) {
    std::string out(*any, 'x');
    runtime::sproto::zero_unpack(bytes, out.data());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: as_message(bytes); break;
    case 1: as_bundle(bytes); break;
    case 2: as_packed(bytes); break;
  }
  return 0;
}
