import Foundation
import Glibc
import Topology

/// Where the peers of a worker that joins from anywhere reach it.
package enum LocalAddress {
  /// - Parameters:
  ///   - endpoint: the coordinator's, `tcp://HOST:PORT` or a local one.
  ///   - given: the address that the user gave, if any.
  /// - Returns: the given one, else the address that the kernel uses towards the coordinator.
  /// - Throws: `.unreachable` when its name is not known, `.configuration` when there is no way there, or the given one is loopback and the coordinator is elsewhere.
  package static func towards(_ endpoint: String, given: String?) throws(PipelineError) -> String {
    if let given, !Topology.isLoopback(given) { return given }
    let address = endpoint.hasPrefix("tcp://") ? try source(towards: endpoint) : "127.0.0.1"
    guard let given else { return address }
    guard Topology.isLoopback(address) else {
      throw PipelineError(
        .configuration,
        "--address \(given): other hosts of the run at \(endpoint) could not reach this worker there; leave it out "
          + "(it is \(address) then), or give the address by which they reach this host")
    }
    return given
  }

  /// The same, once the coordinator's name is known here: hosts may come before it.
  package static func awaited(towards endpoint: String, given: String?) async throws -> String {
    var isTold = false
    while true {
      let found = Result { () throws(PipelineError) in try towards(endpoint, given: given) }
      guard case .failure(let error) = found, error.code == .unreachable else { return try found.get() }
      if !isTold { FileHandle.standardError.write(Data("\(error.message); still trying\n".utf8)) }
      isTold = true
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// - Throws: `.configuration` while somebody listens there, on a host that has this address.
  package static func requireFree(_ endpoint: String) throws(PipelineError) {
    guard let found = try? addresses(of: endpoint) else { return }
    defer { freeaddrinfo(found) }
    let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { if handle >= 0 { close(handle) } }
    var isReused: Int32 = 1
    setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &isReused, socklen_t(MemoryLayout<Int32>.size))
    guard bind(handle, found.pointee.ai_addr, found.pointee.ai_addrlen) != 0, errno == EADDRINUSE else { return }
    throw PipelineError(
      .configuration,
      "\(endpoint): in use, perhaps by another run; end that one, or give this one a port of its own (`port` of the coordinator's host)"
    )
  }

  /// To be freed.
  private static func addresses(of endpoint: String) throws(PipelineError) -> UnsafeMutablePointer<addrinfo> {
    let place = endpoint.dropFirst("tcp://".count)
    guard let colon = place.lastIndex(of: ":") else {
      throw PipelineError(.configuration, "\(endpoint): give the coordinator's endpoint as tcp://HOST:PORT")
    }
    var hints = addrinfo()
    // libzmq's default, too.
    hints.ai_family = AF_INET
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(String(place[..<colon]), String(place[place.index(after: colon)...]), &hints, &found)
    guard code == 0, let found else {
      throw PipelineError(
        .unreachable, "\(endpoint): no host of that name yet (\(String(cString: gai_strerror(code))))")
    }
    return found
  }

  /// The kernel's choice when a datagram socket is connected; nothing is sent.
  private static func source(towards endpoint: String) throws(PipelineError) -> String {
    let found = try addresses(of: endpoint)
    defer { freeaddrinfo(found) }
    func failure(_ reason: String) -> PipelineError {
      PipelineError(
        .configuration,
        "\(endpoint): no way there from this host (\(reason)); give the address by which others reach it: --address")
    }
    let handle = socket(AF_INET, found.pointee.ai_socktype, 0)
    defer { if handle >= 0 { close(handle) } }
    guard handle >= 0, connect(handle, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
      throw failure(String(cString: strerror(errno)))
    }
    var own = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isNamed = withUnsafeMutablePointer(to: &own) { own in
      own.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(handle, $0, &length) == 0 }
    }
    var text = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
    guard isNamed, inet_ntop(AF_INET, &own.sin_addr, &text, socklen_t(text.count)) != nil else {
      throw failure(String(cString: strerror(errno)))
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
