#include "apiserver/nodeconnect/node_connections.h"

#include "lib/http/certificates.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::nodeconnect {
namespace {

class NodeConnectionsTest : public testing::Test {
 protected:
  static NodeConnections::Options WithCa() {
    return {.ca_pem = "a CA", .certificate_pem = "a certificate", .key_pem = "its key"};
  }
  RealWorld real_;
  NodeConnections connections_{real_.world().loop, WithCa()};
};

// A node has one connection, whatever addresses its Node names one after the other.
TEST_F(NodeConnectionsTest, OneForEachNode) {
  const auto first = *connections_.For("n1", "10.0.0.1", 10250);
  EXPECT_EQ(*connections_.For("n1", "10.0.0.1", 10250), first);
  EXPECT_NE(*connections_.For("n2", "10.0.0.1", 10250), first) << "another node's claim";
  for (int i = 1; i < 100; ++i) {
    ASSERT_TRUE(connections_.For("n1", "10.0.1." + std::to_string(i), 10250).ok());
  }
  EXPECT_EQ(connections_.size(), 2U);
  EXPECT_EQ(first.use_count(), 1) << "only a request that runs holds the old one";
  connections_.Forget("n1");
  EXPECT_EQ(connections_.size(), 1U);
}

// Our certificate opens every node: it is shown to nobody who could be anybody.
TEST_F(NodeConnectionsTest, NoneWithoutACa) {
  NodeConnections blind(real_.world().loop, {});
  const auto refused = blind.For("n1", "10.0.0.1", 10250);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, Reason::kServiceUnavailable);
  EXPECT_EQ(connections_.For("n1", "", 10250).error().reason, Reason::kServiceUnavailable);
}

// New requests show the new certificate, over a connection of their own.
TEST_F(NodeConnectionsTest, ANewCertificate) {
  const auto before = *connections_.For("n1", "10.0.0.1", 10250);
  connections_.SetClientCertificate("new", "key");
  EXPECT_NE(*connections_.For("n1", "10.0.0.1", 10250), before);
}

}  // namespace
}  // namespace wherry::apiserver::nodeconnect
