import Dispatch
import Glibc
import Pipeline
import Synchronization
import Testing

/// Processes that a supervisor starts.
@Suite struct ChildEndTests {
  /// Four threads start children at the same time; those of one are killed.
  @Test func anEndIsNoticedThoughOthersLive() throws {
    let count = 100
    let children = Mutex<[(thread: Int, child: ChildProcess)]>([])
    let killed = DispatchSemaphore(value: 0)
    let lifeline = Lifeline()
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for _ in 0..<count {
        let child = try? ChildProcess(executable: "/bin/sleep", arguments: ["600"], lifeline: lifeline) { exit in
          if thread == 0, exit.signal == SIGKILL { killed.signal() }
        }
        if let child { children.withLock { $0.append((thread, child)) } }
      }
    }
    let all = children.withLock { $0 }
    defer { for (_, child) in all { child.send(signal: SIGKILL) } }
    try #require(all.count == 4 * count)
    for (thread, child) in all where thread == 0 { child.send(signal: SIGKILL) }
    let deadline = DispatchTime.now() + .seconds(20)
    #expect((0..<count).count { _ in killed.wait(timeout: deadline) == .success } == count)
  }

  @Test func howAChildEndsIsTold() async throws {
    func end(_ command: String) async throws -> ChildExit {
      try await withCheckedThrowingContinuation { continuation in
        do {
          _ = try ChildProcess(executable: "/bin/sh", arguments: ["-c", command], lifeline: Lifeline()) {
            continuation.resume(returning: $0)
          }
        } catch { continuation.resume(throwing: error) }
      }
    }
    let status = try await end("exit 75")
    #expect(status.status == 75 && status.signal == nil)
    #expect(try await end("kill -SEGV $$").signal == SIGSEGV)
    // Standard input ends with the supervisor; nothing else of it is open.
    #expect(try await end("for file in /proc/$$/fd/[3-9]*; do [ -e $file ] && exit 1; done; exec cat").status == 0)
  }

  @Test func aProgramThatIsAwayIsNamed() {
    #expect {
      try ChildProcess(executable: "/no/such/program", arguments: ["stage"], lifeline: Lifeline()) { _ in }
    } throws: {
      "\($0)".contains("cannot start /no/such/program stage: No such file or directory")
    }
  }
}
