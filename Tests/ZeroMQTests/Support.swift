import Glibc
import Synchronization
import Testing
import ZeroMQ

/// Counts objects that are alive; a test waits for its events instead of sleeping.
final class OwnerCount: Sendable {
  private let alive = Atomic<Int>(0)

  var value: Int { alive.load(ordering: .acquiring) }

  /// Bytes in memory of their own that leave the count when they are freed.
  func makePart(byteCount: Int, filledWith value: UInt8) -> MessagePart {
    let owner = Owner(byteCount: byteCount, filledWith: value, count: self)
    return MessagePart(sharing: owner.bytes, owner: owner)
  }

  private final class Owner: @unchecked Sendable {
    // Sendable: written in `init` only.
    let bytes: UnsafeRawBufferPointer
    let count: OwnerCount

    init(byteCount: Int, filledWith value: UInt8, count: OwnerCount) {
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
      bytes.initializeMemory(as: UInt8.self, repeating: value)
      self.bytes = UnsafeRawBufferPointer(bytes)
      self.count = count
      count.alive.add(1, ordering: .acquiringAndReleasing)
    }

    deinit {
      bytes.deallocate()
      count.alive.subtract(1, ordering: .acquiringAndReleasing)
    }
  }
}

struct DeadlineExceeded: Error {}

/// Yields the processor until `condition` holds, for at most 30 s.
func eventually(_ condition: () throws -> Bool) throws {
  let deadline = ContinuousClock.now + .seconds(30)
  while try !condition() {
    guard ContinuousClock.now < deadline else { throw DeadlineExceeded() }
    sched_yield()
  }
}

/// Runs `body`, which may block, on a thread of its own; a cancelled test shuts the context down and so unblocks it.
func onThread<R: Sendable>(
  shuttingDown context: Context? = nil, _ body: @escaping @Sendable () throws -> R
) async throws -> R {
  let thread = WorkThread(name: "test")
  defer { thread.stop() }
  return try await withTaskCancellationHandler {
    try await withCheckedThrowingContinuation { continuation in
      thread.submit { continuation.resume(with: Result { try body() }) }
    }
  } onCancel: {
    context?.shutdown()
  }
}

/// Runs `body` on a socket thread.
func on<R: Sendable>(_ thread: SocketThread, _ body: @escaping @Sendable () throws -> R) async throws -> R {
  try await withCheckedThrowingContinuation { continuation in
    thread.perform { continuation.resume(with: Result { try body() }) }
  }
}

/// The code of the error that `body` throws.
func code(of body: () throws -> Void) -> ZeroMQError.Code? {
  do {
    try body()
    return nil
  } catch let error as ZeroMQError {
    return error.code
  } catch {
    return nil
  }
}

func text(_ string: String) -> MessagePart { MessagePart(bytes: Array(string.utf8)) }

/// A number that no other test of this process uses.
func uniqueNumber() -> Int {
  struct Counter { static let next = Atomic<Int>(0) }
  return Int(getpid()) * 100_000 + Counter.next.add(1, ordering: .relaxed).newValue
}

enum Transport: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case inproc, ipc, tcp

  var wildcard: String {
    switch self {
    case .inproc: "inproc://test-\(uniqueNumber())"
    case .ipc: "ipc://@sluice-test-\(uniqueNumber())"
    case .tcp: "tcp://127.0.0.1:*"
    }
  }

  var testDescription: String { rawValue }
}
