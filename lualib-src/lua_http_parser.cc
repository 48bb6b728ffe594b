// skynet.http.parser: heads of HTTP/1 messages from and into strings. The interface is described in
// lualib/meta/http_parser.lua.
#include <algorithm>
#include <cstdio>

#include "http/head.h"
#include "http/status.h"
#include "lua/engine.h"
#include "scratch.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr lua_Integer kDefaultLimit = 8192;

void push_text(lua_State* L, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
}

// ---- fields into a table ------------------------------------------------------------------------

// Pushes `name` in lower case.
void push_name(lua_State* L, std::string_view name, Scratch& scratch) {
  scratch.clear();
  http::lower_case(name, scratch.prepare(name.size()));
  lua_pushlstring(L, scratch.data(), name.size());
}

// header[key] = value; a second value makes a list. Pops the value, leaves the key, which is below
// it.
void add_value(lua_State* L, int header) {
  lua_pushvalue(L, -2);
  lua_rawget(L, header);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
  } else if (lua_istable(L, -1)) {
    lua_insert(L, -2);  // key list value
    lua_rawseti(L, -2, static_cast<int>(lua_rawlen(L, -2)) + 1);
    lua_pop(L, 1);
    return;
  } else {
    lua_createtable(L, 2, 0);  // key value first list
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
    lua_insert(L, -2);  // key list value
    lua_rawseti(L, -2, 2);
  }
  lua_pushvalue(L, -2);
  lua_insert(L, -2);
  lua_rawset(L, header);
}

// Appends `text` to the latest value of the key on the top of the stack, which stays there.
void extend_value(lua_State* L, int header, std::string_view text) {
  lua_pushvalue(L, -1);
  lua_rawget(L, header);  // key value
  const bool is_list = lua_istable(L, -1);
  const int last = is_list ? static_cast<int>(lua_rawlen(L, -1)) : 0;
  if (is_list) lua_rawgeti(L, -1, last);
  push_text(L, text);
  lua_concat(L, 2);  // key [list] text
  if (is_list) {
    lua_rawseti(L, -2, last);
    lua_pop(L, 1);
  } else {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, header);
  }
}

// What is allowed in the lines of a header.
enum class Lines {
  head,
  folded_head,  // a line that starts with a tab continues the one before, unless that is of the framing
  trailer,      // no field that must stand in the head
};

std::string_view text_at(lua_State* L, int index) {
  std::size_t size;
  const char* text = lua_tolstring(L, index, &size);
  return {text, size};
}

// Adds one line to the table at `header`. The stack slot above `key` holds the name of the line
// before, or nil, and then of this one. False: a bad line.
bool add_line(lua_State* L, int header, int key, std::string_view line, Lines lines,
              Scratch& scratch) {
  const http::Field field = http::parse_field(line);
  switch (field.kind) {
    case http::Field::Kind::pair:
      push_name(L, field.name, scratch);
      if (lines == Lines::trailer && http::use_of_field(text_at(L, -1)) != http::FieldUse::other) {
        return false;
      }
      push_text(L, field.value);
      add_value(L, header);
      lua_replace(L, key);
      return true;
    case http::Field::Kind::continuation:
      if (lines != Lines::folded_head || lua_isnil(L, key)) return false;
      if (http::use_of_field(text_at(L, key)) == http::FieldUse::framing) return false;
      lua_pushvalue(L, key);
      extend_value(L, header, field.value);
      lua_pop(L, 1);
      return true;
    case http::Field::Kind::bad: break;
  }
  return false;
}

// Adds the lines of `text`, up to the empty one, to the table at `header`. False: a bad line.
bool add_lines(lua_State* L, int header, std::string_view text, Lines lines) {
  lua_pushnil(L);
  const int key = lua_gettop(L);
  Scratch scratch(L);
  bool good = true;
  for (std::string_view line = http::take_line(text); good && !line.empty();
       line = http::take_line(text)) {
    good = add_line(L, header, key, line, lines, scratch);
  }
  lua_settop(L, key - 1);
  return good;
}

// ---- heads --------------------------------------------------------------------------------------

