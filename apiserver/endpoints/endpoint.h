#pragma once

#include "apiserver/registry/store.h"
#include "apiserver/request/api_request.h"
#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/loop/task.h"

namespace wherry::apiserver::nodeconnect {
class NodeConnections;
}
namespace wherry::apiserver::authn {
class Authenticator;
class ServiceAccountTokens;
}  // namespace wherry::apiserver::authn
namespace wherry::apiserver::authz {
class Authorizer;
}

// The verbs of the resource API, one file each. All run on the loop's thread; an Error is answered
// as a metav1.Status. Source: k8s.io/apiserver pkg/endpoints/handlers.
namespace wherry::apiserver::endpoints {

class Places;

// What the verbs work with; outlives every request.
struct Environment {
  World& world;
  registry::Store& store;
  const authz::Authorizer& authorizer;
  nodeconnect::NodeConnections* nodes = nullptr;  // null: pods/log answers 503
  authn::ServiceAccountTokens* tokens = nullptr;  // null: serviceaccounts/token answers 503
  authn::Authenticator* authenticator = nullptr;  // for tokenreviews
  Places* bulk = nullptr;                         // the deletions of collections share it
  Places* parsing = nullptr;                      // large bodies share it: see read_body.h
};

using Reply = Task<Result<http::Response>>;
using registry::Resource;

// All three outlive the task; `request` collects warnings.
Reply Get(Environment& environment, const Resource& resource, ApiRequest& request);
Reply List(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Watch(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Create(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Update(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Patch(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Delete(Environment& environment, const Resource& resource, ApiRequest& request);
Reply DeleteCollection(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Scale(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Binding(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Eviction(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Exec(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Attach(Environment& environment, const Resource& resource, ApiRequest& request);
Reply PortForward(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Log(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Proxy(Environment& environment, const Resource& resource, ApiRequest& request);
Reply Token(Environment& environment, const Resource& resource, ApiRequest& request);

// Finds the verb for a resource request; `request` outlives the reply's task.
Task<http::Response> Serve(Environment& environment, ApiRequest& request);

// Whether the request's resource, with its subresource, is served with any verb.
bool IsServed(const registry::Resources& resources, const RequestInfo& info);

// Whether `resource` has this subresource, served by Serve with these verbs ("get", "update",
// "patch", "create"); empty when it has not.
std::vector<std::string_view> SubresourceVerbs(const Resource& resource,
                                               std::string_view subresource);
// All of its subresources, sorted.
std::vector<std::string> Subresources(const Resource& resource);

}  // namespace wherry::apiserver::endpoints
