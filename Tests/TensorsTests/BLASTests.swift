import Dispatch
import Synchronization
import Tensors
import Testing

@Suite("OpenBLAS")
struct BLASTests {
  /// Two workers of one process ask at the same time, for the fingerprint of their numerics.
  @Test("its configuration is the same for threads that ask together")
  func configuration() throws {
    let answers = Mutex<Set<String>>([])
    DispatchQueue.concurrentPerform(iterations: 100_000) { _ in
      let answer = BLAS.configuration
      answers.withLock { _ = $0.insert(answer) }
    }
    let all = answers.withLock { $0 }
    #expect(all.count == 1 && all.first!.hasPrefix("OpenBLAS"), "\(all)")
  }
}
