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

TEST(HttpRequestLine, MalformedOnesGiveNothing) {
  for (const char* line : {"", "GET", "GET /", "GET / HTTP/x", "GET / HTTP/", "GET / HTTP/1.",
                           "GET / HTTP/.1", "GET / HTTP/1.1.1", "GET / HTTP/1.1 ", "G3T / HTTP/1.1",
                           "/ HTTP/1.1", "GET/HTTP/1.1", "GET HTTP/1.1", " / HTTP/1.1",
                           "GET / http/1.1", "GET /\n HTTP/1.1", "GET / HTTP/1234567890123456"}) {
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
  for (const char* line :
       {"", "nonsense", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 OK", "HTTP/1.1 20x OK",
        "HTTP/1.1 1234567890", "HTTP/1.1200 OK", "HTTP/1.1 200\rOK"}) {
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

TEST(HttpField, NamesAreLoweredByAsciiOnly) {
  char out[6];
  lower_case("X-\xc4z9[", out);
  EXPECT_EQ(std::string_view(out, 6), "x-\xc4z9[");
}

ChunkLine::Kind kind_of(std::string_view bytes) { return parse_chunk_line(bytes).kind; }

TEST(HttpChunkLine, IsTheSizeInHex) {
  EXPECT_EQ(parse_chunk_line("1aF\r\ndata").size, 0x1afu);
  EXPECT_EQ(parse_chunk_line("1aF\r\ndata").length, 5u);
  EXPECT_EQ(parse_chunk_line("0\r\n\r\n").size, 0u);
  EXPECT_EQ(parse_chunk_line("20000000000000\r\n").size, 1ull << 53);
}

TEST(HttpChunkLine, MayStillBeOnItsWay) {
  for (const char* bytes : {"", "5", "5\r", "ffff"}) {
    EXPECT_EQ(kind_of(bytes), ChunkLine::Kind::incomplete) << bytes;
  }
}

TEST(HttpChunkLine, AnythingElseIsBad) {
  for (const char* bytes : {"\r\n", "\r", "x", "5;a=b\r\n", "5 \r\n", "-1\r\n", "5\n", "0x5\r\n",
                            "20000000000001\r\n", "ffffffffffffffffffff"}) {
    EXPECT_EQ(kind_of(bytes), ChunkLine::Kind::bad) << bytes;
  }
  EXPECT_EQ(kind_of(std::string(128, '0')), ChunkLine::Kind::incomplete);
  EXPECT_EQ(kind_of(std::string(129, '0')), ChunkLine::Kind::bad);
}

TEST(HttpStatus, CodesHaveThePhrasesOfRfc2616) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(416), "Requested range not satisfiable");
  EXPECT_EQ(reason_phrase(426), "");
  EXPECT_EQ(reason_phrase(-1), "");
}

}  // namespace
}  // namespace runtime::http
