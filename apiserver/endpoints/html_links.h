#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

// Links in HTML on its way through a proxy. Pure.
// Source: apimachinery pkg/util/proxy/transport.go for which attributes hold links.
namespace wherry::apiserver::endpoints {

// A proxied page's place in this server's paths.
struct LinkBase {
  std::string prefix;     // "/api/v1/namespaces/default/pods/web/proxy"
  std::string authority;  // where the page came from: "10.244.0.7:80"
  std::string host;       // what the client called this server; may be ""
};

// `link` as it must read for the client: an absolute path, and a URL of the page's own server, get
// the prefix; everything else stays as it is.
std::string ProxiedLink(std::string_view link, const LinkBase& base);

// Rewrites the links in tags, piece by piece; all other bytes come out as they went in. Text that
// is no tag (comments, scripts) is not looked into. Keeps at most the beginning of one tag, 64 KiB;
// from a longer one on, the page passes unchanged.
class HtmlLinks {
 public:
  explicit HtmlLinks(LinkBase base) : base_(std::move(base)) {}
  // What can be told so far.
  std::string Feed(std::string_view bytes);
  // The rest, at the end of the page.
  std::string Finish();

 private:
  std::string Take(bool at_end);
  // Moves raw text (up to the end of a comment or a script) to `out`; says whether it has ended.
  bool PassRawText(bool at_end, std::string& out);

  LinkBase base_;
  std::string pending_;
  std::string raw_end_;  // what ends the raw text we are in: "-->", "</script"; "" outside
  bool given_up_ = false;
};

}  // namespace wherry::apiserver::endpoints
