import Foundation
import Pipeline
import Synchronization
import Tensors
import Testing
import ZeroMQ

@Suite struct TapPublisherTests {
  /// Waits for `body` to hold, looked at on the tap's thread.
  private func until(_ thread: SocketThread, _ body: @escaping @Sendable () -> Bool) async {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      @Sendable func look() {
        if body() { return done.resume() }
        _ = thread.schedule(after: .milliseconds(2)) { look() }
      }
      thread.perform { look() }
    }
  }

  private final class Box: @unchecked Sendable {
    // Sendable: used on the socket thread only.
    var tap: TapPublisher?
    var made = 0
  }

  @Test(.timeLimit(.minutes(1))) func nothingIsEncodedWithoutASubscriber() async throws {
    let context = try Context()
    let thread = SocketThread(name: "tap-test")
    let place = try ProcessPlace(context: context, host: "here", address: nil)
    let box = Box()
    let tap = try TapPublisher(stage: "augment", worker: "w", place: place, thread: thread)
    box.tap = tap
    let endpoint = try #require(tap.endpoints.inproc)
    let key = ItemKey(group: GroupKey(kind: .training, step: 3, index: 0), slot: 1)
    @Sendable func publish() {
      box.tap!.publish(key) {
        box.made += 1
        return (["label": .integer(7)], nil)
      }
    }
    thread.perform {
      box.tap!.start()
      publish()
    }
    let subscriber = try Socket(.sub, in: context)
    try subscriber.connect(endpoint)
    // Another selection than the item's: still nothing is made.
    try subscriber.subscribe(Array("decode/1".utf8))
    try subscriber.subscribe(Array("augment/1".utf8))
    await until(thread) {
      publish()
      return box.made > 0
    }
    let message = try #require(try subscriber.receive(wait: true))
    #expect(String(decoding: message.parts[0].array, as: UTF8.self) == "augment/1")
    let header = try #require(
      try JSONSerialization.jsonObject(with: Data(message.parts[1].array)) as? [String: Any])
    #expect(header["sequence"] as? Int == 1, "what was published before the subscription was never made")
    #expect(header["step"] as? Int == 3 && header["slot"] as? Int == 1 && header["label"] as? Int == 7)
    subscriber.close()
    thread.perform { box.tap!.close() }
    thread.stop()
    #expect(box.made == 1, "nothing was made before the subscription")
    context.terminate()
  }

  /// However many look at the same topic, when the last has gone nothing is encoded any more; the next one sees items again.
  @Test(.timeLimit(.minutes(1))) func nobodyIsLeftWhenAllHaveGone() async throws {
    let context = try Context()
    let thread = SocketThread(name: "tap-test")
    let place = try ProcessPlace(context: context, host: "here", address: nil)
    let box = Box()
    let tap = try TapPublisher(stage: "augment", worker: "w", place: place, thread: thread)
    box.tap = tap
    let endpoint = try #require(tap.endpoints.inproc)
    let key = ItemKey(group: GroupKey(kind: .training, step: 3, index: 0), slot: 1)
    thread.perform { box.tap!.start() }
    for count in [2, 1, 3] {
      let subscribers = try (0..<count).map { _ in try Socket(.sub, in: context) }
      for subscriber in subscribers {
        try subscriber.connect(endpoint)
        try subscriber.subscribe(Array("augment/1".utf8))
      }
      for subscriber in subscribers {
        while try subscriber.receive() == nil {
          thread.perform { box.tap!.publish(key) { (["label": .integer(7)], nil) } }
          await Task.yield()
        }
      }
      for subscriber in subscribers { subscriber.close() }
      await until(thread) { !box.tap!.isWatched }
    }
    // Another topic, that a number is read from all the same: when it goes nobody loses anything.
    let (watcher, other) = (try Socket(.sub, in: context), try Socket(.sub, in: context))
    for (subscriber, topic) in [(watcher, "augment/1"), (other, "augment/01")] {
      try subscriber.connect(endpoint)
      try subscriber.subscribe(Array(topic.utf8))
    }
    await until(thread) { box.tap!.isWatched }
    other.close()
    for _ in 0..<3 {
      while try watcher.receive() == nil {
        thread.perform { box.tap!.publish(key) { (["label": .integer(7)], nil) } }
        await Task.yield()
      }
    }
    watcher.close()
    await until(thread) { !box.tap!.isWatched }
    thread.perform { box.tap!.close() }
    thread.stop()
    context.terminate()
  }
}
