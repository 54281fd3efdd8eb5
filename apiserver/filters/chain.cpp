#include "apiserver/filters/chain.h"

#include "apiserver/filters/impersonation.h"
#include "apiserver/request/node_identity.h"
#include "apiserver/request/peer.h"
#include "apiserver/request/status.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"

#include <algorithm>

namespace wherry::apiserver::filters {

namespace {

constexpr size_t kWarningBytesMax = 4096;

// RFC 9111's deprecated but used field: `299 - "text"`.
std::string WarningField(std::string_view text) {
  std::string field = "299 - \"";
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) continue;
    if (c == '"' || c == '\\') field += '\\';
    field += c;
  }
  return field + '"';
}

void AddWarnings(const std::vector<std::string>& warnings, http::Response& response) {
  size_t bytes = 0;
  std::vector<std::string> told;
  for (const std::string& warning : warnings) {
    if (std::find(told.begin(), told.end(), warning) != told.end()) continue;
    std::string field = WarningField(warning.substr(0, 256));
    bytes += field.size();
    if (bytes > kWarningBytesMax) break;
    response.headers.Add("Warning", std::move(field));
    told.push_back(warning);
  }
}

bool IsHealthPath(std::string_view path) {
  for (std::string_view root : {"/healthz", "/livez", "/readyz"}) {
    if (path == root) return true;
    if (path.starts_with(root) && path[root.size()] == '/') return true;
  }
  return path == "/version" || path == "/version/";
}

Error TooLarge(size_t bytes_max) {
  return MakeError(Reason::kRequestEntityTooLarge,
                   "Request entity is too large: limit is " + std::to_string(bytes_max));
}

// Answered by a node or a pod, in its own form.
bool IsCarriedOn(const RequestInfo& info) {
  return info.subresource == "log" || info.subresource == "proxy" || info.subresource == "exec" ||
         info.subresource == "attach" || info.subresource == "portforward";
}

// Requests whose response is a conversation.
bool IsLongRunning(const RequestInfo& info) { return info.verb == "watch" || IsCarriedOn(info); }

bool IsMutating(const RequestInfo& info) {
  return info.is_resource && info.verb != "get" && info.verb != "list" && info.verb != "watch";
}

// Writes that keep nodes and leaders alive: they must get through while others fill the server.
// Source: the flow schemas system-node-high and system-leader-election of upstream's suggested
// configuration.
bool IsHeartbeat(const RequestInfo& info, const http::UserInfo& user) {
  if (!IsMutating(info)) return false;
  const bool lease = info.group == "coordination.k8s.io" && info.resource == "leases";
  const bool node_status =
      info.group.empty() && info.resource == "nodes" && info.subresource == "status";
  if (!lease && !node_status) return false;
  if (!NodeOf(user).value_or("").empty()) return true;
  return lease &&
         (user.name == "system:kube-controller-manager" || user.name == "system:kube-scheduler");
}

// A certificate request keeps where it came from: its signer goes by that.
void TellPeer(ApiRequest& request) {
  if (request.info.resource != "certificatesigningrequests" || request.info.verb != "create")
    return;
  request.user.extra.erase(std::string(kPeerAddressExtra));
  std::string address = PeerHost(request.http.peer_address);
  if (!address.empty()) request.user.extra[std::string(kPeerAddressExtra)] = {address};
}

Task<Result<http::Response>> AsResult(Task<http::Response> task) {
  co_return co_await std::move(task);
}

}  // namespace

// Counts a request as long as it lives.
class Chain::Inflight {
 public:
  Inflight(Chain& chain, size_t& count) : chain_(chain), count_(count) {
    ++count_;
    Tell();
  }
  ~Inflight() {
    --count_;
    Tell();
  }
  Inflight(const Inflight&) = delete;
  Inflight& operator=(const Inflight&) = delete;

 private:
  void Tell() {
    const bool read_only = &count_ == &chain_.read_only_;
    chain_.metrics_.SetInflight(
        !read_only, read_only ? chain_.read_only_ : chain_.mutating_ + chain_.heartbeats_);
  }

  Chain& chain_;
  size_t& count_;
};

size_t* Chain::FreePlaces(const ApiRequest& request) {
  if (heartbeats_ < limits_.heartbeats_inflight_max && IsHeartbeat(request.info, request.user))
    return &heartbeats_;
  const bool mutating = IsMutating(request.info);
  size_t& count = mutating ? mutating_ : read_only_;
  const size_t max = mutating ? limits_.mutating_inflight_max : limits_.read_only_inflight_max;
  return count < max || request.http.authenticated_user ? &count : nullptr;
}

