// Operators that look for something in a string: $indexOfCP, $trim, $replaceAll, $regexMatch and their kin.
#include <algorithm>

#include "docstore/document/expression.h"
#include "docstore/document/regex.h"

namespace runtime::document {

namespace {

using Values = std::vector<OwnedValue>;

bool give_null(OwnedValue* out) {
  *out = OwnedValue::null();
  return true;
}

bool begins_character(char c) { return (c & 0xc0) != 0x80; }

std::int64_t count_characters(std::string_view text) {
  return std::ranges::count_if(text, begins_character);
}

// The byte at which a character begins; the end for one behind it.
std::size_t byte_of(std::string_view text, std::int64_t character) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (begins_character(text[at]) && character-- == 0) return at;
  }
  return text.size();
}

// [text, wanted, from, to], in characters or bytes.
bool index_of(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const bool in_bytes = name == "$indexOfBytes";
  if (values[0].view().is_nullish()) return give_null(out);
  for (std::size_t i = 0; i < 2; ++i) {
    if (values[i].type() == Type::string) continue;
    const std::int32_t code = in_bytes ? (i == 0 ? 40091 : 40092) : (i == 0 ? 40093 : 40094);
    return refuse(error, location(code),
                  {name, " requires a string as the ", i == 0 ? "first" : "second",
                   " argument, found: ", type_name(values[i].type())});
  }
  const std::string_view text = values[0].view().text(), wanted = values[1].view().text();
  const std::int64_t length =
      in_bytes ? static_cast<std::int64_t>(text.size()) : count_characters(text);
  std::int64_t bounds[2] = {0, length};
  for (std::size_t i = 2; i < values.size(); ++i) {
    const Value value = values[i].view();
    const std::optional<std::int64_t> bound =
        value.is_number() ? value.whole_number() : std::nullopt;
    if (!bound || *bound < 0) {
      return refuse(
          error, location(bound ? 40097 : 40096),
          {name, " requires integral bounds that are not negative, found: ", to_text(value)});
    }
    bounds[i - 2] = std::min(*bound, length);
  }
  *out = OwnedValue::int32(-1);
  if (bounds[0] > bounds[1]) return true;
  const auto byte = [&](std::int64_t at) {
    return in_bytes ? static_cast<std::size_t>(at) : byte_of(text, at);
  };
  const std::size_t found = text.substr(0, byte(bounds[1])).find(wanted, byte(bounds[0]));
  if (found == std::string_view::npos) return true;
  *out = OwnedValue::integer(in_bytes ? static_cast<std::int64_t>(found)
                                      : count_characters(text.substr(0, found)));
  return true;
}

// The fields of the one argument, a document that has been evaluated: no others than `names`.
bool take_fields(std::string_view name, const Values& values,
                 std::initializer_list<std::string_view> names, std::vector<Value>* out,
                 CommandError* error) {
  const Value spec = values[0].view();
  if (!spec.is_document()) {
    return refuse(error, Code::failed_to_parse,
                  {name, " only supports an object as an argument, found ", type_name(spec.type)});
  }
  bson::Reader reader(spec.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (std::ranges::find(names, element.key) != names.end()) continue;
    return refuse(error, Code::failed_to_parse,
                  {name, " found an unknown argument: ", element.key});
  }
  for (const std::string_view one : names) out->push_back(field(spec.bytes, one));
  return true;
}

bool refuse_no_text(std::string_view name, std::string_view argument, std::int32_t code,
                    const Value& value, CommandError* error) {
  return refuse(error, location(code),
                {name, " requires its ", argument, " to be a string, got ", to_text(value),
                 " (of type ", type_name(value.type), ") instead."});
}

// What is trimmed where `chars` does not say it.
constexpr std::string_view kBlanks[] = {std::string_view("\0", 1),
                                        " ",
                                        "\t",
                                        "\n",
                                        "\v",
                                        "\f",
                                        "\r",
                                        "\u00a0",
                                        "\u1680",
                                        "\u2000",
                                        "\u2001",
                                        "\u2002",
                                        "\u2003",
                                        "\u2004",
                                        "\u2005",
                                        "\u2006",
                                        "\u2007",
                                        "\u2008",
                                        "\u2009",
                                        "\u200a"};

