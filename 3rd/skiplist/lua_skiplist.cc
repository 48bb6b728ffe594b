// require "skiplist.c": a function that makes a sorted list of (score, member) pairs; see
// skip_list.h.
//
//   list:insert(score, member)
//   removed = list:delete(score, member)
//   n = list:delete_by_rank(a, b, f)           calls f(member) for each removed, in rank order
//   n = list:get_count()
//   rank = list:get_rank(score, member)        no value when the pair is absent
//   members = list:get_rank_range(a, b)        descending when a > b
//   members = list:get_score_range(s1, s2)     both included; descending when s1 > s2
//   member = list:get_member_by_rank(rank)     no value when there is none
//   list:dump()                                prints all pairs
#include <algorithm>
#include <cstdio>
#include <memory>

#include "lua/engine.h"
#include "skip_list.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

constexpr const char* kLuaType = "skiplist";

SkipList& check_list(lua_State* L) {
  bool good = lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1) != 0;
  if (good) {
    luaL_getmetatable(L, kLuaType);
    good = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 2);
  }
  if (!good) luaL_error(L, "must be skiplist object");
  return *static_cast<SkipList*>(lua_touserdata(L, 1));
}

double check_score(lua_State* L, int index) {
  const double score = luaL_checknumber(L, index);
  luaL_argcheck(L, score == score, index, "the score is NaN");
  return score;
}

// A real string: a number does not do, as it would come back as another value than it went in.
std::string_view check_member(lua_State* L, int index) {
  luaL_checktype(L, index, LUA_TSTRING);
  std::size_t size = 0;
  const char* data = lua_tolstring(L, index, &size);
  return {data, size};
}

void push_member(lua_State* L, const SkipList::Node* node) {
  const std::string_view member = SkipList::member(node);
  lua_pushlstring(L, member.data(), member.size());
}

using Step = const SkipList::Node* (*)(const SkipList::Node*);

// Pushes the members of `count` pairs from `node` on as an array.
void push_members(lua_State* L, const SkipList::Node* node, std::size_t count, Step step) {
  lua_createtable(L, static_cast<int>(std::min<std::size_t>(count, 1 << 20)), 0);
  for (std::size_t i = 1; i <= count; ++i, node = step(node)) {
    push_member(L, node);
    lua_rawseti(L, -2, static_cast<int>(i));
  }
}

int l_insert(lua_State* L) {
  SkipList& list = check_list(L);
  const double score = check_score(L, 2);
  list.insert(score, check_member(L, 3));
  return 0;
}

int l_delete(lua_State* L) {
  SkipList& list = check_list(L);
  const double score = check_score(L, 2);
  lua_pushboolean(L, list.erase(score, check_member(L, 3)));
  return 1;
}

int l_delete_by_rank(lua_State* L) {
  SkipList& list = check_list(L);
  const lua_Integer a = luaL_checkinteger(L, 2);
  const lua_Integer b = luaL_checkinteger(L, 3);
  luaL_checktype(L, 4, LUA_TFUNCTION);
  const lua_Integer first = std::max<lua_Integer>(std::min(a, b), 1);
  const lua_Integer last =
      std::min<lua_Integer>(std::max(a, b), static_cast<lua_Integer>(list.size()));
  // One at a time and looked up anew: f may raise, and may change the list.
  lua_Integer removed = 0;
  for (; first + removed <= last; ++removed) {
    const SkipList::Node* node = list.at(static_cast<std::size_t>(first));
    if (node == nullptr) break;
    lua_pushvalue(L, 4);
    push_member(L, node);
    list.erase_rank(static_cast<std::size_t>(first));
    lua_call(L, 1, 0);
  }
  lua_pushinteger(L, removed);
  return 1;
}

int l_get_count(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(check_list(L).size()));
  return 1;
}

int l_get_rank(lua_State* L) {
  const SkipList& list = check_list(L);
  const double score = check_score(L, 2);
  const std::size_t rank = list.rank(score, check_member(L, 3));
  if (rank == 0) return 0;
  lua_pushinteger(L, static_cast<lua_Integer>(rank));
  return 1;
}

int l_get_rank_range(lua_State* L) {
  const SkipList& list = check_list(L);
  const lua_Integer size = static_cast<lua_Integer>(list.size());
  const lua_Integer a = luaL_checkinteger(L, 2);
  const lua_Integer b =
      std::clamp<lua_Integer>(luaL_checkinteger(L, 3), 1, std::max<lua_Integer>(size, 1));
  const bool inside = a >= 1 && a <= size;
  const lua_Integer count = !inside ? 0 : a <= b ? b - a + 1 : a - b + 1;
  push_members(L, list.at(inside ? static_cast<std::size_t>(a) : 0),
               static_cast<std::size_t>(count), a <= b ? SkipList::next : SkipList::previous);
  return 1;
}

int l_get_score_range(lua_State* L) {
  const SkipList& list = check_list(L);
  const double from = check_score(L, 2);
  const double to = check_score(L, 3);
  const SkipList::Node* first = list.first_from(std::min(from, to));
  const SkipList::Node* last = list.last_to(std::max(from, to));
  std::size_t count = 0;
  // Empty when the first pair from below lies above the last one from above.
  if (first != nullptr && last != nullptr && SkipList::score(first) <= SkipList::score(last)) {
    for (const SkipList::Node* node = first; node != last; node = SkipList::next(node)) ++count;
    ++count;
  }
  push_members(L, from <= to ? first : last, count,
               from <= to ? SkipList::next : SkipList::previous);
  return 1;
}

int l_get_member_by_rank(lua_State* L) {
  const SkipList& list = check_list(L);
  const lua_Integer rank = luaL_checkinteger(L, 2);
  const SkipList::Node* node = rank < 1 ? nullptr : list.at(static_cast<std::size_t>(rank));
  if (node == nullptr) return 0;
  push_member(L, node);
  return 1;
}

int l_dump(lua_State* L) {
  const SkipList& list = check_list(L);
  std::size_t rank = 1;
  for (const SkipList::Node* node = list.at(1); node != nullptr;
       node = SkipList::next(node), ++rank) {
    const std::string_view member = SkipList::member(node);
    std::printf("node %zu: score:%f, member:%.*s\n", rank, SkipList::score(node),
                static_cast<int>(member.size()), member.data());
  }
  return 0;
}

int l_collect(lua_State* L) {
  std::destroy_at(&check_list(L));
  lua_pushnil(L);
  lua_setmetatable(L, 1);
  return 0;
}

int l_new(lua_State* L) {
  void* block = lua_newuserdatauv(L, sizeof(SkipList), 0);
  luaL_getmetatable(L, kLuaType);
  new (block) SkipList;
  lua_setmetatable(L, -2);
  return 1;
}

int open_skiplist(lua_State* L) {
  static constexpr luaL_Reg kMethods[] = {
      {"insert", l_insert},
      {"delete", l_delete},
      {"delete_by_rank", l_delete_by_rank},
      {"get_count", l_get_count},
      {"get_rank", l_get_rank},
      {"get_rank_range", l_get_rank_range},
      {"get_score_range", l_get_score_range},
      {"get_member_by_rank", l_get_member_by_rank},
      {"dump", l_dump},
      {nullptr, nullptr},
  };
  luaL_newmetatable(L, kLuaType);
  luaL_newlib(L, kMethods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_collect);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, l_new);
  return 1;
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(skiplist_c, open_skiplist)
