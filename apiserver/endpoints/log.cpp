#include "apiserver/endpoints/pod_agent.h"
#include "apiserver/request/status.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::endpoints {

using api::core::v1::Pod;

namespace {

std::string LogTarget(const Pod& pod, const std::string& container, const Query& query) {
  std::string target = KubeletPath("containerLogs", pod, container);
  char separator = '?';
  for (const char* name : {"follow", "previous", "sinceSeconds", "sinceTime", "timestamps",
                           "tailLines", "limitBytes"}) {
    if (query.Get(name).empty()) continue;
    target += separator + std::string(name) + "=" + http::PercentEncode(query.Get(name));
    separator = '&';
  }
  return target;
}

}  // namespace

Reply Log(Environment& environment, const Resource& resource, ApiRequest& request) {
  auto object = environment.store.Get(resource, request.info.ns, request.info.name);
  if (!object) co_return NotFoundError(resource.name(), request.info.name);
  CO_TRY(auto message, object->message());
  const auto& pod = registry::Typed<Pod>(*message);
  CO_TRY(std::string container, ContainerOf(pod, request.query.Get("container")));
  http::Response response;
  response.headers.Set("Content-Type", "text/plain");
  if (pod.spec().nodename().empty()) co_return response;  // nothing has been written anywhere
  CO_TRY(http::RoundTripper * agent, AgentOf(environment, pod));
  http::Request ask = AgentRequest("GET", LogTarget(pod, container, request.query));
  auto asking = agent->RoundTrip(std::move(ask), true);
  CO_TRY(http::Response answer, co_await std::move(asking));
  if (answer.status >= 300) {
    auto reading = AgentError(std::move(answer));
    co_return co_await std::move(reading);
  }
  response.body = std::move(answer.body);
  response.shared_body = std::move(answer.shared_body);
  response.stream = std::move(answer.stream);
  co_return response;
}

}  // namespace wherry::apiserver::endpoints
