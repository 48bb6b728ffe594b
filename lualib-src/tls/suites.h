// What TLS takes unless it is told otherwise.
#pragma once

namespace runtime::tls {

// Suites of TLS 1.2 with which a key that is stolen later opens nothing that was recorded before; those of TLS 1.3 all
// are such.
inline constexpr char kForwardSecret[] = "HIGH:!aNULL:!kRSA:!PSK:!SRP";

}  // namespace runtime::tls
