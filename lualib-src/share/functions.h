// Functions of one image for another one.
#pragma once

#include "share/image.h"

namespace runtime::share {

// Gives the functions of `image`, which nobody else knows yet, the forms for `engine` that the
// functions at the same places of `other` have. The two come from one source, run on different
// engines.
void adopt_functions(const ImageRef& image, const Image& other, Engine engine) noexcept;

}  // namespace runtime::share
