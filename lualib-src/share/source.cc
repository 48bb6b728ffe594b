#include "share/source.h"

#include "share/functions.h"

namespace runtime {

SharedResult load_shared_source(const SharedSource& source) noexcept {
  SharedResult result = lua54::run_shared_source(source);
  if (result.image ? result.image->functions().empty() : result.ran) return result;
  SharedResult other = luajit::run_shared_source(source);
  if (!result.image) return other.image ? std::move(other) : std::move(result);
  if (other.image) share::adopt_functions(result.image, *other.image.get(), share::Engine::luajit);
  return result;
}

}  // namespace runtime
