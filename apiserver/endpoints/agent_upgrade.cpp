#include "apiserver/endpoints/agent_upgrade.h"

#include "apiserver/authz/authorizer.h"
#include "apiserver/endpoints/pod_agent.h"
#include "apiserver/request/status.h"
#include "lib/base/ascii.h"

#include <utility>

namespace wherry::apiserver::endpoints {

namespace {

// The fields that make an upgrade, handed on as they came.
void CopyUpgradeFields(const http::Headers& from, http::Headers& to) {
  for (const auto& [name, value] : from.all()) {
    std::string lower = AsciiLowered(name);
    bool wanted = lower == "connection" || lower == "upgrade" ||
                  lower == "x-stream-protocol-version" || lower.starts_with("sec-websocket-");
    if (wanted) to.Add(name, value);
  }
}

}  // namespace

// The agent's upgrade takes the connection.
Reply UpgradeAtAgent(Environment& environment, const ApiRequest& request, std::string node_name,
                     std::string target) {
  RequestInfo to_create = request.info;
  to_create.verb = "create";
  CO_TRY_STATUS(environment.authorizer.Authorize(request.user, to_create));
  if (!request.http.headers.Has("Upgrade")) {
    co_return BadRequestError("Upgrade request required");
  }
  CO_TRY(std::shared_ptr<http::RoundTripper> agent, AgentOf(environment, node_name));
  http::Request ask = AgentRequest(request.http.method, std::move(target));
  CopyUpgradeFields(request.http.headers, ask.headers);
  auto asking = agent->RoundTrip(std::move(ask), true);
  CO_TRY(http::Response answer, co_await std::move(asking));
  if (answer.status >= 300) {
    auto reading = AgentError(std::move(answer));
    co_return co_await std::move(reading);
  }
  if (!answer.upgrade) {
    co_return MakeError(Reason::kInternalError,
                        "the agent of node \"" + node_name + "\" did not upgrade the connection");
  }
  co_return answer;
}

}  // namespace wherry::apiserver::endpoints
