#include "lua/builtin_modules.h"

namespace runtime::RUNTIME_ENGINE {

// In alphabetical order. Each is defined in lua_<module>.cc beside this file.
int open_bson(lua_State* L);
int open_cluster_core(lua_State* L);  // lua_cluster.cc
int open_cluster_link(lua_State* L);
int open_codecache(lua_State* L);
int open_core(lua_State* L);
int open_datasheet(lua_State* L);
int open_debugchannel(lua_State* L);
int open_http_parser(lua_State* L);
int open_loader(lua_State* L);  // lua/lua_loader.cc
int open_memory(lua_State* L);
int open_mongo_driver(lua_State* L);  // lua_mongo.cc
int open_multicast(lua_State* L);
int open_mysql_codec(lua_State* L);  // lua_mysql.cc
int open_native(lua_State* L);  // lua/lua_native.cc
int open_netpack(lua_State* L);
int open_profile(lua_State* L);
int open_redis_codec(lua_State* L);  // lua_redis.cc
int open_scheduler(lua_State* L);  // lua/lua_native.cc
int open_sharedata(lua_State* L);
int open_sharetable(lua_State* L);
int open_socketdriver(lua_State* L);
int open_sproto(lua_State* L);
int open_stm(lua_State* L);
int open_websocket_codec(lua_State* L);

std::span<const BuiltinModule> builtin_modules() {
  static constexpr BuiltinModule kModules[] = {
      {"bson", open_bson},
      {"skynet.cluster.core", open_cluster_core},
      {"skynet.cluster.link", open_cluster_link},
      {"skynet.codecache", open_codecache},
      {"skynet.core", open_core},
      {"skynet.datasheet.core", open_datasheet},
      {"skynet.db.mysql.codec", open_mysql_codec},
      {"skynet.db.redis.codec", open_redis_codec},
      {"skynet.debugchannel", open_debugchannel},
      {"skynet.http.parser", open_http_parser},
      {"skynet.loader", open_loader},
      {"skynet.memory", open_memory},
      {"skynet.mongo.driver", open_mongo_driver},
      {"skynet.multicast.core", open_multicast},
      {"skynet.native", open_native},
      {"skynet.netpack", open_netpack},
      {"skynet.profile", open_profile},
      {"skynet.scheduler", open_scheduler},
      {"skynet.sharedata.core", open_sharedata},
      {"skynet.sharetable.core", open_sharetable},
      {"skynet.socketdriver", open_socketdriver},
      {"skynet.stm", open_stm},
      {"skynet.websocket.codec", open_websocket_codec},
      {"sproto.core", open_sproto},
  };
  return kModules;
}

}  // namespace runtime::RUNTIME_ENGINE
