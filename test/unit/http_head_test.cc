#include <gtest/gtest.h>

#include <string>

#include "http/head.h"
#include "http/status.h"

namespace runtime::http {
namespace {

TEST(HttpHead, EndsWithTheFirstEmptyLine) {
  EXPECT_EQ(head_size("GET / HTTP/1.1\r\na: b\r\n\r\nbody\r\n\r\n"), 24u);
  EXPECT_EQ(head_size("\r\nrest"), 2u) << "an empty line at once";
  EXPECT_EQ(head_size("GET / HTTP/1.1\r\na: b\r\n\r"), 0u);
  EXPECT_EQ(head_size(""), 0u);
  EXPECT_EQ(head_size({}), 0u) << "no bytes have no address";
  EXPECT_EQ(head_size("a\n\nb"), 0u) << "bare line feeds end nothing";
}

TEST(HttpHead, IsTakenLineByLine) {
  std::string_view head = "one\r\ntwo\rtwo\r\n\r\n";
  EXPECT_EQ(take_line(head), "one");
  EXPECT_EQ(take_line(head), "two\rtwo");
  EXPECT_EQ(take_line(head), "");
  EXPECT_TRUE(head.empty());
  EXPECT_EQ(take_line(head), "");
}

TEST(HttpRequestLine, HasMethodUrlAndVersion) {
  const auto line = parse_request_line("GET /a%20b?c=d HTTP/1.1");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->method, "GET");
  EXPECT_EQ(line->url, "/a%20b?c=d");
  EXPECT_EQ(line->version, 1.1);
  EXPECT_EQ(parse_request_line("OPTIONS * HTTP/1.0")->version, 1.0);
  EXPECT_EQ(parse_request_line("GET / HTTP/2")->version, 2.0);
}

TEST(HttpRequestLine, KeepsBlanksInsideTheUrl) {
  EXPECT_EQ(parse_request_line("GET /a b  HTTP/1.1")->url, "/a b");
  EXPECT_EQ(parse_request_line("GET  HTTP/1.1")->url, "");
}

TEST(HttpRequestLine, IsExactWhenTwoReadersCanSeeOneRequestInItOnly) {
  EXPECT_TRUE(parse_request_line("GET /a?b=%20 HTTP/1.1")->exact);
  EXPECT_TRUE(parse_request_line("GET http://x/\xc3\xa4 HTTP/9.9")->exact);
  for (const char* line :
       {"GET /a b HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1", "GET  HTTP/1.1", "GET /a\tb HTTP/1.1", "GET / HTTP/1", "GET / HTTP/1.10",
        "GET / HTTP/01.1", "GET / HTTP/1.01"}) {
    const auto parsed = parse_request_line(line);
    ASSERT_TRUE(parsed) << line;
    EXPECT_FALSE(parsed->exact) << line;
  }
}

TEST(HttpRequestLine, MalformedOnesGiveNothing) {
  for (const char* line :
       {"", "GET", "GET /", "GET / HTTP/x", "GET / HTTP/", "GET / HTTP/1.", "GET / HTTP/.1",
        "GET / HTTP/1.1.1", "GET / HTTP/1.1 ", "G3T / HTTP/1.1", "/ HTTP/1.1", "GET/HTTP/1.1",
        "GET HTTP/1.1", " / HTTP/1.1", "GET / http/1.1", "GET /\n HTTP/1.1", "GET /\x7f HTTP/1.1",
        "GET /\x1f HTTP/1.1", "GET / HTTP/1234567890123456"}) {
    EXPECT_FALSE(parse_request_line(line)) << line;
  }
}

TEST(HttpStatusLine, HasCodeAndReason) {
  const auto line = parse_status_line("HTTP/1.1 404 Not Found");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->code, 404);
  EXPECT_EQ(line->reason, "Not Found");
  EXPECT_EQ(parse_status_line("HTTP/1.1 200")->reason, "");
  EXPECT_EQ(parse_status_line("HTTP/1.0 200 ")->reason, "");
}

