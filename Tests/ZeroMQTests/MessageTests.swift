import Synchronization
import Testing
import ZeroMQ

@Suite struct MessageTests {
  @Test(arguments: [0, 1, 32, 33, 34, 4096, 300_000])
  func copiesComeBack(byteCount: Int) {
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let part = MessagePart(bytes: bytes)
    #expect(part.byteCount == byteCount)
    #expect(part.array == bytes)
    #expect(part.withUnsafeBytes { $0.count } == byteCount)
    let message = bytes.withUnsafeBytes { Message.copied($0) }
    #expect(message.array == bytes)
  }

  @Test func sharedBytesAreNotCopiedAndTheOwnerGoesWithTheLastReference() {
    let owners = OwnerCount()
    var part: MessagePart? = owners.makePart(byteCount: 300_000, filledWith: 7)
    #expect(owners.value == 1)
    let addresses = (0..<2).map { _ in part?.withUnsafeBytes { $0.baseAddress } }
    #expect(addresses[0] == addresses[1])
    #expect(part?.array == [UInt8](repeating: 7, count: 300_000))
    var other = part
    part = nil
    #expect(owners.value == 1)
    #expect(other?.byteCount == 300_000)
    other = nil
    #expect(owners.value == 0)
  }

  @Test func anEmptySharedPartReleasesItsOwner() {
    let owners = OwnerCount()
    let part = owners.makePart(byteCount: 0, filledWith: 0)
    #expect(part.byteCount == 0)
    #expect(owners.value == 0)
  }

  /// Copies of one part made by several threads at once: each counts, none is lost.
  @Test(.timeLimit(.minutes(1))) func onePartIsSentFromManyThreads() async throws {
    let owners = OwnerCount()
    let context = try Context()
    let received = Shared(Atomic<Int>(0))
    do {
      let part = owners.makePart(byteCount: 100_000, filledWith: 3)
      try await withThrowingTaskGroup { group in
        for _ in 0..<4 {
          group.addTask {
            let count = try await onThread(shuttingDown: context) {
              let a = try Socket(.pair, in: context)
              let b = try Socket(.pair, in: context)
              defer {
                a.close()
                b.close()
              }
              try b.connect(try a.bind(Transport.inproc.wildcard))
              var count = 0
              for _ in 0..<500 {
                guard try a.send(Multipart(part), wait: true) else { continue }
                if try b.receive(wait: true)?.parts.first?.byteCount == 100_000 { count += 1 }
              }
              return count
            }
            received.value.add(count, ordering: .relaxed)
          }
        }
        try await group.waitForAll()
      }
      #expect(owners.value == 1)
    }
    #expect(received.value.load(ordering: .relaxed) == 2000)
    context.terminate()
    #expect(owners.value == 0)
  }
}

extension Message {
  /// `rethrows` cannot return a noncopyable value out of a closure; this can.
  fileprivate static func copied(_ bytes: UnsafeRawBufferPointer) -> MessagePart {
    MessagePart(Message(copying: bytes))
  }
}