// The head at the start of the string at `index`, found within the limit at `limit_index`; or
// empty, and then the results that the function is to give are pushed: *results of them.
std::string_view check_head(lua_State* L, std::string_view bytes, int limit_index, int* results) {
  const lua_Integer limit = luaL_optinteger(L, limit_index, kDefaultLimit);
  const std::size_t most = limit < 0 ? 0 : static_cast<std::size_t>(limit);
  const std::string_view head = bytes.substr(0, http::head_size(bytes.substr(0, most)));
  if (!head.empty()) return head;
  if (bytes.size() < most) {
    lua_pushnil(L);
    *results = 1;
  } else {
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "limit");
    *results = 2;
  }
  return {};
}

// The results for a first line that is none, or that holds what no line may hold.
int reject_line(lua_State* L, std::string_view line) {
  lua_pushboolean(L, 0);
  if (http::fits_line(line)) {
    lua_pushliteral(L, "line");
  } else {
    lua_pushliteral(L, "control");
  }
  return 2;
}

// Pushes the header table and the position after the head, the last results of both functions
// below. `fields` is the head without its first line; `table` is the index of the table to fill, or
// of something else: then one is made.
void push_header(lua_State* L, int table, std::string_view fields, Lines lines,
                 std::size_t head_size) {
  if (lua_istable(L, table)) {
    lua_pushvalue(L, table);
  } else {
    lua_createtable(L, 0, 8);
  }
  if (!add_lines(L, lua_gettop(L), fields, lines)) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  lua_pushinteger(L, static_cast<lua_Integer>(head_size) + 1);
}

int l_request(lua_State* L) {
  const std::string_view bytes = check_string(L, 1);
  int results = 0;
  std::string_view head = check_head(L, bytes, 2, &results);
  if (results != 0) return results;
  const std::size_t size = head.size();
  const std::string_view text = http::take_line(head);
  const std::optional<http::RequestLine> line = http::parse_request_line(text);
  if (!line) return reject_line(L, text);
  const Lines lines = lua_toboolean(L, 4) ? Lines::folded_head : Lines::head;
  lua_settop(L, 3);
  push_text(L, line->method);
  push_text(L, line->url);
  lua_pushnumber(L, line->version);
  if (line->exact) {
    push_header(L, 3, head, lines, size);
    return 5;
  }
  lua_pushnil(L);
  lua_pushinteger(L, static_cast<lua_Integer>(size) + 1);
  return 5;
}

int l_response(lua_State* L) {
  const std::string_view bytes = check_string(L, 1);
  int results = 0;
  std::string_view head = check_head(L, bytes, 2, &results);
  if (results != 0) return results;
  const std::size_t size = head.size();
  const std::string_view text = http::take_line(head);
  const std::optional<http::StatusLine> line = http::parse_status_line(text);
  if (!line) return reject_line(L, text);
  // The fields of an interim answer are not those of the answer: they get a table of their own.
  const bool is_interim = line->code < 200 && line->code != 101;
  lua_settop(L, is_interim ? 2 : 3);
  lua_settop(L, 3);
  lua_pushinteger(L, line->code);
  push_text(L, line->reason);
  lua_pushnumber(L, line->version);
  push_header(L, 3, head, Lines::head, size);
  return 5;
}

// What stands in `bytes` from the position that is argument `index` on.
std::string_view check_rest(lua_State* L, std::string_view bytes, int index) {
  const lua_Integer from = luaL_checkinteger(L, index);
  luaL_argcheck(L, from >= 1, index, "a position is 1 or more");
  const std::size_t skipped = static_cast<std::size_t>(from) - 1;
  return skipped < bytes.size() ? bytes.substr(skipped) : std::string_view{};
}

int l_fields(lua_State* L) {
  const std::string_view bytes = check_rest(L, check_string(L, 1), 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  int results = 0;
  const std::string_view head = check_head(L, bytes, 4, &results);
  if (results != 0) return results;
  if (!add_lines(L, 3, head, Lines::trailer)) {
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "field");
    return 2;
  }
  lua_pushvalue(L, 3);
  lua_pushinteger(L, lua_tointeger(L, 2) + static_cast<lua_Integer>(head.size()));
  return 2;
}

