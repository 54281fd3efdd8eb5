#include "nodeagent/network/route_table.h"

namespace wherry::nodeagent::network {

Result<RouteTable> RouteTable::Open() {
  TRY(linux::RouteSocket socket, linux::RouteSocket::Open());
  return RouteTable(std::move(socket));
}

Status RouteTable::Ensure(const std::string& cidr, const std::string& via) {
  TRY(linux::Ipv4Prefix destination, linux::ParseIpv4Prefix(cidr));
  TRY(linux::Ipv4 gateway, linux::ParseIpv4(via));
  return socket_.ReplaceRoute(destination, gateway, 0);
}

Status RouteTable::Remove(const std::string& cidr) {
  TRY(linux::Ipv4Prefix destination, linux::ParseIpv4Prefix(cidr));
  return socket_.DeleteRoute(destination);
}

Result<std::optional<std::string>> RouteTable::Via(const std::string& cidr) {
  TRY(linux::Ipv4Prefix destination, linux::ParseIpv4Prefix(cidr));
  TRY(auto routes, socket_.Routes());
  for (const linux::RouteInfo& route : routes) {
    if (route.destination == destination.Network() && route.via) {
      return std::optional<std::string>(route.via->ToString());
    }
  }
  return std::optional<std::string>();
}

}  // namespace wherry::nodeagent::network
