#include "apiserver/endpoints/log_options.h"
#include "apiserver/endpoints/log_socket.h"
#include "apiserver/endpoints/pod_agent.h"
#include "apiserver/request/status.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::endpoints {

using api::core::v1::Pod;

Reply Log(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(std::string query, LogQuery(request.query));
  auto object = environment.store.Get(resource, request.info.ns, request.info.name);
  if (!object) co_return NotFoundError(resource.name(), request.info.name);
  CO_TRY(auto message, object->message());
  const auto& pod = registry::Typed<Pod>(*message);
  CO_TRY(std::string container, ContainerOf(pod, request.query.Get("container")));
  http::Response response;
  response.headers.Set("Content-Type", "text/plain");
  // Nothing has been written anywhere.
  if (pod.spec().nodename().empty()) {
    co_return LogReply(environment.world.loop, request.http, std::move(response));
  }
  CO_TRY(std::shared_ptr<http::RoundTripper> agent, AgentOf(environment, pod.spec().nodename()));
  std::string target = KubeletPath("containerLogs", pod, container);
  if (!query.empty()) target += "?" + query;
  http::Request ask = AgentRequest("GET", std::move(target));
  auto asking = agent->RoundTrip(std::move(ask), true);
  CO_TRY(http::Response answer, co_await std::move(asking));
  if (answer.status >= 300) {
    auto reading = AgentError(std::move(answer));
    co_return co_await std::move(reading);
  }
  response.body = std::move(answer.body);
  response.shared_body = std::move(answer.shared_body);
  response.stream = std::move(answer.stream);
  co_return LogReply(environment.world.loop, request.http, std::move(response));
}

}  // namespace wherry::apiserver::endpoints
