// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate

struct Routes: Sendable {
  var gateways: [String: Int] = [:]
}

let routes = RCU.Pointer(Routes(gateways: ["10.0.0.0/8": 1]))

func gateway(for prefix: String) -> Int? {
  RCU.withReadSection { section in
    routes.load(in: section)?.value.gateways[prefix]
  }
}

func setGateway(_ gateway: Int?, for prefix: String) {
  routes.update { $0.gateways[prefix] = gateway }
}

final class Connection: Sendable {
  func close() {}
}

func close(_ connection: Connection) {
  RCU.afterGracePeriod(bytes: 1024) { connection.close() }
}

func closeNow(_ connection: Connection) async {
  await RCU.synchronize()
  connection.close()
}

@main struct Program {
  static func main() async {
    setGateway(7, for: "192.168.0.0/16")
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<1000 { precondition(gateway(for: "192.168.0.0/16") == 7) }
        }
      }
      for value in 0..<100 { setGateway(value, for: "10.0.0.0/8") }
    }
    close(Connection())
    await closeNow(Connection())
    await RCU.barrier()
    print(gateway(for: "10.0.0.0/8")!, RCU.statistics.pendingCount)
  }
}