Chain::Chain(World& world, authn::Authenticator& authenticator, const authz::Authorizer& authorizer,
             RequestMetrics& metrics, Endpoint endpoint, Limits limits)
    : world_(world),
      authenticator_(authenticator),
      authorizer_(authorizer),
      metrics_(metrics),
      endpoint_(std::move(endpoint)),
      limits_(limits) {}

void Chain::Finish(const ApiRequest& request, http::Response& response, MonotonicTime start) {
  if (!request.http.authenticated_user) {
    response.headers.Set("Audit-Id", world_.random.Uuid());
    if (!response.headers.Has("Cache-Control")) {
      response.headers.Set("Cache-Control", "no-cache, private");
    }
  }
  if (!request.warnings.empty()) AddWarnings(request.warnings, response);
  metrics_.Observe(request.info, response.status, world_.loop.MonotonicNow() - start);
}

Task<http::Response> Chain::Handle(http::Request request) {
  MonotonicTime start = world_.loop.MonotonicNow();
  ApiRequest api;
  api.http = std::move(request);
  auto answering = Answer(api);
  http::Response response = co_await std::move(answering);
  Finish(api, response, start);
  co_return response;
}

std::optional<http::Response> Chain::Refuse(http::Request& request) {
  MonotonicTime start = world_.loop.MonotonicNow();
  ApiRequest api;
  api.http = std::move(request);
  Status checked = Check(api, true);
  if (checked.ok() && IsHealthPath(api.info.path)) checked = TooLarge(0);
  std::optional<http::Response> refusal;
  if (!checked.ok()) {
    refusal = ErrorResponse(checked.error(), api.accepted);
    Finish(api, *refusal, start);
  }
  request = std::move(api.http);
  return refusal;
}

Status Chain::Check(ApiRequest& request, bool remember_user) {
  TRY(std::string path, http::PercentDecode(request.http.path(), false));
  TRY(request.query, Query::Parse(request.http.query()));
  request.info = ParseRequestInfo(request.http.method, path, request.query);
  if (IsHealthPath(request.info.path)) return Ok();
  auto accepted = NegotiateAccept(request.http.headers.Get("Accept"), request.info.is_resource);
  if (accepted.ok()) {
    request.accepted = *accepted;
    if (request.query.Bool("pretty")) request.accepted.pretty = true;
  }
  if (request.http.verified_user) {
    request.user = *request.http.verified_user;
  } else {
    TRY(request.user, authenticator_.Authenticate(request.http));
    if (remember_user) request.http.verified_user = request.user;
  }
  TRY(auto impersonated, Impersonated(authorizer_, request.user, request.http.headers));
  if (impersonated) request.user = std::move(*impersonated);
  TellPeer(request);
  TRY_STATUS(authorizer_.Authorize(request.user, request.info));
  bool negotiates = request.info.is_resource && !IsCarriedOn(request.info);
  if (!accepted.ok() && negotiates) return accepted.error();
  return Ok();
}

Task<http::Response> Chain::Answer(ApiRequest& request) {
  Status checked = Check(request, false);
  if (!checked.ok()) co_return ErrorResponse(checked.error(), request.accepted);
  if (IsHealthPath(request.info.path)) {
    auto answering = endpoint_(request);
    co_return co_await std::move(answering);
  }
  if (request.http.body.size() > limits_.body_bytes_max) {
    co_return ErrorResponse(TooLarge(limits_.body_bytes_max), request.accepted);
  }
  if (IsLongRunning(request.info)) {
    auto answering = endpoint_(request);
    co_return co_await std::move(answering);
  }
  auto answering = Limited(request);
  co_return co_await std::move(answering);
}

Task<http::Response> Chain::Limited(ApiRequest& request) {
  size_t* places = FreePlaces(request);
  if (places == nullptr) {
    Error busy = MakeError(Reason::kTooManyRequests, "too many requests, please try again later");
    busy.details.retry_after_seconds = 1;
    co_return ErrorResponse(busy, request.accepted);
  }
  Inflight inflight(*this, *places);
  if (request.info.verb == "get") {
    // Answered from memory. One that waits for a revision has a deadline of its own.
    auto answering = endpoint_(request);
    co_return co_await std::move(answering);
  }
  auto answering = WithDeadline(request);
  co_return co_await std::move(answering);
}

Task<http::Response> Chain::WithDeadline(ApiRequest& request) {
  const bool bulk = request.info.verb == "deletecollection";
  auto answering = WithTimeout(world_.loop, bulk ? limits_.bulk_timeout : limits_.timeout,
                               AsResult(endpoint_(request)));
  auto result = co_await std::move(answering);
  if (result.ok()) co_return std::move(result).value();
  Error timeout = MakeError(Reason::kTimeout,
                            "Timeout: request did not complete within requested timeout - context "
                            "deadline exceeded");
  co_return ErrorResponse(timeout, request.accepted);
}

}  // namespace wherry::apiserver::filters
