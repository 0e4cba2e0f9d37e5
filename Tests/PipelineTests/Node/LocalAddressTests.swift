import Foundation
import Glibc
import Pipeline
import Testing
import Topology
import ZeroMQ

/// Where the peers of a worker that joins from anywhere reach it.
@Suite struct LocalAddressTests {
  /// An address of this machine that others may reach.
  private static let beyondLoopback: String? = {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return nil }
    defer { freeifaddrs(list) }
    for entry in sequence(first: list, next: { $0?.pointee.ifa_next }).prefix(while: { $0 != nil }) {
      guard let address = entry?.pointee.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else { continue }
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      getnameinfo(
        address, socklen_t(MemoryLayout<sockaddr_in>.size), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
      let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if !Topology.isLoopback(name) { return name }
    }
    return nil
  }()

  @Test func besideTheCoordinatorItIsLoopback() throws {
    #expect(try LocalAddress.towards("tcp://127.0.0.1:7700", given: nil) == "127.0.0.1")
    #expect(try LocalAddress.towards("tcp://localhost:7700", given: "127.0.0.2") == "127.0.0.2")
    #expect(try LocalAddress.towards("ipc://@sluice/x", given: nil) == "127.0.0.1")
  }

  @Test(.enabled(if: beyondLoopback != nil, "needs a network besides loopback"))
  func otherwiseItIsTheOneThatTheKernelUsesThere() throws {
    let own = try #require(Self.beyondLoopback)
    let endpoint = "tcp://\(own):7700"
    #expect(try LocalAddress.towards(endpoint, given: nil) == own)
    #expect(try LocalAddress.towards(endpoint, given: "10.1.2.3") == "10.1.2.3")
    #expect { try LocalAddress.towards(endpoint, given: "127.0.0.1") } throws: {
      "\($0)".contains("--address 127.0.0.1: other hosts") && "\($0)".contains("it is \(own) then")
    }
  }

  @Test func aHostThatNobodyKnowsIsNamedAndWaitedFor() async throws {
    let endpoint = "tcp://no.such.host.invalid:7700"
    #expect { try LocalAddress.towards(endpoint, given: nil) } throws: {
      ($0 as? PipelineError)?.code == .unreachable && "\($0)".contains("no.such.host.invalid")
    }
    let waiting = Task { try await LocalAddress.awaited(towards: endpoint, given: nil) }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(try await LocalAddress.awaited(towards: endpoint, given: "10.1.2.3") == "10.1.2.3")
  }

  @Test func anEndpointInUseIsRefused() throws {
    let context = try Context()
    defer { context.shutdown() }
    let other = try Socket(.router, in: context)
    defer { other.close() }
    let endpoint = try other.bind("tcp://127.0.0.1:*")
    #expect { try LocalAddress.requireFree(endpoint) } throws: { "\($0)".contains("\(endpoint): in use") }
    try LocalAddress.requireFree(endpoint.replacing("127.0.0.1", with: "127.0.0.2"))
    // Those are not this host's; whoever binds says what is wrong.
    try LocalAddress.requireFree("tcp://192.0.2.1:7700")
    try LocalAddress.requireFree("tcp://no.such.host.invalid:7700")
  }

  /// By the coordinator's local endpoint a worker cannot see that other hosts are to reach it.
  @Test func aWorkerOutOfReachIsRefused() throws {
    func topology(_ address: String) throws -> Topology {
      let text = """
        name: test
        corpus: nowhere
        hosts:
          a: {address: 10.0.0.1, coordinator: true, augment: 1, batch: 1, train: 1, average: 1}
          b: {address: \(address), decode: 1}
        clip: {frames: 4, stride: 1, slack: 2, resize: [40, 50], crop: 32}
        train: {network: r2plus1d-10, width: 0.25, replicas: 4, batch: 8, steps: 10, learning_rate: 0.1}
        links: {security: none}
        """
      return try Topology.parse(text, file: "test.yaml", overrides: [])
    }
    let run = try topology("10.0.0.2")
    let reason = Coordinator.unreachable("tcp://127.0.0.1:41000", host: "x", run)
    #expect(reason?.contains("its address 127.0.0.1") == true && reason?.contains("a is at 10.0.0.1") == true)
    #expect(Coordinator.unreachable("tcp://10.0.0.7:41000", host: "x", run) == nil)
    #expect(Coordinator.unreachable(nil, host: "x", run) == nil)
    #expect(Coordinator.unreachable("tcp://127.0.0.1:41000", host: "a", run) != nil, "those of b do not reach it there")
  }
}
