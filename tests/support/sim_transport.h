#pragma once

#include "lib/http/message.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>

namespace wherry::testing {

// A network between clients and one API server in a simulated world: messages take time, get lost
// on the way there or back, and connections break.
//
// A request that has arrived is carried out even if its sender dies meanwhile; one under way dies
// with its sender. Clients may outlive the server: between Disconnect and Connect they are told
// that nobody answers.
class SimTransport : public http::RoundTripper {
 public:
  struct Faults {
    std::chrono::milliseconds delay_max{20};  // each way, and per watch event
    double lose_request = 0;                  // never arrives
    double lose_response = 0;                 // carried out, but the sender is not told
    double break_stream = 0;                  // per watch event
  };
  SimTransport(World& world, Faults faults);
  ~SimTransport() override;

  void Connect(http::Handler& server);
  // Before the server goes: ends everything that refers to it.
  void Disconnect();
  void SetFaults(Faults faults) { faults_ = faults; }

  Task<Result<http::Response>> RoundTrip(http::Request request, bool stream_body) override;

 private:
  class Stream;
  struct Exchange;
  Task<void> Serve(http::Request request, bool stream_body, std::shared_ptr<Exchange> exchange);
  Task<void> Travel();
  bool Chance(double probability);

  World& world_;
  Faults faults_;
  http::Handler* server_ = nullptr;
  // In order of their making: addresses would make runs of one seed differ.
  uint64_t last_id_ = 0;
  std::map<uint64_t, Stream*> streams_;
  std::map<uint64_t, std::shared_ptr<Exchange>> exchanges_;
  std::unique_ptr<TaskScope> served_;
};

}  // namespace wherry::testing
