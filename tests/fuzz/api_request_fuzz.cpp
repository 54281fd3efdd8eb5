#include "apiserver/endpoints/list_options.h"
#include "apiserver/request/media_type.h"
#include "apiserver/request/request_info.h"
#include "lib/base/check.h"
#include "lib/http/message.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

// A request line's target, an Accept header and a continue token, one per line: nothing crashes,
// and what a token leads to stays below its resource's prefix.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace wherry;
  using namespace wherry::apiserver;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto line = [&input] {
    size_t end = input.find('\n');
    std::string_view text = input.substr(0, end);
    input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
    return text;
  };
  std::string_view target = line();
  size_t mark = target.find('?');
  auto path = http::PercentDecode(target.substr(0, mark), false);
  auto query =
      Query::Parse(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1));
  if (path.ok() && query.ok()) {
    for (std::string_view method : {"GET", "POST", "DELETE"}) {
      RequestInfo info = ParseRequestInfo(method, *path, *query);
      CHECK(!info.is_resource || !info.version.empty() || path->find("//") != std::string::npos);
    }
  }
  auto accepted = NegotiateAccept(line(), true);
  if (!accepted.ok()) CHECK(accepted.error().reason == Reason::kNotAcceptable);
  registry::Resource resource;
  resource.key_prefix = "/registry/core/pods/";
  auto token = endpoints::DecodeContinue(line(), resource);
  if (token.ok()) {
    CHECK(token->start_after.starts_with(resource.key_prefix));
    CHECK(token->start_after.find("/../") == std::string::npos);
    auto again = endpoints::DecodeContinue(endpoints::EncodeContinue(*token, resource), resource);
    CHECK(again.ok() && again->start_after == token->start_after);
  }
  return 0;
}
