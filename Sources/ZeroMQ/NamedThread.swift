internal import CZeroMQ
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Starts a detached thread that `top` and debuggers show as `name` (its first 15 bytes).
func startThread(name: String, _ body: @escaping @Sendable () -> Void) {
  final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  var thread = pthread_t()
  let start = Unmanaged.passRetained(Start(name: name, body: body))
  let status = pthread_create(
    &thread, &attributes,
    { start in
      if let start {
        let start = Unmanaged<Start>.fromOpaque(start).takeRetainedValue()
        sluice_name_thread(start.name)
        start.body()
      }
      return nil
    }, start.toOpaque())
  guard status == 0 else {
    fatalError("cannot start the thread \(name): \(String(cString: strerror(status))); see ulimit -u")
  }
}

/// Knows whether the caller runs on a certain thread.
final class ThreadIdentity: Sendable {
  private let thread = Atomic<UInt>(0)

  /// From now on the calling thread is the one.
  func enter() { thread.store(UInt(pthread_self()), ordering: .releasing) }

  func leave() { thread.store(0, ordering: .releasing) }

  var isCurrent: Bool { thread.load(ordering: .acquiring) == UInt(pthread_self()) }
}