TEST(HttpStatusLine, MalformedOnesGiveNothing) {
  for (const char* line : {"",
                           "nonsense",
                           "HTTP/1.1",
                           "HTTP/1.1 ",
                           "HTTP/1.1 OK",
                           "HTTP/1.1 20x OK",
                           "HTTP/1.1 1234567890",
                           "HTTP/1.1 2000 OK",
                           "HTTP/1.1 20 OK",
                           "HTTP/1.1 099 OK",
                           "HTTP/1.1200 OK",
                           "HTTP/1.1  200 OK",
                           "HTTP/1.1\t200 OK",
                           "HTTP/1.1 200\rOK",
                           "HTTP/1.1 200 O\x01K",
                           "HTTP/1 200 OK",
                           "HTTP/1.10 200 OK",
                           "HTTP/01.1 200 OK",
                           "http/1.1 200 OK",
                           "HTTP/1.x 200 OK"}) {
    EXPECT_FALSE(parse_status_line(line)) << line;
  }
}

TEST(HttpField, IsNameAndValue) {
  const Field field = parse_field("Content-Type: \t text/html ");
  EXPECT_EQ(field.kind, Field::Kind::pair);
  EXPECT_EQ(field.name, "Content-Type");
  EXPECT_EQ(field.value, "text/html ");
  EXPECT_EQ(parse_field("a:").value, "");
  EXPECT_EQ(parse_field("a:b:c").value, "b:c");
}

TEST(HttpField, ContinuesTheOneBeforeAfterATab) {
  const Field field = parse_field("\t more");
  EXPECT_EQ(field.kind, Field::Kind::continuation);
  EXPECT_EQ(field.value, " more");
}

TEST(HttpField, IsBadWithoutColonOrWithALineBreakInside) {
  EXPECT_EQ(parse_field("no colon").kind, Field::Kind::bad);
  EXPECT_EQ(parse_field("").kind, Field::Kind::bad);
  EXPECT_EQ(parse_field("a: b\nc: d").kind, Field::Kind::bad);
  EXPECT_EQ(parse_field("a: b\rc").kind, Field::Kind::bad);
  EXPECT_EQ(parse_field(std::string_view("a: \0", 4)).kind, Field::Kind::bad);
}

TEST(HttpField, IsBadWhenItsNameIsNoToken) {
  for (const char* line :
       {"a : b", " a: b", "a\t: b", "a b: c", ": b", "a(: b", "a\xe4: b", "\"a\": b", "a@b: c"}) {
    EXPECT_EQ(parse_field(line).kind, Field::Kind::bad) << line;
  }
  EXPECT_EQ(parse_field("!#$%&'*+-.^_`|~09azAZ: b").kind, Field::Kind::pair);
}

TEST(HttpField, IsBadWithAControlCharacterButTheTab) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string line = std::string("a: b") + static_cast<char>(c) + "c";
    EXPECT_EQ(parse_field(line).kind, c == '\t' ? Field::Kind::pair : Field::Kind::bad) << c;
  }
  EXPECT_EQ(parse_field("a: b\x7f").kind, Field::Kind::bad);
  EXPECT_EQ(parse_field("a: \xff\x80").kind, Field::Kind::pair);
}

TEST(HttpField, ThatSaysWhereTheBodyEndsIsToldFromTheOthers) {
  EXPECT_EQ(use_of_field("content-length"), FieldUse::framing);
  EXPECT_EQ(use_of_field("transfer-encoding"), FieldUse::framing);
  EXPECT_EQ(use_of_field("host"), FieldUse::framing);
  EXPECT_EQ(use_of_field("cookie"), FieldUse::head);
  EXPECT_EQ(use_of_field("x-sum"), FieldUse::other);
}

TEST(HttpField, NamesAreLoweredByAsciiOnly) {
  char out[6];
  lower_case("X-\xc4z9[", out);
  EXPECT_EQ(std::string_view(out, 6), "x-\xc4z9[");
}

ChunkLine parse_plain(std::string_view bytes) {
  return parse_chunk_line(bytes, ChunkExtensions::refused);
}
ChunkLine parse_extended(std::string_view bytes) {
  return parse_chunk_line(bytes, ChunkExtensions::skipped);
}

