import Glibc
import Tensors
import Wire
import ZeroMQ

/// What a tap costs the worker that has it, with nobody there and with one who watches an item in a hundred.
package struct TapBenchmark: Sendable {
  package struct Result: Encodable, Sendable {
    package var items: Int
    package var clipBytes: Int
    /// Of the worker's thread, for each item, watched or not.
    package var nanosecondsUnwatched: Double
    package var nanosecondsWatched: Double

    package enum CodingKeys: String, CodingKey {
      case items
      case clipBytes = "clip_bytes"
      case nanosecondsUnwatched = "nanoseconds_unwatched"
      case nanosecondsWatched = "nanoseconds_watched"
    }
  }

  private let items: Int
  private static let dimensions = [8, 112, 112, 3]
  private static let every = 100

  package init(items: Int) { self.items = items }

  package func run() async throws -> Result {
    let worker = try TappedWorker(dimensions: Self.dimensions)
    await worker.start()
    let unwatched = await worker.publish(items)
    let watcher = try TapWatcher(endpoint: worker.endpoint, topic: "\(TappedWorker.stage)/\(Self.every)")
    try await watcher.start()
    try await worker.waitForWatcher()
    let watched = await worker.publish(items)
    await watcher.close()
    await worker.close()
    return Result(
      items: items, clipBytes: Self.dimensions.reduce(1, *), nanosecondsUnwatched: unwatched,
      nanosecondsWatched: watched)
  }
}

/// Publishes clips as an augment worker does.
private actor TappedWorker {
  private nonisolated let thread: SocketThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  nonisolated let endpoint: String
  private let tap: TapPublisher
  private let clip: TapPublisher.Frame

  static let stage = "augment"
  private static let patienceSeconds = 10.0

  init(dimensions: [Int]) throws {
    thread = SocketThread(name: "tapped-worker")
    let place = try ProcessPlace(context: try Context(), host: "here", address: "127.0.0.1")
    tap = try TapPublisher(stage: Self.stage, worker: "here/augment/0", place: place, thread: thread)
    endpoint = tap.endpoints.tcp!
    let buffer = AlignedBuffer(byteCount: dimensions.reduce(1, *))
    buffer.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    clip = TapPublisher.Frame(
      buffer: buffer,
      tensor: TensorDescriptor(
        elementType: .uint8, layout: .thwc, dimensions: dimensions, compression: .none,
        storedByteCount: buffer.byteCount, checksum: 0))
  }

  func start() { tap.start() }

  func close() { tap.close() }

  func waitForWatcher() async throws {
    let end = Monotonic.seconds() + Self.patienceSeconds
    while !tap.isWatched {
      guard Monotonic.seconds() < end else {
        throw PipelineError(.configuration, "nobody watches \(endpoint) after \(Int(Self.patienceSeconds)) s")
      }
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  /// - Returns: nanoseconds of this thread for each item.
  func publish(_ count: Int) -> Double {
    let began = Monotonic.seconds(of: CLOCK_THREAD_CPUTIME_ID)
    for number in 0..<count {
      let group = GroupKey(kind: .training, step: number / 16, index: 0)
      tap.publish(ItemKey(group: group, slot: number % 16)) { (["path": .text("a.mp4"), "label": .integer(1)], clip) }
    }
    return (Monotonic.seconds(of: CLOCK_THREAD_CPUTIME_ID) - began) / Double(count) * 1e9
  }
}

/// Reads and forgets.
private actor TapWatcher {
  private nonisolated let thread: SocketThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let socket: Socket
  private let endpoint: String
  private let topic: String

  init(endpoint: String, topic: String) throws {
    thread = SocketThread(name: "tap-watcher")
    socket = try Socket(.sub, in: try Context())
    self.endpoint = endpoint
    self.topic = topic
  }

  func start() throws {
    try socket.connect(endpoint)
    try socket.subscribe(Array(topic.utf8))
    thread.watch(socket) { self.drain() }
  }

  func close() {
    thread.unwatch(socket)
    socket.close()
  }

  private func drain() {
    while (try? socket.receive()) != nil {}
  }
}
