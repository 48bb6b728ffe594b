// What a TLS session reads and writes in memory.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tls/session_memory.h"

namespace runtime::tls {
namespace {

std::string read(BIO* bio, int room) {
  std::string out(static_cast<std::size_t>(room), '\0');
  const int got = BIO_read(bio, out.data(), room);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

TEST(TlsSessionMemory, KeptBytesAreReadBeforeLentOnes) {
  SessionInput input;
  BIO* const bio = input.make_bio();
  input.append("one");
  input.lend("two three");
  EXPECT_EQ(input.unread(), 12u);
  EXPECT_EQ(read(bio, 5), "onetw");
  EXPECT_EQ(input.unread(), 7u);
  BIO_free(bio);
}

TEST(TlsSessionMemory, WhatIsLeftOfLentBytesIsKept) {
  SessionInput input;
  BIO* const bio = input.make_bio();
  {
    std::string lent = "lent bytes";
    input.lend(lent);
    EXPECT_EQ(read(bio, 5), "lent ");
    input.keep();
    lent.assign(lent.size(), '?');
  }
  input.append(" and more");
  EXPECT_EQ(read(bio, 3), "byt");
  input.append("!");
  EXPECT_EQ(read(bio, 100), "es and more!");
  BIO_free(bio);
}

TEST(TlsSessionMemory, AnEmptyInputAsksForMore) {
  SessionInput input;
  BIO* const bio = input.make_bio();
  char byte;
  EXPECT_EQ(BIO_read(bio, &byte, 1), -1);
  EXPECT_TRUE(BIO_should_retry(bio));
  input.keep();
  EXPECT_EQ(input.unread(), 0u);
  input.append("x");
  EXPECT_EQ(BIO_read(bio, &byte, 1), 1);
  BIO_free(bio);
}

TEST(TlsSessionMemory, OutputGathersUntilItIsDroppedOrTaken) {
  SessionOutput output;
  BIO* const bio = output.make_bio();
  EXPECT_EQ(BIO_write(bio, "one ", 4), 4);
  EXPECT_EQ(BIO_write(bio, "two", 3), 3);
  EXPECT_EQ(output.bytes(), "one two");
  output.drop();
  EXPECT_EQ(output.bytes(), "");
  const std::string large(100'000, 'x');
  EXPECT_EQ(BIO_write(bio, large.data(), 100'000), 100'000);
  EXPECT_EQ(output.bytes(), large);
  char* const taken = output.take();
  EXPECT_EQ(output.bytes(), "");
  EXPECT_EQ(BIO_write(bio, "three", 5), 5);
  EXPECT_EQ(std::string_view(taken, large.size()), large);
  std::free(taken);
  EXPECT_EQ(output.bytes(), "three");
  BIO_free(bio);
}

}  // namespace
}  // namespace runtime::tls