TEST(HttpChunkLine, IsTheSizeInHex) {
  for (const auto parse : {parse_plain, parse_extended}) {
    EXPECT_EQ(parse("1aF\r\ndata").size, 0x1afu);
    EXPECT_EQ(parse("1aF\r\ndata").length, 5u);
    EXPECT_EQ(parse("0\r\n\r\n").size, 0u);
    EXPECT_EQ(parse("20000000000000\r\n").size, 1ull << 53);
  }
}

TEST(HttpChunkLine, MayStillBeOnItsWay) {
  for (const char* bytes : {"", "5", "5\r", "ffff"}) {
    EXPECT_EQ(parse_plain(bytes).kind, ChunkLine::Kind::incomplete) << bytes;
    EXPECT_EQ(parse_extended(bytes).kind, ChunkLine::Kind::incomplete) << bytes;
  }
  const std::string_view whole = "5 ; a ; b = c;d=\"e\\\"f;\t\\\\\" \r\n";
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_EQ(parse_extended(whole.substr(0, n)).kind, ChunkLine::Kind::incomplete) << n;
  }
  EXPECT_EQ(parse_extended(whole).kind, ChunkLine::Kind::size);
}

TEST(HttpChunkLine, ExtensionsAndBlanksAreSkippedWhereTheyAreAllowed) {
  for (const char* bytes :
       {"5;a=b\r\n", "5 \r\n", "5\t \r\n", "5;a\r\n", "5 ; a = b ; c\r\n", "5;a=\"b;c\"\r\n",
        "5;a=\"\"\r\n", "5;a=\"\\\"\"\r\n", "5;a=\"\xe4\"\r\n"}) {
    const ChunkLine line = parse_extended(std::string(bytes) + "hello");
    EXPECT_EQ(line.kind, ChunkLine::Kind::size) << bytes;
    EXPECT_EQ(line.size, 5u) << bytes;
    EXPECT_EQ(line.length, std::string_view(bytes).size()) << bytes;
    EXPECT_EQ(parse_plain(bytes).kind, ChunkLine::Kind::bad) << bytes;
  }
}

TEST(HttpChunkLine, AnythingElseIsBad) {
  for (const char* bytes : {"\r\n",
                            "\r",
                            "x",
                            " 5\r\n",
                            ";a\r\n",
                            "-1\r\n",
                            "+1\r\n",
                            "5\n",
                            "5\r5",
                            "0x5\r\n",
                            "5 5\r\n",
                            "5;\r\n",
                            "5;a\n",
                            "5;a b\r\n",
                            "5;=b\r\n",
                            "5;a=\r\n",
                            "5;a=\"b\r\n",
                            "5;a=\"b\n\"\r\n",
                            "5;a=\"\\\n\"\r\n",
                            "5;a=b\"c\"\r\n",
                            "5;\x01\r\n",
                            "20000000000001\r\n",
                            "ffffffffffffffffffff"}) {
    EXPECT_EQ(parse_plain(bytes).kind, ChunkLine::Kind::bad) << bytes;
    EXPECT_EQ(parse_extended(bytes).kind, ChunkLine::Kind::bad) << bytes;
  }
}

TEST(HttpChunkLine, HasALimit) {
  EXPECT_EQ(parse_plain(std::string(128, '0')).kind, ChunkLine::Kind::incomplete);
  EXPECT_EQ(parse_plain(std::string(129, '0')).kind, ChunkLine::Kind::bad);
  EXPECT_EQ(parse_extended("5;" + std::string(1021, 'a')).kind, ChunkLine::Kind::incomplete);
  EXPECT_EQ(parse_extended("5;" + std::string(1022, 'a')).kind, ChunkLine::Kind::bad);
  EXPECT_EQ(parse_extended("5;" + std::string(5000, 'a') + "\r\n").kind, ChunkLine::Kind::bad);
}

TEST(HttpStatus, CodesHaveThePhrasesOfRfc2616) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(416), "Requested range not satisfiable");
  EXPECT_EQ(reason_phrase(426), "");
  EXPECT_EQ(reason_phrase(-1), "");
}

}  // namespace
}  // namespace runtime::http