bool trim(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  std::vector<Value> parts;
  if (!take_fields(name, values, {"input", "chars"}, &parts, error)) return false;
  if (parts[0].is_nullish()) return give_null(out);
  if (parts[0].type != Type::string) return refuse_no_text(name, "input", 50699, parts[0], error);
  std::vector<std::string_view> cut(std::begin(kBlanks), std::end(kBlanks));
  if (field(values[0].bytes(), "chars").type == Type::null) return give_null(out);
  if (!parts[1].is_missing()) {
    if (parts[1].type != Type::string) return refuse_no_text(name, "chars", 50700, parts[1], error);
    cut.clear();
    for (std::string_view chars = parts[1].text(); !chars.empty();) {
      const std::size_t size = byte_of(chars, 1);
      cut.push_back(chars.substr(0, size));
      chars.remove_prefix(size);
    }
  }
  std::string_view text = parts[0].text();
  const auto cuts = [&](auto is_there, auto remove) {
    for (bool again = true; again && !text.empty();) {
      again = false;
      for (const std::string_view one : cut) {
        if (!is_there(one)) continue;
        remove(one.size());
        again = true;
      }
    }
  };
  if (name != "$rtrim")
    cuts([&](std::string_view one) { return text.starts_with(one); },
         [&](std::size_t size) { text.remove_prefix(size); });
  if (name != "$ltrim")
    cuts([&](std::string_view one) { return text.ends_with(one); },
         [&](std::size_t size) { text.remove_suffix(size); });
  *out = OwnedValue::string(text);
  return true;
}

// {input, find, replacement}
bool replace(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  std::vector<Value> parts;
  if (!take_fields(name, values, {"input", "find", "replacement"}, &parts, error)) return false;
  static constexpr std::string_view kNames[] = {"input", "find", "replacement"};
  bool is_null = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].is_nullish()) {
      is_null = true;
    } else if (parts[i].type != Type::string) {
      static constexpr std::int32_t kCodes[] = {51746, 51745, 51744};
      return refuse_no_text(name, kNames[i], kCodes[i], parts[i], error);
    }
  }
  if (is_null) return give_null(out);
  const std::string_view text = parts[0].text(), wanted = parts[1].text();
  std::string result;
  std::size_t at = 0;
  for (;;) {
    const std::size_t found = text.find(wanted, at);
    if (found == std::string_view::npos) break;
    result.append(text.substr(at, found - at)).append(parts[2].text());
    at = found + wanted.size();
    if (!check_made_bytes(result.size(), error)) return false;
    if (name == "$replaceOne") break;
    if (!wanted.empty()) continue;
    // Nothing is found before each character.
    if (at == text.size()) break;
    const std::size_t next = at + byte_of(text.substr(at), 1);
    result.append(text.substr(at, next - at));
    at = next;
  }
  result.append(text.substr(std::min(at, text.size())));
  *out = OwnedValue::string(result);
  return true;
}

// {input, regex, options}
bool regex_match(std::string_view name, const Values& values, OwnedValue* out,
                 CommandError* error) {
  std::vector<Value> parts;
  if (!take_fields(name, values, {"input", "regex", "options"}, &parts, error)) return false;
  const Value &input = parts[0], &regex = parts[1], &options = parts[2];
  if (!input.is_nullish() && input.type != Type::string)
    return refuse_no_text(name, "input", 51104, input, error);
  if (!regex.is_nullish() && regex.type != Type::string && regex.type != Type::regex) {
    return refuse(error, location(51105), {name, " needs 'regex' to be of type string or regex"});
  }
  if (!options.is_nullish() && options.type != Type::string) {
    return refuse(error, location(51106), {name, " needs 'options' to be of type string"});
  }
  *out = OwnedValue::boolean(false);
  if (input.is_nullish() || regex.is_nullish()) return true;
  std::string_view pattern, flags = options.is_nullish() ? std::string_view() : options.text();
  if (regex.type == Type::regex) {
    const bson::Regex both = bson::regex_of({regex.type, {}, regex.bytes});
    if (!both.options.empty() && !flags.empty()) {
      return refuse(error, location(51107),
                    {name, " found regex option(s) specified in both 'regex' and 'option' fields"});
    }
    pattern = both.pattern;
    if (flags.empty()) flags = both.options;
  } else {
    pattern = regex.text();
  }
  const std::optional<Regex> compiled = Regex::compile(pattern, flags, error);
  if (!compiled) return false;
  int fault = 0;
  const bool matches = compiled->matches(input.text(), &fault);
  if (fault != 0) {
    return refuse(error, location(51156),
                  {"Error occurred while executing the regular expression in ", name,
                   ". Result code: ", std::to_string(fault)});
  }
  *out = OwnedValue::boolean(matches);
  return true;
}

constexpr FunctionEntry kFunctions[] = {
    {"$indexOfBytes", 2, 4, index_of},
    {"$indexOfCP", 2, 4, index_of},
    {"$trim", 1, 1, trim},
    {"$ltrim", 1, 1, trim},
    {"$rtrim", 1, 1, trim},
    {"$replaceOne", 1, 1, replace},
    {"$replaceAll", 1, 1, replace},
    {"$regexMatch", 1, 1, regex_match},
};

}  // namespace

std::span<const FunctionEntry> search_functions() { return kFunctions; }

}  // namespace runtime::document
