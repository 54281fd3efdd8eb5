#pragma once

#include "apiserver/endpoints/endpoint.h"
#include "apiserver/endpoints/places.h"
#include "lib/loop/blocking.h"
#include "lib/loop/world.h"

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace wherry::apiserver::endpoints {

// What is read on the loop, in a millisecond or so. 3 MB of YAML take more than a second, in which
// no lease and no probe would be answered.
inline constexpr size_t kSmallBody = 64 * 1024;

// What a library throws at what it reads: there is nobody on a helper thread to hear of it.
template <typename T>
Result<T> ReadCaught(const std::function<Result<T>(ApiRequest&)>& read, ApiRequest& request) {
  try {
    return read(request);
  } catch (const std::exception& thrown) {
    return MakeError(Reason::kInternalError, std::string("body not read: ") + thrown.what());
  }
}

// Runs `read`, which turns the request's body into something else and adds to its warnings: here
// for a small body, else on a helper thread, one at a time. There it gets a request of its own that
// has the body, the header fields and the query; it must touch nothing that belongs to the loop.
// The body is gone afterwards.
template <typename T>
Task<Result<T>> ReadBody(Environment& environment, ApiRequest& request,
                         std::function<Result<T>(ApiRequest&)> read) {
  if (request.http.body.size() <= kSmallBody) co_return ReadCaught(read, request);
  while (environment.parsing->full()) co_await environment.parsing->Freed();
  struct Job {
    Job(Places& places, Loop& loop) : place(places), done(loop) {}
    Places::Place place;  // goes with the job, on the loop
    OneShot<bool> done;
    ApiRequest request;
    Result<T> result = MakeError(Reason::kInternalError, "not read");
  };
  Loop& loop = environment.world.loop;
  auto job = std::make_shared<Job>(*environment.parsing, loop);
  job->request.info = request.info;
  job->request.query = request.query;
  job->request.http.headers = request.http.headers;
  job->request.http.body = std::move(request.http.body);
  auto run = [job, &loop, read = std::move(read)]() mutable {
    job->result = ReadCaught(read, job->request);
    loop.PostFromAnyThread([job = std::move(job)] { job->done.Set(true); });
  };
  environment.world.blocking.Submit(std::move(run));
  auto done = job->done;
  co_await done.Wait();
  for (std::string& warning : job->request.warnings) {
    request.warnings.push_back(std::move(warning));
  }
  co_return std::move(job->result);
}

}  // namespace wherry::apiserver::endpoints