int l_lines(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const int from = static_cast<int>(luaL_checkinteger(L, 2));
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  lua_pushnil(L);
  const int key = 4;
  Scratch scratch(L);
  for (int i = from;; ++i) {
    lua_rawgeti(L, 1, i);
    std::size_t size;
    const char* line = lua_tolstring(L, -1, &size);
    if (line == nullptr) break;
    if (!add_line(L, 3, key, {line, size}, Lines::folded_head, scratch)) return 0;
    lua_pop(L, 1);
  }
  lua_pushvalue(L, 3);
  return 1;
}

int l_chunk_size(lua_State* L) {
  const std::string_view bytes = check_rest(L, check_string(L, 1), 2);
  const http::ChunkLine line = http::parse_chunk_line(
      bytes, lua_toboolean(L, 3) ? http::ChunkExtensions::skipped : http::ChunkExtensions::refused);
  switch (line.kind) {
    case http::ChunkLine::Kind::incomplete: lua_pushnil(L); return 1;
    case http::ChunkLine::Kind::bad: lua_pushboolean(L, 0); return 1;
    case http::ChunkLine::Kind::size: break;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(line.size));
  lua_pushinteger(L, lua_tointeger(L, 2) + static_cast<lua_Integer>(line.length));
  return 2;
}

// ---- text from tables ---------------------------------------------------------------------------

// What will follow a head.
struct Content {
  std::size_t size;
  bool
      is_left_out;  // the size that the header gives may be that of what is not sent, as after HEAD
};

// The fields of a table that say where the body ends.
struct Framing {
  bool has_length = false;
  bool is_chunked = false;
};

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
         });
}

bool is_length_of(std::string_view value, std::size_t size) {
  while (value.size() > 1 && value.front() == '0') value.remove_prefix(1);
  char text[24];
  const int digits = std::snprintf(text, sizeof text, "%zu", size);
  return value == std::string_view(text, static_cast<std::size_t>(digits));
}

// Takes notice of one field: both texts are as they will be written.
void note_framing(lua_State* L, Framing& framing, std::string_view name, std::string_view value,
                  const Content& content) {
  if (equals_ignoring_case(name, "transfer-encoding")) {
    framing.is_chunked = framing.is_chunked || equals_ignoring_case(value, "chunked");
  } else if (equals_ignoring_case(name, "content-length")) {
    if (!content.is_left_out && !is_length_of(value, content.size)) {
      char size[24];  // %f writes 3.0 on Lua 5.4, and LuaJIT has no %I
      std::snprintf(size, sizeof size, "%zu", content.size);
      luaL_error(L, "the header's content-length is %s, the content has %s bytes", value.data(),
                 size);
    }
    framing.has_length = true;
  }
}

// Appends one line; the name is at `name`, the value at the top of the stack, and is popped.
void append_field(lua_State* L, Scratch& out, int name, std::string_view separator,
                  const Content& content, Framing& framing) {
  to_text(L, -1, nullptr);  // a number keeps its digits
  lua_pushvalue(L, name);   // a copy: making a text of the key itself would confuse lua_next
  std::size_t size;
  const char* text = luaL_tolstring(L, -1, &size);
  const std::string_view name_text(text, size);
  if (!http::is_token(name_text))
    luaL_error(L, "a header's name holds a line break or is no token");
  text = luaL_tolstring(L, -3, &size);  // value copy name value's text
  const std::string_view value_text(text, size);
  if (!http::fits_line(value_text)) {
    luaL_error(L, "a header's value holds a line break or another control character");
  }
  note_framing(L, framing, name_text, value_text, content);
  out.append(name_text);
  out.append(separator);
  out.append(value_text);
  out.append("\r\n");
  lua_pop(L, 4);
}

