// require "skynet.mongo.driver": the frames of skynet.db.mongo.
//
//   text = driver.op_msg(id, flags, document)      a request; the document is one of bson.encode
//   n = driver.length(four_bytes)                  how many bytes follow a frame's length
//   true, id, pointer = driver.reply(rest)         of those bytes; the pointer lives as long as they do
//   false = driver.reply(rest)                     shorter than a header
//   reader = driver.reader()                       a parser of skynet.socketchannel: take, feed, held, and
//   rest = reader:next()                           the next frame, without its length; nothing: more bytes are needed
//
// length(), reply() and next() raise for what no reply of a server can be.
#include "block_taker.h"
#include "bson_encode.h"
#include "lua/c_string.h"
#include "mongo/frame_reader.h"
#include "mongo/message.h"
#include "object.h"

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

int refuse_length(lua_State* L) {
  return luaL_error(L, "mongo: a message with an impossible length");
}

int l_length(lua_State* L) {
  const std::int64_t rest = mongo::remaining(check_string(L, 1));
  if (rest < 0) return refuse_length(L);
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

struct LuaFrameReader : mongo::FrameReader {
  static constexpr const char* kLuaType = "skynet.mongo.reader";
};

int l_reader(lua_State* L) {
  push_object<LuaFrameReader>(L);
  return 1;
}

int l_feed(lua_State* L) {
  LuaFrameReader& reader = self<LuaFrameReader>(L, 1);
  reader.feed(check_string(L, 2));
  return 0;
}

int l_next(lua_State* L) {
  LuaFrameReader& reader = self<LuaFrameReader>(L, 1);
  switch (reader.next()) {
    case mongo::FrameReader::Status::incomplete: return 0;
    case mongo::FrameReader::Status::error: return refuse_length(L);
    case mongo::FrameReader::Status::ready: break;
  }
  const std::string_view frame = reader.frame();
  lua_pushlstring(L, frame.data(), frame.size());  // may raise: the frame is still in place
  reader.pop();
  return 1;
}

int l_held(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(self<LuaFrameReader>(L, 1).held()));
  return 1;
}

}  // namespace

int open_mongo_driver(lua_State* L) {
  static constexpr luaL_Reg kMethods[] = {{"take", l_take_block<LuaFrameReader>},
                                          {"feed", l_feed},
                                          {"next", l_next},
                                          {"held", l_held},
                                          {nullptr, nullptr}};
  static constexpr luaL_Reg kFunctions[] = {{"op_msg", l_op_msg},
                                            {"length", l_length},
                                            {"reply", l_reply},
                                            {"reader", l_reader},
                                            {nullptr, nullptr}};
  define_type<LuaFrameReader>(L, kMethods);
  lua_createtable(L, 0, 4);
  set_functions<LuaFrameReader>(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
