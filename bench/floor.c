// What the engine alone costs in a request and its response between two Lua services: the floor
// under the scene `call` of the message benchmark. One thread, two bare states, a ring of messages
// each, a packed body from malloc, a coroutine for each request and one that waits for each
// response; no locks, no handles, no look at errors.
//
// Compiled once for each engine; with FLOOR_LUAJIT for LuaJIT. Prints `FLOOR per_sec=N`, the best
// of five runs.
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kRuns = 5, kCalls = 1000000, kRing = 1024, kPool = 64, kMaxBody = 512 };

enum Kind { kRequest, kResponse };

struct Message {
  enum Kind kind;
  int from, session;
  size_t size;
  char* body;
};

struct Service {
  lua_State* L;
  int handler, waiting,
      anchors;             // references: a function; session -> coroutine; the set of coroutines
  lua_State* pool[kPool];  // coroutines that have ended
  int pooled;
  int session;                       // the last one given out
  int requester, requester_session;  // of the request that is handled now
  struct Message ring[kRing];
  unsigned pushed, popped;
};

static struct Service services[2];
// The services that have messages, in order.
static struct Service* runnable[kRing];
static unsigned runnable_pushed, runnable_popped;

static void post(struct Service* to, struct Message message) {
  if (to->pushed == to->popped) runnable[runnable_pushed++ % kRing] = to;
  to->ring[to->pushed++ % kRing] = message;
}

// ---- bodies: a number is 'n' and a double, a string is its length (below 'n') and its bytes -----

static void pack(lua_State* L, int first, struct Message* message) {
  char buffer[kMaxBody];
  size_t size = 0;
  const int last = lua_gettop(L);
  for (int i = first; i <= last; ++i) {
    if (lua_type(L, i) == LUA_TNUMBER) {
      const double number = lua_tonumber(L, i);
      buffer[size] = 'n';
      memcpy(buffer + size + 1, &number, sizeof number);
      size += 1 + sizeof number;
    } else {
      size_t length;
      const char* text = lua_tolstring(L, i, &length);
      buffer[size] = (char)length;
      memcpy(buffer + size + 1, text, length);
      size += 1 + length;
    }
  }
  message->size = size;
  message->body = malloc(size);
  memcpy(message->body, buffer, size);
}

static int unpack(lua_State* L, const struct Message* message) {
  int count = 0;
  const char* at = message->body;
  const char* end = at + message->size;
  luaL_checkstack(L, 16, NULL);
  for (; at != end; ++count) {
    const char head = *at++;
    if (head == 'n') {
      double number;
      memcpy(&number, at, sizeof number);
#ifdef FLOOR_LUAJIT
      lua_pushnumber(L, number);
#else
      lua_pushinteger(L, (lua_Integer)number);
#endif
      at += sizeof number;
    } else {
      lua_pushlstring(L, at, (size_t)head);
      at += head;
    }
  }
  return count;
}

// ---- what the services call ---------------------------------------------------------------------

static struct Service* self(lua_State* L) { return lua_touserdata(L, lua_upvalueindex(1)); }

// call(service, ...) -> the values of the response
static int l_call(lua_State* L) {
  struct Service* service = self(L);
  struct Message message = {
      .kind = kRequest, .from = (int)(service - services), .session = ++service->session};
  pack(L, 2, &message);
  post(&services[lua_tointeger(L, 1)], message);
  lua_rawgeti(L, LUA_REGISTRYINDEX, service->waiting);
  lua_pushthread(L);
  lua_rawseti(L, -2, message.session);
  lua_settop(L, 0);
  return lua_yield(L, 0);
}

// ret(...)
static int l_ret(lua_State* L) {
  struct Service* service = self(L);
  struct Message message = {
      .kind = kResponse, .from = (int)(service - services), .session = service->requester_session};
  pack(L, 1, &message);
  post(&services[service->requester], message);
  return 0;
}

// ---- handling -----------------------------------------------------------------------------------

static lua_State* take_coroutine(struct Service* service) {
  if (service->pooled > 0) return service->pool[--service->pooled];
  lua_State* L = service->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, service->anchors);
  lua_State* co = lua_newthread(L);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_settop(L, 0);
  return co;
}

static lua_State* take_waiting(struct Service* service, int session) {
  lua_State* L = service->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, service->waiting);
  lua_rawgeti(L, 1, session);
  lua_State* co = lua_tothread(L, 2);
  lua_pushnil(L);
  lua_rawseti(L, 1, session);
  lua_settop(L, 0);
  return co;
}

static void handle(struct Service* service, const struct Message* message) {
  lua_State* co;
  if (message->kind == kResponse) {
    co = take_waiting(service, message->session);
  } else {
    co = take_coroutine(service);
    service->requester = message->from;
    service->requester_session = message->session;
    lua_rawgeti(co, LUA_REGISTRYINDEX, service->handler);
  }
  const int values = unpack(co, message);
  free(message->body);
#ifdef FLOOR_LUAJIT
  const int status = lua_resume(co, values);
#else
  int results;
  const int status = lua_resume(co, service->L, values, &results);
#endif
  if (status == LUA_YIELD) return;
  if (status != 0) {
    fprintf(stderr, "floor: %s\n", lua_tostring(co, -1));
    exit(1);
  }
  lua_settop(co, 0);
  service->pool[service->pooled++] = co;
}

static void run_all(void) {
  while (runnable_popped != runnable_pushed) {
    struct Service* service = runnable[runnable_popped++ % kRing];
    while (service->popped != service->pushed)
      handle(service, &service->ring[service->popped++ % kRing]);
  }
}

// ---- the two services ---------------------------------------------------------------------------

static const char kCaller[] =
    "return function(count) for i = 1, count do call(1, 'echo', i) end end";
static const char kAnswerer[] =
    "local command = {}\n"
    "function command.echo(value) ret(value) end\n"
    "return function(name, ...) command[name](...) end";

static void add_function(struct Service* service, const char* name, lua_CFunction function) {
  lua_pushlightuserdata(service->L, service);
  lua_pushcclosure(service->L, function, 1);
  lua_setglobal(service->L, name);
}

static void open_service(struct Service* service, const char* source) {
  lua_State* L = service->L = luaL_newstate();
  luaL_openlibs(L);
#ifndef FLOOR_LUAJIT
  lua_gc(L, LUA_GCGEN, 0, 0);  // as services run
#endif
  lua_newtable(L);
  service->waiting = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  service->anchors = luaL_ref(L, LUA_REGISTRYINDEX);
  add_function(service, "call", l_call);
  add_function(service, "ret", l_ret);
  luaL_loadstring(L, source);
  lua_call(L, 0, 1);
  service->handler = luaL_ref(L, LUA_REGISTRYINDEX);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void) {
  open_service(&services[0], kCaller);
  open_service(&services[1], kAnswerer);
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    struct Message message = {.kind = kRequest};
    lua_pushinteger(services[0].L, kCalls);
    pack(services[0].L, 1, &message);
    lua_settop(services[0].L, 0);
    const double begun = seconds();
    post(&services[0], message);
    run_all();
    const double rate = kCalls / (seconds() - begun);
    if (rate > best) best = rate;
  }
  printf("FLOOR per_sec=%.0f (best of %d)\n", best, kRuns);
  return 0;
}