// Appends all fields of the table at `header`. A list makes a line for each of its values.
Framing append_fields(lua_State* L, Scratch& out, int header, std::string_view separator,
                      const Content& content) {
  Framing framing;
  lua_pushnil(L);
  while (lua_next(L, header) != 0) {
    const int name = lua_gettop(L) - 1;
    if (!lua_istable(L, -1)) {
      append_field(L, out, name, separator, content, framing);
      continue;
    }
    const int count = static_cast<int>(lua_rawlen(L, -1));
    for (int i = 1; i <= count; ++i) {
      lua_rawgeti(L, -1, i);
      append_field(L, out, name, separator, content, framing);
    }
    lua_pop(L, 1);
  }
  return framing;
}

void append_number(Scratch& out, std::size_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "%zu", number);
  out.append(text);
}

// A table or nothing.
bool check_header(lua_State* L, int index) {
  if (lua_isnoneornil(L, index)) return false;
  luaL_checktype(L, index, LUA_TTABLE);
  return true;
}

int l_format_response(lua_State* L) {
  const lua_Integer code = luaL_checkinteger(L, 1);
  luaL_argcheck(L, code >= 0 && code <= 999, 1, "a status code has three digits");
  const bool has_header = check_header(L, 2);
  const bool is_chunked = lua_isboolean(L, 3) && lua_toboolean(L, 3);
  const bool has_body = !is_chunked && !lua_isnoneornil(L, 3);
  std::string_view body;
  if (has_body) {
    luaL_checktype(L, 3, LUA_TSTRING);
    body = check_string(L, 3);
  }
  lua_settop(L, 3);
  Scratch out(L);
  char status[16];
  std::snprintf(status, sizeof status, "HTTP/1.1 %03d ", static_cast<int>(code));
  out.append(status);
  out.append(http::reason_phrase(code));
  out.append("\r\n");
  Framing framing;
  if (has_header) framing = append_fields(L, out, 2, ": ", {body.size(), body.empty()});
  if (is_chunked) {
    if (framing.has_length) luaL_error(L, "a body in chunks has no content-length");
    if (!framing.is_chunked) out.append("transfer-encoding: chunked\r\n");
  } else if (has_body && !framing.has_length && !framing.is_chunked) {
    out.append("content-length: ");
    append_number(out, body.size());
    out.append("\r\n");
  }
  out.append("\r\n");
  out.append(body);
  out.push();
  return 1;
}

std::string_view check_part(lua_State* L, int index) {
  const std::string_view text = check_string(L, index);
  luaL_argcheck(L, http::fits_line(text), index, "holds a line break or another control character");
  return text;
}

int l_format_request(lua_State* L) {
  const std::string_view method = check_string(L, 1);
  luaL_argcheck(L, http::is_token(method), 1, "a method holds a line break or is no token");
  const std::string_view url = check_part(L, 2);
  const bool has_header = check_header(L, 3);
  const std::string_view content = lua_isnoneornil(L, 4) ? std::string_view{} : check_string(L, 4);
  const bool has_host = !lua_isnoneornil(L, 5);
  const std::string_view host = has_host ? check_part(L, 5) : std::string_view{};
  lua_settop(L, 5);
  Scratch out(L);
  out.append(method);
  out.append(" ");
  out.append(url);
  out.append(" HTTP/1.1\r\n");
  if (has_host) {
    out.append("host:");
    out.append(host);
    out.append("\r\n");
  }
  Framing framing;
  if (has_header) framing = append_fields(L, out, 3, ":", {content.size(), false});
  if (framing.is_chunked && framing.has_length) {
    luaL_error(L, "the header has a content-length and a transfer-encoding");
  }
  if (!framing.is_chunked && !framing.has_length) {
    out.append("Content-length:");
    append_number(out, content.size());
    out.append("\r\n");
  }
  out.append("\r\n");
  out.append(content);
  out.push();
  return 1;
}

int l_reason(lua_State* L) {
  push_text(L, http::reason_phrase(luaL_checkinteger(L, 1)));
  return 1;
}

}  // namespace

int open_http_parser(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {
      {"request", l_request},
      {"response", l_response},
      {"fields", l_fields},
      {"lines", l_lines},
      {"chunk_size", l_chunk_size},
      {"format_response", l_format_response},
      {"format_request", l_format_request},
      {"reason", l_reason},
      {nullptr, nullptr},
  };
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
