#include "services/wsgate/extension.h"

#include "services/wsgate/connection.h"

namespace runtime::wsgate {

namespace {

// Parameters that the answer repeats; the index is their place here.
enum Parameter { kForgetSent, kForgetReceived };
const lws_ext_options kParameters[] = {
    {"server_no_context_takeover", EXTARG_NONE},
    {"client_no_context_takeover", EXTARG_NONE},
    {nullptr, EXTARG_NONE},
};

// 0, also for what is not handled: the payload passes as it is.
int on_extension(lws_context*, const lws_extension*, lws* wsi,
                 lws_extension_callback_reasons reason, void*, void* in, std::size_t) {
  if (reason != LWS_EXT_CB_CONSTRUCT && reason != LWS_EXT_CB_OPTION_SET) return 0;
  auto* const slot = static_cast<Connection**>(lws_wsi_user(wsi));
  if (slot == nullptr || *slot == nullptr) return -1;
  Connection& connection = **slot;
  if (reason == LWS_EXT_CB_CONSTRUCT) {
    connection.deflate = std::make_unique<Deflate>();
    *static_cast<const lws_ext_options**>(in) = kParameters;
    return 0;
  }
  if (connection.deflate == nullptr) return -1;
  switch (static_cast<const lws_ext_option_arg*>(in)->option_index) {
    case kForgetSent: connection.deflate->forget_sent(); break;
    case kForgetReceived: connection.deflate->forget_received(); break;
    default: return -1;
  }
  return 0;
}

}  // namespace

const lws_extension kExtensions[] = {
    {"permessage-deflate", on_extension, "permessage-deflate"},
    {nullptr, nullptr, nullptr},
};

}  // namespace runtime::wsgate
