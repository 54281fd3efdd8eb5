#include "lib/linux/file.h"
#include "lib/linux/process.h"
#include "tests/integration/runtime/node_fixture.h"

#include <unistd.h>

namespace wherry::nodeagent::runtime {
namespace {

// Pods of one node, the node and Services between them.
class NetworkTest : public NodeFixture {
 protected:
  // 10.96.0.10:80 leads to `ip`:80, by rules as a service proxy makes them.
  static void Serve(const std::string& ip) {
    Iptables({"PREROUTING", "-d", "10.96.0.10", "-p", "tcp", "--dport", "80", "-j", "DNAT",
              "--to-destination", ip + ":80"});
    Iptables({"POSTROUTING", "-s", ip, "-d", ip, "-j", "MASQUERADE"});
  }
  static void Iptables(const std::vector<std::string>& rule) {
    std::vector<std::string> arguments = {"/usr/sbin/iptables", "-w", "-t", "nat", "-A"};
    arguments.insert(arguments.end(), rule.begin(), rule.end());
    auto process = linux::Process::Spawn({.arguments = arguments});
    ASSERT_TRUE(process.ok()) << process.error().message;
    auto status = process->Reap();
    EXPECT_TRUE(status.ok() && *status == 0) << "iptables refused " << rule[0];
  }
  static std::string Ask(const std::string& ip) {
    return "for i in 1 2 3 4 5 6 7 8 9; do /bin/busybox timeout 1 nc " + ip +
           " 80 </dev/null && exit 0; done";
  }
  ContainerConfig Server() const {
    return Shell("server", "while true; do echo served | nc -l -p 80; done");
  }
};

// A frame that a bridge forwards passes no netfilter unless br_netfilter is loaded and on, which on
// a fresh machine it is not: the answer would keep the backend's address, and the client reset it.
TEST_F(NetworkTest, APodReachesAServiceWithABackendOnItsOwnNodeWithoutBrNetfilter) {
  if (::access("/usr/sbin/iptables", X_OK) != 0) GTEST_SKIP() << "needs iptables";
  Ignore(linux::WriteValue(AT_FDCWD, "/proc/sys/net/bridge/bridge-nf-call-iptables", "0"),
         "the module is not loaded, which is the same");
  auto backend = Await(runtime_->RunPodSandbox(Sandbox("backend")));
  ASSERT_TRUE(backend.ok());
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("client"))).ok());
  ASSERT_TRUE(Await(runtime_->StartContainer("backend", Server())).ok());
  ASSERT_NO_FATAL_FAILURE(Serve(backend->ips[0]));

  auto other = Shell("other", Ask("10.96.0.10"));
  ASSERT_TRUE(Await(runtime_->StartContainer("client", other)).ok());
  WaitForExit("client", "other");
  EXPECT_EQ(Output(other), "served\n");
  auto itself = Shell("itself", Ask("10.96.0.10"));
  ASSERT_TRUE(Await(runtime_->StartContainer("backend", itself)).ok());
  WaitForExit("backend", "itself");
  EXPECT_EQ(Output(itself), "served\n");
}

// Pods may send any frame (NET_RAW): it must reach the gateway and no other pod, which it could
// otherwise make send its traffic here.
TEST_F(NetworkTest, PodsSeeNoNeighbourButTheGateway) {
  auto victim = Await(runtime_->RunPodSandbox(Sandbox("victim")));
  ASSERT_TRUE(victim.ok());
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto config = Shell("ask",
                      "a='/bin/busybox arping -f -c 3 -w 1 -I eth0'; $a 10.199.0.1 >/dev/null && "
                      "echo gateway; $a " +
                          victim->ips[0] + " >/dev/null || echo alone; ip route");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  WaitForExit("p", "ask");
  EXPECT_EQ(Output(config),
            "gateway\nalone\ndefault via 10.199.0.1 dev eth0 \n10.199.0.1 dev eth0 scope link \n");
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
