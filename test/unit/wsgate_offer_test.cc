#include <gtest/gtest.h>

#include "services/wsgate/offer.h"

namespace runtime::wsgate {
namespace {

TEST(WsgateOffer, TakesWhatBrowsersAndLibrariesOffer) {
  for (const char* offer : {
           "permessage-deflate",
           "permessage-deflate; client_max_window_bits",
           "permessage-deflate;client_max_window_bits=15;server_no_context_takeover",
           "permessage-deflate; client_max_window_bits=\"9\" ; client_no_context_takeover",
           "x-other; a=b,\tpermessage-deflate , another",
       }) {
    EXPECT_TRUE(is_acceptable_offer(offer)) << offer;
  }
}

TEST(WsgateOffer, DeclinesTheRest) {
  for (const char* offer : {
           "",
           "x-other",
           ";;,,=,",
           "x-permessage-deflate",
           "permessage-deflate; server_max_window_bits=10",
           "permessage-deflate; server_max_window_bits=10, permessage-deflate",
           "permessage-deflate, permessage-deflate",
           "permessage-deflate; unknown",
           "permessage-deflate; ; client_max_window_bits",
           "permessage-deflate; client_max_window_bits=16",
           "permessage-deflate; client_max_window_bits=7",
           "permessage-deflate; client_max_window_bits=1x",
           "permessage-deflate; client_max_window_bits=",
           "permessage-deflate; client_no_context_takeover=1",
           "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
       }) {
    EXPECT_FALSE(is_acceptable_offer(offer)) << offer;
  }
}

}  // namespace
}  // namespace runtime::wsgate
