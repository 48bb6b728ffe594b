// require "skynet.mongo.driver": the frames of skynet.db.mongo.
//
//   text = driver.op_msg(id, flags, document)      a request; the document is one of bson.encode
//   n = driver.length(four_bytes)                  how many bytes follow a frame's length
//   true, id, pointer = driver.reply(rest)         of those bytes; the pointer lives as long as they do
//   false = driver.reply(rest)                     shorter than a header
//
// length() and reply() raise for what no reply of a server can be.
#include "bson_encode.h"
#include "lua/c_string.h"
#include "mongo/message.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

int l_op_msg(lua_State* L) {
  const auto id = static_cast<std::int32_t>(luaL_checkinteger(L, 1));
  const auto flags = static_cast<std::uint32_t>(luaL_checkinteger(L, 2));
  auto& document = *static_cast<Document*>(luaL_checkudata(L, 3, Document::kLuaType));
  char head[mongo::kHeadBytes];
  mongo::write_head(head, id, flags, document.view().size());
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  luaL_addlstring(&buffer, head, sizeof head);
  luaL_addlstring(&buffer, document.bytes(), document.view().size());
  luaL_pushresult(&buffer);
  return 1;
}

int l_length(lua_State* L) {
  const std::int64_t rest = mongo::remaining(check_string(L, 1));
  if (rest < 0) return luaL_error(L, "mongo: a message with an impossible length");
  lua_pushinteger(L, static_cast<lua_Integer>(rest));
  return 1;
}

int l_reply(lua_State* L) {
  const mongo::Reply reply = mongo::parse_reply(check_string(L, 1));
  if (reply.refusal == mongo::Refusal::head) {
    lua_pushboolean(L, 0);
    return 1;
  }
  if (reply.refusal != mongo::Refusal::none) {
    return luaL_error(L, "mongo: %s", mongo::describe(reply.refusal));
  }
  lua_pushboolean(L, 1);
  lua_pushinteger(L, reply.response_to);
  lua_pushlightuserdata(L, const_cast<char*>(reply.document.data()));
  return 3;
}

}  // namespace

int open_mongo_driver(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"op_msg", l_op_msg}, {"length", l_length}, {"reply", l_reply}, {nullptr, nullptr}};
  lua_createtable(L, 0, 3);
  luaL_setfuncs(L, kFunctions, 0);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
