#include "api/attach.h"

namespace runtime::api {

namespace {
Node* attached = nullptr;
}

void attach(Node& node) { attached = &node; }
Node& node() { return *attached; }

}  // namespace runtime::api
