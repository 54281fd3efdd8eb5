#include "apiserver/endpoints/html_links.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Any page comes through, the same in one piece and in two; one without tags as it is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace wherry::apiserver::endpoints;
  const std::string_view page(static_cast<const char*>(static_cast<const void*>(data)), size);
  const LinkBase base{.prefix = "/p", .authority = "a:1", .host = "h"};
  HtmlLinks whole(base);
  std::string at_once = whole.Feed(page);
  at_once += whole.Finish();
  HtmlLinks halves(base);
  const size_t cut = size == 0 ? 0 : data[0] % size;
  std::string pieces = halves.Feed(page.substr(0, cut));
  pieces += halves.Feed(page.substr(cut));
  pieces += halves.Finish();
  if (at_once != pieces) __builtin_trap();
  if (page.find('<') == std::string_view::npos && at_once != page) __builtin_trap();
  return 0;
}
