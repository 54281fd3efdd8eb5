#include "apiserver/endpoints/html_links.h"
#include "apiserver/endpoints/pod_agent.h"
#include "apiserver/endpoints/proxy_target.h"
#include "apiserver/request/status.h"
#include "lib/base/ascii.h"

#include <algorithm>
#include <array>

// pods/proxy, services/proxy and nodes/proxy: the request goes on, the answer comes back, with the
// links of pages led back here. The client's credentials end here, and a redirect is the client's
// to follow (CVE-2020-8559, CVE-2022-3172).
// Source: apimachinery pkg/util/proxy (UpgradeAwareHandler, Transport).
namespace wherry::apiserver::endpoints {

namespace {

constexpr std::string_view kWebSocketPrefix = "sec-websocket-";
constexpr std::array<std::string_view, 7> kMethods = {"GET",    "POST", "PUT",    "PATCH",
                                                      "DELETE", "HEAD", "OPTIONS"};
// Fields that belong to one connection (RFC 9110 section 7.6.1).
constexpr std::array<std::string_view, 10> kConnectionFields = {
    "connection", "content-length",      "keep-alive", "proxy-authenticate",
    "te",         "proxy-authorization", "trailer",    "transfer-encoding",
    "upgrade",    "proxy-connection"};
// Of a request, also what tells this server who asks, and what would hide links from it.
constexpr std::array<std::string_view, 5> kOwnRequestFields = {
    "authorization", "accept-encoding", "x-forwarded-for", "x-forwarded-uri", "expect"};
constexpr std::array<std::string_view, 3> kOwnRequestPrefixes = {"impersonate-", "x-remote-",
                                                                 kWebSocketPrefix};

template <size_t N>
bool Contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Whether the Connection field names `name`, which then is of this connection only.
bool IsNamedByConnection(const http::Headers& headers, const std::string& name) {
  std::string names = "," + AsciiLowered(headers.Get("Connection")) + ",";
  std::erase_if(names, [](char c) { return c == ' ' || c == '\t'; });
  return names.find("," + name + ",") != std::string::npos;
}

void CopyFields(const http::Headers& from, bool is_request, http::Headers& to) {
  for (const auto& [name, value] : from.all()) {
    const std::string lower = AsciiLowered(name);
    bool ours = Contains(kConnectionFields, lower) || IsNamedByConnection(from, lower);
    if (is_request) {
      ours = ours || Contains(kOwnRequestFields, lower) ||
             std::any_of(kOwnRequestPrefixes.begin(), kOwnRequestPrefixes.end(),
                         [&](std::string_view prefix) { return lower.starts_with(prefix); });
    }
    if (!ours) to.Add(name, value);
  }
}

// "10.0.0.7" of "10.0.0.7:51234".
std::string_view HostOf(std::string_view peer) {
  std::string_view host = peer.substr(0, peer.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return host;
}

// What follows the subresource in the target, with the query, escaped as the client wrote it.
std::string_view TargetBehind(std::string_view target, size_t segments) {
  const std::string_view path = target.substr(0, target.find('?'));
  size_t at = std::min(path.find_first_not_of('/'), path.size());
  while (segments > 0 && at < path.size()) {
    // An escaped slash divided the decoded path too.
    const bool escaped = AsciiLowered(path.substr(at, 3)) == "%2f";
    if (path[at] == '/' || escaped) --segments;
    if (segments > 0) at += escaped ? 3 : 1;
  }
  return target.substr(at);
}

class RewrittenBody : public http::BodySource {
 public:
  RewrittenBody(std::unique_ptr<http::BodySource> body, LinkBase base)
      : body_(std::move(body)), links_(std::move(base)) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    while (body_) {
      auto pulling = body_->Next();
      CO_TRY(std::optional<http::Chunk> chunk, co_await std::move(pulling));
      std::string text;
      if (!chunk) {
        body_.reset();
        text = links_.Finish();
      } else if (chunk->bytes) {
        text = links_.Feed(*chunk->bytes);
      }
      if (text.empty()) continue;
      http::Chunk rewritten;
      rewritten.bytes = std::make_shared<const std::string>(std::move(text));
      co_return std::optional<http::Chunk>(std::move(rewritten));
    }
    co_return std::optional<http::Chunk>();
  }

 private:
  std::unique_ptr<http::BodySource> body_;
  HtmlLinks links_;
};

void RewriteBody(http::Response& response, const LinkBase& base) {
  if (response.stream) {
    response.stream = std::make_unique<RewrittenBody>(std::move(response.stream), base);
    return;
  }
  HtmlLinks links(base);
  std::string text = links.Feed(response.shared_body ? *response.shared_body : response.body);
  response.body = text + links.Finish();
  response.shared_body.reset();
}

http::Response AnswerOf(http::Response answer, const LinkBase& base, bool with_body) {
  if (answer.upgrade) return answer;
  http::Response response;
  response.status = answer.status;
  CopyFields(answer.headers, false, response.headers);
  if (response.headers.Has("Location")) {
    response.headers.Set("Location", ProxiedLink(response.headers.Get("Location"), base));
  }
  if (!with_body || answer.status < 200 || answer.status == 204 || answer.status == 304) {
    return response;
  }
  response.body = std::move(answer.body);
  response.shared_body = std::move(answer.shared_body);
  response.stream = std::move(answer.stream);
  const std::string type = BareMediaType(response.headers.Get("Content-Type"));
  const bool plain = response.headers.Get("Content-Encoding").empty();
  if (type == "text/html" && plain) RewriteBody(response, base);
  return response;
}

// An upgrade is carried to pods. An agent's are exec and its like, which have subresources and
// permissions of their own.
void CopyUpgrade(const http::Headers& from, const ProxyTarget& target, http::Headers& to) {
  if (target.is_agent || !IsNamedByConnection(from, "upgrade") || !from.Has("Upgrade")) return;
  to.Set("Connection", "Upgrade");
  to.Set("Upgrade", std::string(from.Get("Upgrade")));
  for (const auto& [name, value] : from.all()) {
    if (AsciiLowered(name).starts_with(kWebSocketPrefix)) to.Add(name, value);
  }
}

http::Request RequestFor(const ApiRequest& request, const ProxyTarget& target,
                         const std::string& path, const std::string& prefix) {
  http::Request ask = target.is_agent ? AgentRequest(request.http.method, path) : http::Request();
  ask.method = request.http.method;
  ask.target = target.origin + path;
  ask.body = request.http.body;
  CopyFields(request.http.headers, true, ask.headers);
  CopyUpgrade(request.http.headers, target, ask.headers);
  std::string clients(request.http.headers.Get("X-Forwarded-For"));
  if (!request.http.peer_address.empty()) {
    if (!clients.empty()) clients += ", ";
    clients += HostOf(request.http.peer_address);
  }
  if (!clients.empty()) ask.headers.Set("X-Forwarded-For", clients);
  ask.headers.Set("X-Forwarded-Uri", prefix + path.substr(0, path.find('?')));
  return ask;
}

}  // namespace

Reply Proxy(Environment& environment, const Resource& resource, ApiRequest& request) {
  const std::string& method = request.http.method;
  if (!Contains(kMethods, method)) co_return MethodNotAllowedError();
  const RequestInfo& info = request.info;
  CO_TRY(ProxyTarget target, FindProxyTarget(environment, resource, info.ns, info.name));
  // "api", "v1", ["namespaces", ns,] plural, name, "proxy".
  const std::string scope = info.ns.empty() ? "" : "namespaces/" + info.ns + "/";
  const std::string prefix =
      "/api/" + info.version + "/" + scope + info.resource + "/" + info.name + "/proxy";
  std::string behind(TargetBehind(request.http.target, info.ns.empty() ? 5 : 7));
  if (AsciiLowered(behind.substr(0, 3)) == "%2f") behind.replace(0, 3, "/");
  if (!behind.starts_with('/')) {
    behind.insert(0, "/");
    if (method == "GET" || method == "HEAD") {
      // So that relative links in the answer lead back here.
      http::Response moved;
      moved.status = 301;
      moved.headers.Set("Location", prefix + behind);
      co_return moved;
    }
  }
  auto asking = target.transport->RoundTrip(RequestFor(request, target, behind, prefix), true);
  auto answer = co_await std::move(asking);
  if (!answer.ok()) {
    co_return MakeError(Reason::kServiceUnavailable,
                        "error trying to reach service: " + answer.error().message);
  }
  LinkBase base{.prefix = prefix,
                .authority = target.authority,
                .host = std::string(request.http.headers.Get("Host"))};
  co_return AnswerOf(std::move(*answer), base, method != "HEAD");
}

}  // namespace wherry::apiserver::endpoints
