#pragma once

#include "apiserver/authn/authenticator.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/filters/request_metrics.h"
#include "apiserver/request/api_request.h"
#include "lib/http/message.h"
#include "lib/loop/loop.h"

#include <functional>
#include <optional>

namespace wherry {
struct World;
}

namespace wherry::apiserver::filters {

// What every request passes before its endpoint: parsing, negotiation, limits, authentication,
// authorisation, a deadline; and every response after it: audit id, warnings, metrics.
//
// Loop thread; all that is given outlives it.
class Chain : public http::Handler {
 public:
  // Answers an authorised request; `request` outlives the task.
  using Endpoint = std::function<Task<http::Response>(ApiRequest& request)>;

  struct Limits {
    size_t mutating_inflight_max = 2'000;
    size_t read_only_inflight_max = 4'000;
    size_t heartbeats_inflight_max = 1'000;  // beside them: writes of leases and node statuses
    size_t body_bytes_max = 3 * 1024 * 1024;
    std::chrono::seconds timeout{60};        // watches and logs excepted
    std::chrono::seconds bulk_timeout{600};  // of a deletion of a collection, which may be long
  };

  Chain(World& world, authn::Authenticator& authenticator, const authz::Authorizer& authorizer,
        RequestMetrics& metrics, Endpoint endpoint, Limits limits);

  Task<http::Response> Handle(http::Request request) override;
  // Who may not ask is told so before the body is kept.
  std::optional<http::Response> Refuse(http::Request& request) override;

 private:
  class Inflight;

  // Everything that is known before the body: what is asked, by whom, and whether they may. Ok for
  // what everybody may ask. `remember_user`: for a second Check of the same request.
  Status Check(ApiRequest& request, bool remember_user);
  // The count of those with which the request is in flight, null when there is no place for it.
  size_t* FreePlaces(const ApiRequest& request);
  void Finish(const ApiRequest& request, http::Response& response, MonotonicTime start);
  Task<http::Response> Answer(ApiRequest& request);
  Task<http::Response> Limited(ApiRequest& request);
  Task<http::Response> WithDeadline(ApiRequest& request);

  World& world_;
  authn::Authenticator& authenticator_;
  const authz::Authorizer& authorizer_;
  RequestMetrics& metrics_;
  Endpoint endpoint_;
  Limits limits_;
  size_t mutating_ = 0;
  size_t read_only_ = 0;
  size_t heartbeats_ = 0;
};

}  // namespace wherry::apiserver::filters
