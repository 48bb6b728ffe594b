// skynet.websocket.codec: frames of RFC 6455 from and into bytes. The interface is described in
// lualib/meta/websocket_codec.lua.
#include "lua/engine.h"
#include "object.h"
#include "scratch.h"
#include "skynet_malloc.h"
#include "websocket/decoder.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using websocket::MaskingKey;

struct LuaDecoder : websocket::Decoder {
  static constexpr const char* kLuaType = "skynet.websocket.decoder";
  using websocket::Decoder::Decoder;
};

// ---- encoding -----------------------------------------------------------------------------------

struct Frame {
  int opcode;
  std::string_view payload;
  bool is_masked;
  MaskingKey key;

  std::size_t max_size() const { return websocket::kMaxHeader + payload.size(); }

  // Writes the frame to `out`, which has room for max_size() bytes; the number of bytes written.
  std::size_t write(char* out) const {
    const std::size_t header =
        websocket::write_frame_header(opcode, payload.size(), is_masked ? &key : nullptr, out);
    if (is_masked) {
      websocket::apply_mask(key, payload.data(), payload.size(), out + header);
    } else if (!payload.empty()) {
      std::memcpy(out + header, payload.data(), payload.size());
    }
    return header + payload.size();
  }
};

// The arguments opcode, payload and masking key.
Frame check_frame(lua_State* L) {
  Frame frame{};
  const lua_Integer opcode = luaL_checkinteger(L, 1);
  luaL_argcheck(L, opcode >= 0 && opcode <= 15, 1, "an opcode has four bits");
  frame.opcode = static_cast<int>(opcode);
  if (!lua_isnoneornil(L, 2)) {
    std::size_t size;
    const char* payload = luaL_checklstring(L, 2, &size);
    frame.payload = {payload, size};
  }
  frame.is_masked = !lua_isnoneornil(L, 3);
  if (frame.is_masked) {
    frame.key = MaskingKey::from(static_cast<std::uint32_t>(luaL_checkinteger(L, 3)));
  }
  return frame;
}

int l_frame(lua_State* L) {
  const Frame frame = check_frame(L);
  Scratch out(L);
  out.add(frame.write(out.prepare(frame.max_size())));
  out.push();
  return 1;
}

int l_pack(lua_State* L) {
  const Frame frame = check_frame(L);
  char* block = static_cast<char*>(skynet_malloc(frame.max_size()));
  if (block == nullptr) return luaL_error(L, "not enough memory");
  const std::size_t size = frame.write(block);
  lua_pushlightuserdata(L, block);
  lua_pushinteger(L, static_cast<lua_Integer>(size));
  return 2;
}

// ---- decoding -----------------------------------------------------------------------------------

int l_decoder(lua_State* L) {
  std::size_t max = websocket::Decoder::kNoLimit;
  if (!lua_isnoneornil(L, 1)) {
    const lua_Integer given = luaL_checkinteger(L, 1);
    luaL_argcheck(L, given >= 0, 1, "a limit is not negative");
    max = static_cast<std::size_t>(given);
  }
  constexpr const char* kRules[] = {"any_mask", "masked", "unmasked", "lenient", nullptr};
  const int rules = luaL_checkoption(L, 2, kRules[0], kRules);
  push_object<LuaDecoder>(L, max, static_cast<websocket::Decoder::Rules>(rules));
  return 1;
}

// Pushes the next event of the decoder.
int push_next(lua_State* L, websocket::Decoder& decoder) {
  using Kind = websocket::Decoder::Event::Kind;
  const websocket::Decoder::Event event = decoder.next();
  if (event.kind == Kind::incomplete) {
    lua_pushnil(L);
    return 1;
  }
  if (event.kind == Kind::error) {
    lua_pushboolean(L, 0);
  } else {
    lua_pushinteger(L, event.opcode);
  }
  lua_pushlstring(L, event.text.data(), event.text.size());
  if (event.kind != Kind::error) return 2;
  lua_pushinteger(L, event.close_code);
  return 3;
}

int l_next(lua_State* L) { return push_next(L, self<LuaDecoder>(L, 1)); }

int l_feed(lua_State* L) {
  LuaDecoder& decoder = self<LuaDecoder>(L, 1);
  if (lua_islightuserdata(L, 2)) {
    const lua_Integer size = luaL_checkinteger(L, 3);
    luaL_argcheck(L, size >= 0, 3, "a size is not negative");
    decoder.feed({static_cast<const char*>(lua_touserdata(L, 2)), static_cast<std::size_t>(size)});
  } else {
    std::size_t size;
    const char* bytes = luaL_checklstring(L, 2, &size);
    decoder.feed({bytes, size});
  }
  return push_next(L, decoder);
}

int l_held(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(self<LuaDecoder>(L, 1).held()));
  return 1;
}

}  // namespace

int open_websocket_codec(lua_State* L) {
  constexpr luaL_Reg kMethods[] = {
      {"feed", l_feed},
      {"next", l_next},
      {"held", l_held},
      {nullptr, nullptr},
  };
  constexpr luaL_Reg kFunctions[] = {
      {"frame", l_frame},
      {"pack", l_pack},
      {"decoder", l_decoder},
      {nullptr, nullptr},
  };
  constexpr struct {
    const char* name;
    int opcode;
  } kOpcodes[] = {
      {"CONTINUATION", websocket::kContinuation},
      {"TEXT", websocket::kText},
      {"BINARY", websocket::kBinary},
      {"CLOSE", websocket::kClose},
      {"PING", websocket::kPing},
      {"PONG", websocket::kPong},
  };
  define_type<LuaDecoder>(L, kMethods);
  lua_newtable(L);
  set_functions<LuaDecoder>(L, kFunctions);
  for (const auto& [name, opcode] : kOpcodes) {
    lua_pushinteger(L, opcode);
    lua_setfield(L, -2, name);
  }
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
